# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks into a container, one that runs or a new one of an image, by running `_gpu_probe` in it."""

from __future__ import annotations

import contextlib
import inspect
import sys
import uuid
from typing import Any

from . import _docker_cli as cli
from . import _gpu_container as inside
from . import _gpu_look as look
from . import _gpu_probe as probe

#: Of the containers that a probe runs in.
LABEL = "org.gpulab.jupyterhub=gpu-probe"

# The first Python of these reads the probe from its standard input; users' images have theirs in /opt/lab.
_SHELL = (
    "for python in /opt/lab/bin/python python3 python; do "
    'command -v "$python" >/dev/null && exec "$python" -I - "$@"; done; '
    "echo 'There is no Python in this image.' >&2; exit 127"
)
#: What a probe tells that has not run.
NOTHING: dict[str, Any] = {
    "device_nodes": [],
    "nvml": {"code": None, "text": "", "library": "", "driver": "", "cuda": "", "gpus": []},
    "cuda": {"code": None},
    "torch": None,
}


def at_host() -> dict[str, Any]:
    """Ask the server's own NVML, in a process of its own: a library may end the one that loads it."""
    answer = cli.command([sys.executable, "-I", "-", "no-compute"], stdin=inspect.getsource(probe))
    return inside.parse_probe(answer.out) or NOTHING


def request(gpus: list[str], how: str) -> list[str]:
    """Return the options of `docker run` that hand over GPUs."""
    if how == "cdi":
        return [word for uuid in gpus for word in ("--device", f"nvidia.com/gpu={uuid}")]
    return ["--gpus", f'"device={",".join(gpus)}"'] if gpus else []


def ask(docker: cli.Docker, words: list[str], wishes: dict[str, Any]) -> dict[str, Any]:
    """Run the probe in a container; return what it told, or the engine's words."""
    told: dict[str, Any] = {"command": f"docker {words[0]}", "said": "", "probe": None}
    words = [*words, *([] if wishes["compute"] else ["no-compute"])]
    try:
        out = docker.ask(*words, stdin=inspect.getsource(probe), timeout=wishes["timeout"])
    except cli.DockerError as error:
        return {**told, "said": str(error), "hung": error.state == "hung"}
    return {**told, "probe": inside.parse_probe(out)}


def ask_new(docker: cli.Docker, gpus: list[str], wishes: dict[str, Any]) -> dict[str, Any]:
    """Run the probe in a container of the image, which is gone afterwards; also one that never answers."""
    name = f"gpu-probe-{uuid.uuid4()}"
    run = ["run", "--rm", "-i", f"--name={name}", "--pull=never", "--network=none", "--label", LABEL]
    devices = request(gpus, wishes["injection"])
    told = ask(docker, [*run, "--entrypoint=/bin/sh", *devices, wishes["image"], "-c", _SHELL, "sh"], wishes)
    if told.pop("hung", False):
        with contextlib.suppress(cli.DockerError):
            docker.ask("rm", "--force", name)
    return told


def look_at(wishes: dict[str, Any], docker: cli.Docker, host: dict[str, Any]) -> dict[str, Any]:
    """Look into the container; return the facts that `_gpu_container` judges, and how it got its GPUs."""
    facts = {
        "subject": wishes["container"] or wishes["image"],
        "host_uuids": inside.uuids(host) if host["nvml"]["code"] == 0 else None,
        "host_code": host["nvml"]["code"],
        "host_driver": host["nvml"]["driver"] or look.loaded_version(),
        **{"requested": sorted(wishes["gpus"] or []), "injection": wishes["injection"] if wishes["gpus"] else "none"},
        **{"command": "", "said": "", "probe": None},
    }
    if wishes["image"]:
        if gone := inside.unknown(facts["subject"], facts["requested"], facts["host_uuids"]):
            return facts | {"gone": gone}
        return facts | ask_new(docker, facts["requested"], wishes)
    try:
        (container,) = docker.inspect("container", wishes["container"])
    except cli.DockerError as error:
        return facts | {"command": "docker inspect", "said": str(error)}
    facts["injection"] = inside.injection(container)
    if wishes["gpus"] is None:
        facts["requested"] = inside.requested_by(container, host["nvml"]["gpus"])
    return facts | ask(docker, ["exec", "-i", wishes["container"], "/bin/sh", "-c", _SHELL, "sh"], wishes)
