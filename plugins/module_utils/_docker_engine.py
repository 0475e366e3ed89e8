# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What is known about a server's Docker engine, whether it suffices for a lab, and what has to be done about it.

Parsing and judging only; `docker_engine_info` looks.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from ._problems import Problem, at_least, error, render, warning

Version = tuple[int, ...]

#: What a lab needs: 25 is the first engine with CDI, 2.20 the first Compose with `include` and `depends_on.required`.
MINIMUM = {"engine": (25,), "compose": (2, 20), "buildx": (0,)}

#: A container of one of the lab's users carries this label.
USER_SERVER_LABEL = "org.gpulab.jupyterhub=singleuser"


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


def parse_packages(text: str) -> dict[str, str]:
    """Read `dpkg-query -W -f '${Package}\\t${db:Status-Status}\\t${Version}\\n'`: versions of installed packages."""
    rows = [line.split("\t") for line in text.splitlines()]
    return {name: version for name, status, version in rows if status == "installed"}


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


def problems(look: dict[str, Any], wishes: dict[str, Any]) -> list[Problem]:
    """Judge an engine: what stands in the way ('error'), and what someone should know ('warning')."""
    if look["client_state"] == "hung":
        return [_hung()]
    if look["root_dir"].startswith("/var/snap/") or look["docker"].startswith("/snap/"):
        return [_confined()]
    if is_foreign(look) and wishes["existing"] == "use":
        return _problems_of_foreign(look, wishes)
    judges = (
        _unknown_distribution,
        _unknown_mirror,
        _conflicting_packages,
        _newer_than_pinned,
        _users_running,
        _options,
    )
    return [found for judge in judges for found in judge(look, wishes)]


def refusal(found: list[Problem]) -> str:
    """Say in one text what stands in the way; '' if nothing does."""
    errors = at_least("error", found)
    return f"The engine cannot be made ready; nothing was changed.\n\n{render(errors)}" if errors else ""


def _hung() -> Problem:
    """Say that the engine takes questions and gives no answer: nothing can be judged by what it hides."""
    return error(
        "engine-hung",
        "Docker",
        "The engine takes questions and gives no answer: `docker info` was given up.",
        "See what it does (journalctl -u docker -n 50; df -h), then systemctl restart docker; users' servers outlive "
        "that only with docker_engine_live_restore.",
    )


def _confined() -> Problem:
    """Say that a snap's engine sees little of the server, so that containers could not mount what the lab keeps."""
    return error(
        "engine-confined",
        "Docker",
        "The engine comes from a snap, which sees neither /srv nor most of what a lab may mount.",
        "Remove it, with all that it holds (snap remove docker), and run this again: the distribution's is installed.",
    )


def _problems_of_foreign(look: dict[str, Any], wishes: dict[str, Any]) -> list[Problem]:
    """Judge an engine that is used as it is."""
    found = _malformed_file(look)
    if lacking := shortcomings(look):
        found.append(
            error(
                "engine-insufficient",
                "docker_engine_existing",
                f"The engine that was already there does not suffice: {'; '.join(lacking)}.",
                "Upgrade or complete it by hand, or set `docker_engine_existing: manage` to let this role do it.",
            )
        )
    if wishes["wants_cdi"] and look["running"] and not look["cdi"]:
        found.append(
            warning(
                "cdi-off",
                "docker_engine_cdi",
                "The engine that was already there runs without CDI, so containers get no GPU through it.",
                'Add `"features": {"cdi": true}` to /etc/docker/daemon.json and restart the engine, or set '
                "`docker_engine_existing: manage`.",
            )
        )
    return found


def _unknown_distribution(_look: dict[str, Any], wishes: dict[str, Any]) -> list[Problem]:
    """Say so where this role knows no packages."""
    if wishes["packages"]:
        return []
    return [
        error(
            "distribution-unknown",
            "docker_engine_source",
            "There are packages for Debian 12 and 13 and Ubuntu 22.04 and 24.04, and this is none of them.",
            "Install an engine 25 or newer, Compose 2.20 or newer, and buildx by hand, and start it; with "
            "`docker_engine_existing: use` it is used as it is.",
        )
    ]


def _unknown_mirror(look: dict[str, Any], _wishes: dict[str, Any]) -> list[Problem]:
    """Say so where a source file has no address to be filled in with."""
    if look["mirror_found"]:
        return []
    return [
        error(
            "mirror-unknown",
            "docker_engine_debian_mirror",
            "None of the sources in /etc/apt says where this server takes its own release from.",
            "Set it to the address of a Debian mirror that this server reaches.",
        )
    ]


def _users_running(look: dict[str, Any], wishes: dict[str, Any]) -> list[Problem]:
    """Refuse to replace the engine under users' servers that would not outlive its restart."""
    if not packages_to_install(look, wishes) or not look["user_servers"] or look["live_restore"]:
        return []
    return [
        error(
            "users-running",
            "docker_engine_version",
            "The engine would be replaced, and because it runs without live-restore that would stop the servers of "
            f"users: {', '.join(look['user_servers'])}.",
            "Have them saved and stopped, and run this again.",
        )
    ]


def _conflicting_packages(look: dict[str, Any], wishes: dict[str, Any]) -> list[Problem]:
    """Name installed packages that apt would have to remove; that is not done silently."""
    conflicts = [name for name in wishes["conflicting_packages"] if name in look["packages"]]
    if not conflicts or not packages_to_install(look, wishes):
        return []
    return [
        error(
            "packages-conflict",
            "docker_engine_source",
            f"{', '.join(conflicts)} cannot be installed together with {', '.join(wishes['versioned_packages'])}.",
            f"Set `docker_engine_source: {wishes['other_source']}` if that is where they came from, or remove them "
            f"yourself: `apt-get remove {' '.join(conflicts)}`; images and containers stay.",
        )
    ]


def _newer_than_pinned(look: dict[str, Any], wishes: dict[str, Any]) -> list[Problem]:
    """Refuse to downgrade."""
    return [
        error(
            "newer-than-pinned",
            "docker_engine_version",
            f"{name} {look['packages'][name]} is installed, newer than the wanted {wishes['version']}.",
            "Raise or empty `docker_engine_version`; an engine is not downgraded, because it may not read the state "
            "that the newer one wrote.",
        )
        for name in wishes["versioned_packages"]
        if wishes["version"] and name in look["packages"] and pinned(wishes["version"], look["packages"][name]) > 0
    ]


def _malformed_file(look: dict[str, Any]) -> list[Problem]:
    """Name what is wrong with daemon.json; even an engine that runs will not start again with it."""
    if not look["daemon_file_problem"]:
        return []
    path = look["daemon_file"]
    return [
        error(
            "daemon-json-malformed",
            path,
            f"{look['daemon_file_problem']}.",
            f"Edit it until `dockerd --validate --config-file={path}` says `configuration OK`, or move it away.",
        )
    ]


def _options(look: dict[str, Any], wishes: dict[str, Any]) -> list[Problem]:
    """Name what is wrong with the options, in the file or in the inventory."""
    found = _malformed_file(look)
    if look["settings_problem"]:
        found.append(
            error(
                "settings-unusable",
                "docker_engine_daemon_options",
                f"{look['settings_problem']}.",
                "Change or empty the setting that is named, or one of the two.",
            )
        )
    if look["swarm"] and wishes["wants_live_restore"]:
        found.append(
            error(
                "swarm-live-restore",
                "docker_engine_live_restore",
                "The engine is part of a swarm, where it does not start with live-restore.",
                "Set `docker_engine_live_restore: false`, or leave the swarm: `docker swarm leave`.",
            )
        )
    return found
