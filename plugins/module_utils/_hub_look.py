# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a lab, at its engine and through its door, for `_hub_diagnosis` to judge; changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._docker_cli import Docker, DockerError
from ._doctor_scrub import scrub
from ._hub_api import HubApi, Refused, Unreachable

LABEL = "org.gpulab.jupyterhub"
VERSION_LABEL = f"{LABEL}.jupyterhub-version"

_COMPOSE = "com.docker.compose"
_LINE = "\t".join(
    ["{{.ID}}", "{{.Names}}"]
    + [f'{{{{.Label "{label}"}}}}' for label in (f"{_COMPOSE}.project", LABEL, f"{LABEL}.user")]
)
_GB = 1024**3
# Colours and the like, then what else a terminal would obey; tabs and line ends stay.
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


# --- Engine and containers -------------------------------------------------------------------------------------------


def at_engine(docker: Docker, project: str, user_image: str) -> dict[str, Any]:
    """Find the engine, the containers of the stack and of the users, and the users' image.

    :returns: `engine`, `stack` (container by service), `user_containers`, `user_image` and `docker_root`.
    """
    found: dict[str, Any] = {
        "engine": {"state": "ok", "version": "", "detail": "", "wsl": _is_wsl()},
        "stack": {},
        "user_containers": [],
        "user_image": {"name": user_image, "present": None, "jupyterhub": ""},
        "docker_root": "",
    }
    try:
        info = docker.info()
        found["engine"]["version"] = info["ServerVersion"]
        found["docker_root"] = info["DockerRootDir"]
        stack, users = _pick(docker.ask("ps", "--all", "--no-trunc", "--format", _LINE), project)
        containers = {entry["Id"]: parse_container(entry) for entry in _inspect(docker, stack + users)}
        found["stack"] = {c["service"]: c for key, c in containers.items() if key in stack}
        found["user_containers"] = _of_this_lab(found["stack"], [c for key, c in containers.items() if key in users])
        for container in found["stack"].values():
            if not is_well(container):
                container["log"] = redacted(docker.log_end(container["name"]))
    except DockerError as fault:
        found["engine"].update(state=fault.state, detail=str(fault))
        return found
    return {**found, "user_image": _image(docker, user_image)}


def _pick(listing: str, project: str) -> tuple[list[str], list[str]]:
    """Tell the stack's containers from the users' in what `docker ps` printed; leave out everybody else's.

    A container inherits its image's labels, so that of the users' image alone does not make a user's container.
    """
    stack, users = [], []
    for line in listing.splitlines():
        key, name, of_project, label, user = line.split("\t")
        if of_project == project:
            stack.append(key)
        elif not of_project and label in ("singleuser", "") and (user or name.startswith("jupyter-")):
            users.append(key)
    return stack, users


