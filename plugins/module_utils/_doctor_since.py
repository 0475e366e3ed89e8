# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Since when a problem is there, as far as containers, files and the engine's short memory tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._docker_cli import Docker, DockerError
from ._problems import Problem
from ._times import instant

Facts = Mapping[str, Any]

# The engine remembers 256 events, and health checks make most of them: what is older than an hour is mostly gone.
_EVENTS = ("die", "destroy", "disconnect", "pause")


def at_events(docker: Docker) -> list[dict[str, Any]]:
    """Return what the engine remembers of its last day: `action`, `time`, `id` and `attributes`, the oldest first."""
    filters = [f"--filter=event={event}" for event in _EVENTS]
    try:
        lines = docker.ask("events", "--since=24h", "--until=0s", "--format={{json .}}", *filters).splitlines()
        events = [json.loads(line) for line in lines]
    except (DockerError, ValueError):
        return []
    return [
        {
            "action": event["Action"],
            "time": event["timeNano"] / 1e9,
            "id": event["Actor"]["ID"],
            "attributes": event["Actor"].get("Attributes") or {},
        }
        for event in events
    ]


def since(problem: Problem, facts: Facts) -> float:
    """Return when a problem began, in seconds since 1970; 0 if nothing tells.

    :param facts: `stack`, `user_containers`, `failures`, `database` and `events`.
    """
    if problem.code == "server-failed":
        return _failed(problem, facts)
    if problem.code in ("database-absent", "database-not-writable"):
        return facts["database"]["changed"]
    for container in (*facts["stack"].values(), *facts["user_containers"]):
        if problem.subject == f"container {container['name']}":
            return _of_container(problem, container, facts)
    if problem.code == "hub-away" and "jupyterhub" in facts["stack"]:
        return seconds(facts["stack"]["jupyterhub"]["started"])
    return _removed(problem, facts)


def _failed(problem: Problem, facts: Facts) -> float:
    """Look for the newest failure of that server."""
    for one in facts["failures"]:
        name = f" ({one['server']})" if one["server"] else ""
        if problem.subject == f"server of {one['user']}{name}":
            return seconds(one["when"])
    return 0.0


def _of_container(problem: Problem, container: Facts, facts: Facts) -> float:
    if problem.code == "off-network":
        return max((event["time"] for event in facts["events"] if _took_off(event, container["id"])), default=0.0)
    if problem.code.endswith("-paused"):
        return _last(facts, ("pause",), container["name"])
    if problem.code.endswith("-unhealthy"):
        return seconds(container["failing_since"])
    if problem.code.endswith("-restarting"):
        # It was made anew, or well, before the first of its restarts, and Docker keeps the time of the last only.
        return _first(facts, ("die",), container["name"])
    return seconds(container["finished"] if container["state"] in ("exited", "dead") else container["started"])


def _took_off(event: Facts, container: str) -> bool:
    """Tell whether an event took a container, of which the first digits are given, off a network."""
    return event["action"] == "disconnect" and event["attributes"].get("container", "").startswith(container)


def _removed(problem: Problem, facts: Facts) -> float:
    """Ask the engine when it last let go of what is missing; of an image, it does not remember which name it took."""
    kind, _space, name = problem.subject.partition(" ")
    if problem.code.endswith("-absent") and kind == "service":
        return _last(facts, ("destroy",), name)
    if problem.code == "server-without-container":
        return _last(facts, ("die",), problem.subject.removeprefix("server of ").partition(" ")[0])
    return 0.0


def _times(facts: Facts, actions: tuple[str, ...], what: str) -> list[float]:
    """Return when one of *actions* befell a container, image, service or user's container."""
    return [event["time"] for event in facts["events"] if event["action"] in actions and _is_about(event, what)]


def _first(facts: Facts, actions: tuple[str, ...], what: str) -> float:
    return min(_times(facts, actions, what), default=0.0)


def _last(facts: Facts, actions: tuple[str, ...], what: str) -> float:
    return max(_times(facts, actions, what), default=0.0)


def _is_about(event: Facts, what: str) -> bool:
    told = event["attributes"]
    keys = ("name", "com.docker.compose.service", "org.gpulab.jupyterhub.user")
    return what in [event["id"], *(told.get(key) for key in keys)]


def seconds(text: str) -> float:
    """Turn a time of Docker's or the hub's, C(2026-11-22T21:53:38.97Z), into seconds since 1970; 0 for none."""
    try:
        at = instant(text)
    except ValueError:
        return 0.0
    # Docker's word for never is the year 1.
    return at.timestamp() if at.year > 1 else 0.0
