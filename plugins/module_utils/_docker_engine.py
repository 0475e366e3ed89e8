# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What is known about a server's Docker engine, whether it suffices for a lab, and what has to be done about it.

Parsing and planning only; `docker_engine_info` looks, `_docker_problems` judges.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

Version = tuple[int, ...]

#: What a lab needs: 25 is the first engine with CDI, 2.20 the first Compose with `include` and `depends_on.required`.
MINIMUM = {"engine": (25,), "compose": (2, 20), "buildx": (0,)}


class Plan(NamedTuple):
    """What a converge has to do; every field empty or false on a server that is as it should be."""

    hands_off: bool
    claim: bool
    repair_dpkg: bool
    files: list[dict[str, str]]
    packages: list[str]
    options: bool
    start: bool
    enable: bool

    @property
    def idle(self) -> bool:
        """Nothing to do: `hands_off` alone is a finding, not a deed."""
        return not any(self[1:])


def parse_info(text: str) -> dict[str, Any]:
    """Read what `docker info --format '{{json .}}'` says; it speaks of the client even where no engine answers."""
    info = json.loads(text) if text.strip() else {}
    client = info.get("ClientInfo") or {}
    plugins = {plugin["Name"]: plugin.get("Version", "") for plugin in client.get("Plugins") or []}
    return {
        "running": bool(info.get("ServerVersion")),
        "server_version": info.get("ServerVersion", ""),
        "client_version": client.get("Version", ""),
        "compose_version": plugins.get("compose", ""),
        "buildx_version": plugins.get("buildx", ""),
        "cdi": bool(info.get("CDISpecDirs")),
        "live_restore": bool(info.get("LiveRestoreEnabled")),
        "swarm": (info.get("Swarm") or {}).get("LocalNodeState", "") not in ("", "inactive"),
        "root_dir": info.get("DockerRootDir", ""),
        "containers_running": info.get("ContainersRunning", 0),
    }


def parse_dockerd_version(text: str) -> str:
    """Read `dockerd --version`."""
    found = re.search(r"version ([^\s,]+)", text)
    return found[1] if found else ""


def version(text: str) -> Version:
    """Turn the version of a package or program into numbers: '5:28.1.1-1~debian.12' and 'v28.1.1' are (28, 1, 1)."""
    found = re.match(r"(?:\d+:)?v?(\d+(?:\.\d+)*)", text)
    return tuple(int(number) for number in found[1].split(".")) if found else ()


def shortcomings(look: dict[str, Any]) -> list[str]:
    """List in words what an engine lacks that a lab needs."""
    have = {
        "engine": ("Docker engine", look["server_version"] or look["dockerd_version"]),
        "compose": ("Compose plugin", look["compose_version"]),
        "buildx": ("buildx plugin", look["buildx_version"]),
    }
    lacking = [] if look["docker"] else ["the command `docker` is missing"]
    for part, (name, found) in have.items():
        if not found:
            lacking.append(f"the {name} is missing")
        elif version(found) < MINIMUM[part]:
            least = ".".join(str(number) for number in MINIMUM[part])
            lacking.append(f"the {name} is {found}, and {least} is the oldest that will do")
    return lacking


def is_foreign(look: dict[str, Any]) -> bool:
    """Tell whether an engine is there that this role did not install."""
    return not look["managed"] and bool(look["dockerd"] or look["running"])


def pinned(wanted: str, found: str) -> int:
    """Compare a found version with a pinned one, to the pin's precision: -1 older, 0 as wanted, 1 newer."""
    want, have = version(wanted), version(found)[: len(version(wanted))]
    return (have > want) - (have < want)


def packages_to_install(look: dict[str, Any], wishes: dict[str, Any]) -> list[str]:
    """List what apt has to install, in apt's own words (`name=version*` for what is pinned)."""
    names = []
    for name in wishes["packages"]:
        pin = wishes["version"] if name in wishes["versioned_packages"] else ""
        found = look["packages"].get(name, "")
        if not found or version(found) < _least(name, wishes) or (pin and pinned(pin, found) < 0):
            names.append(f"{name}={wishes['version_epoch']}{pin}*" if pin else name)
    return names


def _least(name: str, wishes: dict[str, Any]) -> Version:
    """Tell the oldest version of a package that will do."""
    if name in wishes["versioned_packages"]:
        return MINIMUM["engine"]
    return MINIMUM["compose"] if "compose" in name else ()


def plan(look: dict[str, Any], wishes: dict[str, Any]) -> Plan:
    """Decide what to do about an engine, from one look and the role's settings."""
    if is_foreign(look) and wishes["existing"] == "use":
        return Plan(True, False, False, [], [], False, not look["running"], False)
    packages = packages_to_install(look, wishes)
    unsettled = look["options_differ"] or bool(look["options_pending"]) or not look["engine_recorded"]
    return Plan(
        hands_off=False,
        claim=not look["managed"],
        repair_dpkg=look["dpkg_interrupted"],
        files=look["files_drifted"],
        packages=packages,
        options=unsettled or bool(packages) or not look["managed"],
        start=not look["running"],
        enable=not look["enabled"],
    )
