# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Python packages that a lab shares: where users' servers find them, and who may change them."""

from typing import Any

TARGET = "/opt/packages"
"""Where the shared packages lie in a user's server; the image's pip knows them there."""
OPEN, CURATED, OFF = MODES = ("open", "curated", "off")


def mounts(mode: str, source: str, *, admin: bool) -> list[dict[str, Any]]:
    """List the mount of the shared packages, as Docker's `Mount` takes it; nothing where they are off.

    :param mode: one of `MODES`.
    :param source: directory of the Docker host that holds them.
    :param admin: whether the server's user is an admin of the hub, and so installs where others may not.
    """
    if mode == OFF:
        return []
    return [{"source": source, "target": TARGET, "read_only": mode == CURATED and not admin}]


def environment(mode: str) -> dict[str, str]:
    """Give what has pip install into the shared packages, and kernels and terminals import from there."""
    return {} if mode == OFF else {"PIP_TARGET": TARGET, "PYTHONPATH": TARGET}
