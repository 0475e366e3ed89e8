# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with what a lab stands on: the engine, and the containers of its stack. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._problems import Problem, error, warning

Facts = Mapping[str, Any]

#: Compose services without which there is no lab.
SERVICES = ("proxy", "jupyterhub")


def judge_engine(facts: Facts) -> Iterator[Problem]:
    """Yield why the engine cannot be asked."""
    engine = facts["engine"]
    if engine["state"] == "ok":
        return
    code, remedy = {
        "missing": ("docker-missing", _install(engine["wsl"])),
        "denied": ("engine-denied", "Ask as root: become: true in a play, sudo at a prompt."),
        "down": (
            "engine-down",
            "Start it: systemctl start docker; where it will not, journalctl -u docker -n 50 says why. "
            "./run.sh server puts the engine right.",
        ),
        "hung": (
            "engine-hung",
            "See what it does (journalctl -u docker -n 50; df -h), then systemctl restart docker; "
            "users' servers outlive that only with docker_engine_live_restore.",
        ),
    }.get(engine["state"], ("engine-failed", "journalctl -u docker -n 50 says more; ./run.sh server puts it right."))
    yield error(code, "Docker", engine["detail"], remedy)


def _install(wsl: bool) -> str:
    if wsl:
        return (
            "Turn on Docker Desktop's integration with this WSL distribution (Settings, Resources, WSL integration), "
            "or install an engine inside it: ./run.sh server."
        )
    return "./run.sh server installs it."


def judge_stack(facts: Facts) -> Iterator[Problem]:
    """Yield what is wrong with the containers of the Compose project; the engine answers."""
    project, stack = facts["compose_project"], facts["stack"]
    if not stack:
        yield error(
            "stack-absent",
            f"Compose project {project}",
            "none of its containers exists: the lab was never brought up here, or was taken down.",
            "./run.sh",
        )
        return
    for service in SERVICES:
        if service not in stack:
            yield error(
                f"{short(service)}-absent",
                f"service {service}",
                f"Compose project {project} has no container for it.",
                compose(facts, f"up -d {service}"),
            )
        else:
            yield from _service(facts, service, stack[service])


def _service(facts: Facts, service: str, container: Facts) -> Iterator[Problem]:
    """Judge one container of the stack by the state that Docker gives it."""
    name, state = short(service), container["state"]
    subject = f"container {container['name']}"
    logs = compose(facts, f"logs --tail=200 {service}")
    # Between two tries it runs, and says that it is starting.
    if state == "restarting" or (container["health"] == "starting" and container["restarts"]):
        yield error(
            f"{name}-restarting",
            subject,
            ended(container)
            + f" and is started again and again ({container['restarts']} times so far)."
            + _log(container),
            f"Put right what its log tells ({logs}), then ./run.sh.",
        )
    elif state == "paused":
        yield error(f"{name}-paused", subject, "it was paused.", f"docker unpause {container['name']}")
    elif state != "running":
        yield error(
            f"{name}-down",
            subject,
            ended(container) + "." + _log(container),
            f"{compose(facts, f'up -d {service}')}; if it ends again, its log tells why: {logs}.",
        )
    elif container["health"] == "unhealthy":
        yield error(
            f"{name}-unhealthy",
            subject,
            "it runs, but does not answer its health check." + _log(container),
            f"{compose(facts, f'restart {service}')}; if that does not help, its log tells more: {logs}.",
        )
    elif container["health"] == "starting":
        yield warning(f"{name}-starting", subject, "it is starting.", "Ask again in a minute.")


def ended(container: Facts) -> str:
    """Say how a container came to its end."""
    if container["out_of_memory"]:
        return "it was ended for lack of memory"
    if container["error"]:
        return f"it could not start: {container['error']}"
    if container["state"] == "created":
        return "it was made, but never started"
    if container["state"] == "running":
        return "it ends as it starts"
    return f"it ended with exit code {container['exit_code']}"


def _log(container: Facts) -> str:
    return f" The end of its log:\n{container['log']}" if container["log"] else ""


def short(service: str) -> str:
    """Return what problem codes call a service of the stack."""
    return "hub" if service == "jupyterhub" else service


def compose(facts: Facts, words: str) -> str:
    """Return the command that Compose does *words* with at a prompt."""
    return f"docker compose -f {facts['data_root']}/compose.yml {words}"
