# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at what a server's cards offer as slices, and at who uses them; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import _gpu_look as gpu
from . import _nvidia_mig as mig
from ._docker_cli import Docker, DockerError
from ._problems import Problem

_GIVEN = "{{.Name}}\t{{json .HostConfig.DeviceRequests}}"


def at_cards(
    layout: Sequence[Mapping[str, Any]], gpus: Sequence[Mapping[str, Any]], docker: Docker
) -> tuple[list[mig.Change], list[Problem]]:
    """Tell what has to change of the cards, and what stands in the way; asks for nothing more where nothing has to."""
    todo = mig.changes(layout, gpus)
    if not todo:
        return [], [*mig.problems(layout, gpus, {}, {})]
    there = {card["uuid"]: card for card in gpus}
    offers = {change.uuid: mig.offered(there[change.uuid], listed(there[change.uuid])) for change in todo}
    return todo, [*mig.problems(layout, gpus, offers, mig.holders(given(docker), gpus))]


def listed(card: Mapping[str, Any]) -> str:
    """Ask a card for its profiles, which it tells in MIG mode only."""
    return gpu.run(["nvidia-smi", "mig", "-lgip", "-i", card["uuid"]]).out if card["mig_mode"] == "enabled" else ""


def given(docker: Docker) -> list[tuple[str, list[dict[str, Any]] | None]]:
    """Ask which GPUs the running containers were given; without an engine there are none.

    :raises DockerError: there is an engine, and it does not tell.
    """
    try:
        running = docker.ask("ps", "--quiet").split()
        told = docker.ask("inspect", "--format", _GIVEN, *running) if running else ""
    except DockerError as fault:
        if fault.no_engine:
            return []
        raise
    rows = (line.partition("\t") for line in told.splitlines())
    return [(name.lstrip("/"), json.loads(requests)) for name, _tab, requests in rows]
