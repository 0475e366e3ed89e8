# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What stands in the way of a lab on a server's Docker engine, or should be known of it. Pure."""

from __future__ import annotations

from typing import Any

from ._docker_engine import is_foreign, packages_to_install, pinned, shortcomings
from ._problems import Problem, at_least, error, render, warning


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