def _of_this_lab(stack: Mapping[str, Any], users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pick the containers that share a network with the hub, if there is one: a server may have another lab as well."""
    networks = set(stack.get("jupyterhub", {}).get("networks", ()))
    return [container for container in users if not networks or networks & set(container["networks"])]


def _inspect(docker: Docker, keys: list[str]) -> list[dict[str, Any]]:
    """Inspect containers; one that is gone by now must not hide the others."""
    try:
        return docker.inspect("container", *keys)
    except DockerError as fault:
        if fault.state != "failed":
            raise
    left = set(docker.ask("ps", "--all", "--quiet", "--no-trunc").split())
    return docker.inspect("container", *(key for key in keys if key in left))


def parse_container(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Pick from what `docker inspect` tells of a container; its environment, with tokens in it, stays out."""
    state, config = entry["State"], entry["Config"]
    labels = config.get("Labels") or {}
    return {
        "name": entry["Name"].lstrip("/"),
        "id": entry["Id"][:12],
        "image": config["Image"],
        "service": labels.get(f"{_COMPOSE}.service", ""),
        "folder": labels.get(f"{_COMPOSE}.project.working_dir", ""),
        "user": labels.get(f"{LABEL}.user", ""),
        "state": state["Status"],
        "health": (state.get("Health") or {}).get("Status", ""),
        "exit_code": state["ExitCode"],
        "out_of_memory": bool(state.get("OOMKilled")),
        "restarts": entry.get("RestartCount", 0),
        "started": state.get("StartedAt", ""),
        "finished": state.get("FinishedAt", ""),
        "failing_since": _failing_since(state.get("Health") or {}),
        "devices": _has_devices(entry.get("HostConfig") or {}),
        "error": state.get("Error", ""),
        "networks": sorted(entry["NetworkSettings"]["Networks"]),
        "log": "",
    }


def _failing_since(health: Mapping[str, Any]) -> str:
    """Tell when the health check began to fail without a break; '' if it does not fail, or Docker has forgotten."""
    streak = health.get("FailingStreak", 0)
    checks = health.get("Log") or []
    return checks[-streak]["Start"] if 0 < streak <= len(checks) else ""


def _has_devices(host: Mapping[str, Any]) -> bool:
    return bool(host.get("DeviceRequests") or host.get("Devices"))


def is_well(container: Mapping[str, Any]) -> bool:
    """Tell whether a container runs and does not say that it is ill."""
    return container["state"] == "running" and container["health"] in ("healthy", "")


def redacted(text: str) -> str:
    """Blank what looks like a secret in a log, and leave out what colours a terminal, or worse.

    A hub may log an address with a token in it, and a person's own extension anything.
    """
    return scrub(_ESCAPE.sub("", text), ())


def _image(docker: Docker, name: str) -> dict[str, Any]:
    try:
        config = docker.inspect("image", name)[0]["Config"]
    except DockerError as fault:
        return {"name": name, "present": False if "no such image" in str(fault).lower() else None, "jupyterhub": ""}
    return {"name": name, "present": True, "jupyterhub": (config.get("Labels") or {}).get(VERSION_LABEL, "")}


def _is_wsl(version: str = "/proc/version") -> bool:
    return "microsoft" in Path(version).read_text(encoding="utf-8", errors="replace").lower()


# --- Door, token, hub ------------------------------------------------------------------------------------------------


def at_token(path: str) -> tuple[str, dict[str, str]]:
    """Read the token of the playbooks: the token, and how that went (ok, absent, unreadable or empty)."""
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return "", {"file": path, "state": "absent", "detail": ""}
    except (OSError, UnicodeDecodeError) as fault:
        return "", {"file": path, "state": "unreadable", "detail": getattr(fault, "strerror", None) or "not text"}
    return token, {"file": path, "state": "ok" if token else "empty", "detail": ""}


def at_door(api: HubApi, url: str) -> dict[str, Any]:
    """Knock, as everybody may: `state` is ok, hub-away, foreign, redirects, or why there is no answer."""
    try:
        reply = api.get("/health")
    except Unreachable as fault:
        return {"url": url, "state": fault.state, "status": 0, "detail": str(fault), "version": ""}
    door = {"url": url, "status": reply.status, "detail": "", "version": reply.headers.get("x-jupyterhub-version", "")}
    if reply.status == 200 and door["version"]:
        return {**door, "state": "ok"}
    if reply.status in (502, 503, 504):
        return {**door, "state": "hub-away"}
    if 300 <= reply.status < 400:
        return {**door, "state": "redirects", "detail": reply.headers.get("location", "")}
    return {**door, "state": "foreign", "detail": reply.headers.get("server", "")}


def at_hub(api: HubApi) -> tuple[dict[str, Any], str, str]:
    """Ask what the hub knows: `hub`, `users` and `routes`; then a state (ok, refused, scope, failed) and a detail."""
    nothing: dict[str, Any] = {"hub": {}, "users": None, "routes": None}
    try:
        return (
            {"hub": api.fetch("/api/info"), "users": api.pages("/api/users"), "routes": api.pages("/api/proxy")},
            "ok",
            "",
        )
    except Refused as fault:
        if fault.status not in (401, 403):
            return nothing, "failed", str(fault)
        return nothing, "scope" if "scopes" in str(fault) else "refused", str(fault)
    except Unreachable as fault:
        return nothing, "failed", str(fault)


def servers(users: list[dict[str, Any]], containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pair each server that the hub believes to run, or to start, with its container, or None."""
    by_name = {container["name"]: container for container in containers}
    return [
        {
            "user": user["name"],
            "name": server["name"],
            "ready": server["ready"],
            "pending": server["pending"],
            "started": server["started"],
            "last_activity": server["last_activity"],
            "url": server["url"],
            "container_name": container_name(user["name"], server),
            "container": by_name.get(container_name(user["name"], server)),
        }
        for user in users
        for server in user["servers"].values()
        if not server.get("stopped")
    ]


def container_name(user: str, server: Mapping[str, Any]) -> str:
    """Name a server's container: as its spawner recorded it, or else as DockerSpawner makes names."""
    recorded = (server.get("state") or {}).get("object_name")
    return recorded or f"jupyter-{user}" + (f"--{server['name']}" if server["name"] else "")


# --- Disks -----------------------------------------------------------------------------------------------------------


def at_disks(paths: list[str], statvfs=os.statvfs) -> list[dict[str, Any]]:
    """Measure the file systems of directories that are there, each once; sizes in GB of 1024**3 bytes."""
    disks = {}
    for path in filter(os.path.isdir, paths):
        found = statvfs(path)
        free, total = (round(blocks * found.f_frsize / _GB, 2) for blocks in (found.f_bavail, found.f_blocks))
        disks.setdefault(Path(path).stat().st_dev, {"path": path, "free_gb": free, "total_gb": total})
    return list(disks.values())
