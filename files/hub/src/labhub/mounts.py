# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Mounts of users' servers, as ``LabSpawner.mounts`` lists them."""

from collections.abc import Iterable, Sequence
from typing import Any


def for_user(mounts: Sequence[dict[str, Any]], username: str, groups: Iterable[str]) -> list[dict[str, Any]]:
    """Pick the mounts that a user gets, with the user's name filled in.

    :param groups: names of the hub groups that the user is in.
    :returns: dicts with ``source``, ``target`` and ``read_only``, as Docker's `Mount` takes them.
    """
    theirs = set(groups)
    return [
        {
            "source": mount["source"].replace("{username}", username),
            "target": mount["target"].replace("{username}", username).rstrip("/"),
            "read_only": mount.get("mode", "ro") == "ro",
        }
        for mount in mounts
        if not mount.get("groups") or theirs.intersection(mount["groups"])
    ]


def inside(home: str, mounts: Iterable[dict[str, Any]]) -> frozenset[str]:
    """List the mount points that lie in a home, relative to it.

    :param home: path of the home in the container.
    :param mounts: what `for_user` returned.
    """
    prefix = f"{home}/"
    return frozenset(mount["target"].removeprefix(prefix) for mount in mounts if mount["target"].startswith(prefix))


def problem(mount: dict[str, Any]) -> str | None:
    """Say what is wrong with one entry of ``LabSpawner.mounts``; None when nothing is."""
    unknown = mount.keys() - {"source", "target", "mode", "groups"}
    if unknown:
        return f"unknown {', '.join(sorted(unknown))} (accepted: source, target, mode, groups)"
    for key in ("source", "target"):
        path = mount.get(key)
        if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
            return f"{key} must be an absolute path without '..'"
    if mount.get("mode", "ro") not in ("ro", "rw"):
        return "mode must be 'ro' or 'rw'"
    groups = mount.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        return "groups must be a list of group names"
    return None
