# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The Compose project against its own compose.yml, and the engine's parts, for the doctor. Looks and judges."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import _docker_engine
from . import _hub_stack as stack
from ._docker_cli import Docker, DockerError
from ._hub_look import is_well
from ._problems import Problem, error, warning

Facts = Mapping[str, Any]


#: What is known of an engine that does not answer.
NO_ENGINE = _docker_engine.parse_info("")


def at_engine(docker: Docker) -> dict[str, Any]:
    """Tell of engine, client and plugins what `_docker_engine.parse_info` does."""
    return _docker_engine.parse_info(docker.answer("info", "--format", "{{json .}}").out)


def engine(found: Facts) -> Iterator[Problem]:
    """Yield whether something is missing without which the lab cannot be looked after."""
    lacking = _docker_engine.shortcomings({**found, "docker": True, "dockerd_version": ""})
    if found["running"] and lacking:
        yield error("engine-insufficient", "Docker", f"{'; '.join(lacking)}.", "./run.sh server puts it right.")


def look(docker: Docker, data_root: str, project: str, network: str, containers: Mapping[str, Facts]) -> dict[str, Any]:
    """Compare what runs with compose.yml as it lies there.

    :param containers: those of the stack by service, as `_hub_look.at_engine` tells of them.
    :returns: `path` and `state` (ok, absent, or why it cannot be read) of compose.yml, `network` and `has_network`,
        `off_network` and `missing` (services; the latter with the image that is not there), and `differences`.
    """
    found: dict[str, Any] = {"path": str(Path(data_root, "compose.yml")), "network": network, "differences": []}
    found["has_network"] = _is_there(docker, "network", network)
    found["off_network"] = sorted(
        name for name, one in containers.items() if one["state"] == "running" and network not in one["networks"]
    )
    found["missing"] = {
        name: one["image"] for name, one in containers.items() if _is_there(docker, "image", one["image"]) is False
    }
    try:
        found["differences"] = _differences(docker, Path(found["path"]), project, network)
    except FileNotFoundError:
        return found | {"state": "absent"}
    except (OSError, DockerError, ValueError, KeyError) as fault:
        return found | {"state": str(fault)}
    return found | {"state": "ok"}


def _is_there(docker: Docker, kind: str, name: str) -> bool | None:
    """Tell whether the engine has something; None if it does not answer."""
    answer = docker.answer(kind, "inspect", name)
    gone = answer.state == "failed" and any(words in answer.err.lower() for words in ("no such", "not found"))
    return True if answer.state == "ok" else False if gone else None


def _differences(docker: Docker, path: Path, project: str, network: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    said = docker.ask("compose", f"--project-directory={path.parent}", f"--file={path}", "config", "--format=json")
    wanted = stack.Wanted(path, text, project, json.loads(said)["services"], network)
    return stack.differences(wanted, stack.at_stack(docker, wanted)).all


def judge(found: Facts, containers: Mapping[str, Facts]) -> Iterator[Problem]:
    """Yield how what runs differs from compose.yml.

    :param found: as `look` returns it.
    :param containers: as `look` takes them.
    """
    if found["state"] == "absent":
        yield warning(
            "compose-absent", found["path"], "the file is gone; what runs, runs on.", "./run.sh writes it anew."
        )
    elif found["state"] != "ok":
        yield error("compose-unusable", found["path"], f"{found['state']}.", "./run.sh writes it anew.")
    broken = [*_of_network(found, containers), *_of_images(found)]
    yield from broken
    # Each of those makes a difference too, and so does a container that is not well; both are told by their own names.
    if found["differences"] and not broken and all(map(is_well, containers.values())):
        yield warning("stack-differs", "the stack", f"{'; '.join(found['differences'])}.", "./run.sh puts that right.")


def _of_network(found: Facts, containers: Mapping[str, Facts]) -> Iterator[Problem]:
    if found["has_network"] is False:
        yield error(
            "network-absent",
            f"Docker network {found['network']}",
            "it is gone, so hub, proxy and users' servers do not reach each other.",
            "./run.sh",
        )
        return
    for service in found["off_network"]:
        name = containers[service]["name"]
        yield error(
            "off-network",
            f"container {name}",
            f"it is not on the network {found['network']}, so the rest of the lab does not reach it.",
            f"docker network connect --alias {service} {found['network']} {name}",
        )


def _of_images(found: Facts) -> Iterator[Problem]:
    for service, image in found["missing"].items():
        yield warning(
            "stack-image-missing",
            f"image {image}",
            f"it is not on this server. What runs of the service {service}, runs on, but could not be made anew"
            + (", nor can a home of a new user." if service == "jupyterhub" else "."),
            "./run.sh",
        )
