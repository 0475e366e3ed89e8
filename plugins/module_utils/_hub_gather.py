# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole look at a lab that C(hub_info) and C(lab_doctor) judge: engine, door, hub, servers, disks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _hub_drain as drain
from . import _hub_look as look
from ._docker_cli import Docker
from ._hub_api import HubApi
from ._hub_failures import at_failures

PLACES_SPEC = {
    "url": {"type": "str", "default": "http://127.0.0.1:8000"},
    "ca_path": {"type": "path"},
    "token_file": {"type": "path", "default": "/srv/jupyterhub/secrets/ansible_token", "no_log": False},
    "data_root": {"type": "path", "default": "/srv/jupyterhub"},
    "compose_project": {"type": "str", "default": "jupyterhub"},
    "user_image": {"type": "str", "default": "jupyter-custom-gpu:latest"},
    "min_free_gb": {"type": "float", "default": 2},
    "timeout": {"type": "int", "default": 10},
    "failed_hours": {"type": "float", "default": 24},
}
"""Where a lab is, but for its engine's socket, and how closely to look; documented by the fragment `lab_places`."""


def gather(wishes: Mapping[str, Any], docker: Docker, token: str, token_facts: dict[str, str]) -> dict[str, Any]:
    """Look at everything; return the facts that `diagnose` judges."""
    facts = {
        **{key: wishes[key] for key in ("data_root", "compose_project", "min_free_gb")},
        **look.at_engine(docker, wishes["compose_project"], wishes["user_image"]),
        **{"hub": {}, "users": None, "routes": None, "servers": [], "failures": []},
        "token": token_facts,
        "drained": drain.read(wishes["data_root"]),
    }
    api = HubApi(wishes["url"], token, wishes["timeout"], wishes["ca_path"])
    facts["door"] = look.at_door(api, wishes["url"])
    if facts["door"]["state"] == "ok" and token:
        known, state, detail = look.at_hub(api)
        facts.update(known, token={**token_facts, "state": state, "detail": detail})
        facts["servers"] = look.servers(facts["users"] or [], facts["user_containers"])
        facts["failures"] = at_failures(api, wishes["failed_hours"])
    facts["disks"] = look.at_disks([wishes["data_root"], facts["docker_root"]])
    return facts
