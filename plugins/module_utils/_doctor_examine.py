# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole examination: every look, then every judgement, for the module C(lab_doctor)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import _doctor_certificates as certificates
from . import _doctor_database as database
from . import _doctor_gpus as gpus
from . import _doctor_names as names
from . import _doctor_server as server
from . import _doctor_stack as stack
from . import _hub_look, _preflight
from ._docker_cli import Docker, Impatient
from ._doctor_page import counted
from ._doctor_since import at_events
from ._hub_diagnosis import diagnose
from ._hub_gather import gather
from ._hub_ground import compose
from ._problems import Problem

Facts = Mapping[str, Any]

DAEMON_JSON = "/etc/docker/daemon.json"
_FOLDERS = ("state", "home", "opt-packages", "shared")


def look(wishes: Facts, docker: Docker, run: Impatient) -> dict[str, Any]:
    """Look at everything.

    :param wishes: options of `lab_doctor`.
    :param run: what *docker* runs its commands with.
    :returns: what `_hub_gather.gather` does, and for each further judgement what its own look has found.
    """
    token, token_facts = _hub_look.at_token(wishes["token_file"])
    root = wishes["data_root"]
    facts = gather(wishes, docker, token, token_facts)
    asked = facts["engine"]["state"] == "ok"
    parts = stack.at_engine(docker) if asked else stack.NO_ENGINE
    # Where there is no lab yet, it will be on the disk of the directory above.
    disks = [root, facts["docker_root"], str(_preflight.nearest_existing(root)), "/"]
    facts |= {
        "disks": _hub_look.at_disks(disks),
        **{key: wishes[key] for key in ("hub_uid", "failed_hours", "network")},
        "parts": parts,
        "project": stack.look(docker, root, wishes["compose_project"], wishes["network"], facts["stack"])
        if asked
        else None,
        "database": database.look(root),
        "certificates": certificates.look(root, wishes["url"], wishes["ca_path"]),
        "inodes": server.at_inodes([*disks, *(str(Path(root, name)) for name in _FOLDERS)]),
        "memory": server.at_memory(),
        "clock": server.at_clock(wishes["asked_at"]),
        "names": names.look(docker, facts["stack"].get("jupyterhub")),
        "gpus": gpus.look(docker, _text(Path(root, "config/jupyterhub_config.py"))),
        "events": at_events(docker) if asked else [],
    }
    if run.hung and facts["engine"]["state"] == "ok":
        # It answered at first; nothing is to be judged by answers that have not come since.
        facts["engine"] = {**facts["engine"], "state": "hung", "detail": run.hung.err}
        facts |= {"project": None, "names": {**facts["names"], "lab": None}}
    return facts


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def judge(facts: Facts) -> list[Problem]:
    """Judge everything, from the ground up."""
    return [
        *diagnose(facts),
        *stack.engine(facts["parts"]),
        *_preflight.daemon_json(DAEMON_JSON)[1],
        *_preflight.elsewhere(facts["data_root"], [one["folder"] for one in facts["stack"].values()]),
        # Where there is no container at all, that says it all.
        *(stack.judge(facts["project"], facts["stack"]) if facts["project"] and facts["stack"] else ()),
        *database.judge(facts["database"], facts["hub_uid"], compose(facts, "").rstrip()),
        *certificates.judge(facts["certificates"], facts["clock"]["now"]),
        *_preflight.data_root(facts["data_root"]),
        *server.inodes(facts["inodes"]),
        *server.memory(facts["memory"]),
        *server.clock(facts["clock"]),
        *names.judge(facts["names"], facts["network"]),
        *gpus.judge(facts["gpus"], facts["user_containers"]),
    ]


def unknown(facts: Facts) -> dict[str, str]:
    """Say which layers could not be looked at, and why: not seen is not well."""
    found = {"clock": server.clock_told(facts["clock"])[1], "names": names.told(facts["names"])[1]}
    if facts["engine"]["state"] != "ok":
        found |= dict.fromkeys(("images", "stack", "hub", "proxy", "servers"), "no engine answers")
    elif not facts["stack"]:
        found |= dict.fromkeys(("images", "hub", "proxy", "servers"), "there is no stack")
    elif facts["users"] is None:
        found |= dict.fromkeys(("hub", "proxy", "servers"), "the hub did not tell")
    base = facts["database"]
    if base["state"] != "ok":
        found["database"] = "there is none"
    elif not base["said"]:
        found["database"] = base["why"]
    return found


def told(facts: Facts) -> dict[str, str]:
    """Say what was seen of each layer."""
    hub = facts["hub"].get("version", "")
    return {
        "engine": f"Docker {facts['engine']['version']}, Compose {facts['parts']['compose_version']}",
        "images": f"{facts['user_image']['name']} and those of the stack",
        "stack": " and ".join(sorted(facts["stack"])) + " run as compose.yml has them",
        "hub": f"JupyterHub {hub} answers at {facts['door']['url']}; {counted(len(facts['users'] or []), 'user')}",
        "proxy": f"{counted(len(facts['routes'] or []), 'route')}, as the hub has them",
        "database": database.told(facts["database"]),
        "certificates": certificates.told(facts["certificates"]),
        "disk": ", ".join(f"{one['free_gb']:.0f} of {one['total_gb']:.0f} GB free" for one in facts["disks"]),
        "memory": f"{facts['memory']['available_mb']} of {facts['memory']['total_mb']} MB available",
        "clock": server.clock_told(facts["clock"])[0],
        "names": names.told(facts["names"])[0],
        "gpus": gpus.told(facts["gpus"]),
        "servers": _servers(facts),
    }


def _servers(facts: Facts) -> str:
    failed, hours = len(facts["failures"]), f"{facts['failed_hours']:g} h"
    lately = f"{failed} failed within {hours}, and need no more care" if failed else f"none failed within {hours}"
    return f"{len(facts['servers'])} run, {lately}"
