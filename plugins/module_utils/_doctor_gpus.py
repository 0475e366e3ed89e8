# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""GPUs, for the doctor: what `gpu_info` sees and says, weighed by whether the lab hands GPUs to users' servers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import _gpu_look
from ._docker_cli import Docker
from ._gpu_diagnosis import diagnose
from ._problems import Problem, warning

Facts = Mapping[str, Any]

# With these, Docker starts no container that shall have a GPU.
_NO_START = {"docker_no_gpu_driver"}


def look(docker: Docker, config: str) -> dict[str, Any]:
    """Look at the server's cards; where the lab hands GPUs out, one at least is looked for.

    :param config: the text of the hub's configuration.
    :returns: what `_gpu_look.at_server` does; `asked`: whether the lab hands GPUs out; `to_all`: whether every server,
        as far as the text tells, has one.
    """
    to_all = "device_requests" in config or "DeviceRequest" in config
    asked = to_all or "LabSpawner.gpu_access" in config
    return {"asked": asked, "to_all": to_all, **_gpu_look.at_server(int(asked), docker)}


def judge(gpus: Facts, containers: Iterable[Facts]) -> Iterator[Problem]:
    """Yield what is between cards and users' servers; where nobody is handed a GPU, none of it keeps anyone from work.

    :param gpus: as `look` returns it.
    :param containers: those of users.
    """
    problems = [*diagnose(gpus)]
    for problem in problems:
        # Only the words: what a program needs to mend it, `gpu_info` has.
        remedy = f"{problem.remedy} {'; '.join(problem.remedy_commands)}".strip()
        severity = "error" if problem.code in _NO_START else problem.severity
        yield Problem(problem.code, severity if gpus["asked"] else "info", problem.subject, problem.evidence, remedy)
    if gpus["to_all"] and not problems:
        yield from _old_containers(containers)


def _old_containers(containers: Iterable[Facts]) -> Iterator[Problem]:
    for container in containers:
        if container["state"] == "running" and not container["devices"]:
            yield warning(
                "gpu-container-old",
                f"container {container['name']}",
                "it was made before GPUs were handed out, and keeps what it was made with.",
                "Its user stops and starts the server: File, Hub Control Panel, Stop My Server.",
            )


def told(gpus: Facts) -> str:
    """Say what was seen."""
    cards = len(gpus["pci_gpus"]) or len(gpus["gpus"])
    if not cards:
        return "no card of NVIDIA here"
    return f"{cards} card{'s' * (cards != 1)} of NVIDIA, driver {gpus['driver']['kernel_version'] or 'not loaded'}"
