# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a container's GPUs, judged from what `_gpu_probe` saw inside and the engine said. Pure.

In this order: the engine's words, the error of each device node, NVML's code, the UUIDs, a computation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ._gpu_diagnosis import code_of
from ._gpu_problems import GpuProblem, Seen, fault

Facts = Mapping[str, Any]

CONTROL = "/dev/nvidiactl"
UVM = "/dev/nvidia-uvm"

# NVML's library stands in the image or is mounted; these are the ways to load none at all.
_LIBRARY_NOT_FOUND = 12
_MISMATCH = 18

# The engine's words, from the surest to the widest.
_SAID = (
    ("docker_no_cdi", 'could not select device driver "cdi"'),
    ("docker_no_gpu_driver", 'could not select device driver ""'),
    ("cdi_unresolvable", "unresolvable CDI device"),
    ("runtime_missing", "unknown or invalid runtime name: nvidia"),
    ("hook_unknown_device", "unknown device"),
    ("cuda_requirement", "unsatisfied condition: cuda"),
    ("persistenced_socket", "nvidia-persistenced/socket: no such file"),
    ("version_mismatch", "driver/library version mismatch"),
    ("driver_not_loaded", "nvml error: driver not loaded"),
    ("driver_not_installed", "load library failed: libnvidia-ml.so"),
    ("not_injected", '"nvidia-smi": executable file not found'),
    ("container_missing", "No such container"),
    ("container_missing", "is not running"),
    ("image_missing", "No such image"),
    ("image_missing", "Unable to find image"),
    ("image_missing", "pull access denied"),
)
_CUDA_CODES = {802: "fabric_not_ready", 803: "version_mismatch", 805: "mps_unreachable", 999: "uvm_missing"}
_COMPUTING_SAID = (
    ("torch_driver_too_old", "driver on your system is too old"),
    ("arch_unsupported", "no kernel image is available"),
    ("fabric_not_ready", "Error 802"),
    ("mps_unreachable", "Error 805"),
    ("uvm_missing", "CUDA unknown error"),
)


# --- What was seen ----------------------------------------------------------------------------------------------------


def parse_probe(text: str) -> dict[str, Any] | None:
    """Read what `_gpu_probe` printed; None if it is not that."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            try:
                told = json.loads(line)
            except json.JSONDecodeError:
                return None
            return told if {"device_nodes", "nvml", "cuda", "torch"} <= told.keys() else None
    return None


def uuids(probe: Facts | None) -> list[str]:
    """Return what can be computed on: the slices of a card that is sliced, and else the card."""
    gpus = probe["nvml"]["gpus"] if probe else []
    return sorted(uuid for gpu in gpus for uuid in (gpu["slices"] or [gpu["uuid"]]) if uuid)


def injection(container: Facts) -> str:
    """Tell from `docker inspect` how a container got its GPUs: cdi, hook or none."""
    host = container.get("HostConfig") or {}
    for request in host.get("DeviceRequests") or ():
        if request.get("Driver") == "cdi":
            return "cdi"
        if request.get("Driver") == "nvidia" or any("gpu" in group for group in request.get("Capabilities") or ()):
            return "hook"
    environment = (container.get("Config") or {}).get("Env") or ()
    visible = next((entry.split("=", 1)[1] for entry in environment if entry.startswith("NVIDIA_VISIBLE_DEVICES=")), "")
    return "hook" if host.get("Runtime") == "nvidia" and visible not in ("", "void", "none") else "none"


def requested_by(container: Facts, host: list[dict[str, Any]]) -> list[str]:
    """Tell from `docker inspect` which GPUs a container was made with.

    :param host: the server's GPUs, as the probe tells of them, in the order of their indices.
    """
    requests = (container.get("HostConfig") or {}).get("DeviceRequests") or ()
    names = [
        str(name).partition("=")[2] or str(name) for request in requests for name in request.get("DeviceIDs") or ()
    ]
    if any(request.get("Count") == -1 for request in requests):
        names.append("all")
    by_index = {str(gpu["index"]): [gpu["uuid"]] for gpu in host}
    by_index |= {f"{gpu['index']}:{n}": [uuid] for gpu in host for n, uuid in enumerate(gpu["slices"])}
    by_index["all"] = [uuid for gpu in host for uuid in gpu["slices"] or [gpu["uuid"]]]
    return sorted({uuid for name in names for uuid in by_index.get(name, [name])})


def survives_daemon_reload(how: str, cgroup_driver: str) -> bool | None:
    """Tell whether a container keeps its GPUs over `systemctl daemon-reload`; None without any.

    systemd then sets up device rules anew, and knows nothing of what the legacy hook has added behind its back.
    """
    return {"cdi": True, "hook": cgroup_driver != "systemd"}.get(how)


# --- What is wrong ----------------------------------------------------------------------------------------------------


def diagnose(facts: Facts) -> list[GpuProblem]:
    """Judge a container.

    :param facts: `subject` (image or container), `requested` and `host_uuids` (None if the server's are not known),
        `host_code` (NVML's on the server), `host_driver` (version), `said` (the engine's words), `command`, `probe`.
    """
    if facts["said"]:
        return [by_engine(facts["subject"], facts["said"], facts["command"])]
    if facts["probe"] is None:
        return [fault("probe_not_run", facts["subject"], "what it printed is no answer.", Seen(facts["command"], 0))]
    seen = uuids(facts["probe"])
    if not facts["requested"] and not seen:
        return []
    if broken := _access(facts) if facts["requested"] else None:
        return [broken]
    return [*_sets(facts["subject"], facts["requested"], seen), *_computing(facts)]


def unknown(subject: str, requested: Iterable[str], host_uuids: Iterable[str] | None) -> list[GpuProblem]:
    """Name what is requested and the server does not have; nothing where that is not known."""
    gone = sorted({*requested} - {*host_uuids}) if host_uuids is not None else []
    return [fault("gpu_unknown", subject, f"the server has no {uuid}.", Seen("nvidia-smi -L", 0)) for uuid in gone]


def by_engine(subject: str, said: str, command: str) -> GpuProblem:
    """Name the problem behind the engine's words."""
    code = next((code for code, words in _SAID if words in said), "probe_not_run")
    return fault(code, subject, said, Seen(command), severity="error")


def _access(facts: Facts) -> GpuProblem | None:
    """Judge device nodes and NVML of a container that should have a GPU."""
    probe, subject = facts["probe"], facts["subject"]
    if probe["nvml"]["code"] == 0:
        return _lost(subject, probe["nvml"]["gpus"])
    errno = next((node["errno"] for node in probe["device_nodes"] if node["path"] == CONTROL), "ENOENT")
    nvml = probe["nvml"]
    seen = Seen(f"open {CONTROL}", nvml["code"], errno)
    # EIO and the like come from a driver that is there: NVML says more.
    by_errno = code_of(999, "", errno)
    if by_errno:
        text = f"opening {CONTROL} gives {errno}; NVML: {nvml['text']}"
        return fault(by_errno, subject, text, seen, **_to_type(by_errno, facts))
    seen = Seen("nvmlInit_v2", nvml["code"])
    if nvml["code"] == _LIBRARY_NOT_FOUND:
        return fault(
            "not_injected", subject, f"device nodes are there, the driver's libraries are not: {nvml['text']}", seen
        )
    if nvml["code"] == _MISMATCH and facts["host_code"] == 0:
        text = f"{nvml['library']} is not of the server's driver {facts['host_driver']}, and there NVML works."
        return fault("image_ships_driver_libs", subject, text, seen, **_to_type("image_ships_driver_libs", facts))
    code = code_of(nvml["code"], nvml["text"], "") or "computation_failed"
    return fault(code, subject, f"NVML: {nvml['text']}", seen)


def _to_type(code: str, facts: Facts) -> dict[str, Any]:
    """Return the commands of a remedy that a container which runs and an image want each in its own way."""
    runs, subject = facts["command"] == "docker exec", facts["subject"]
    find = f"docker exec {subject} find" if runs else f"docker run --rm --entrypoint find {subject}"
    commands = {
        # A container of an image is gone by now.
        "cgroup_denied": (f"docker rm -f {subject}",) if runs else (),
        "image_ships_driver_libs": (f"{find} / -name 'libnvidia-ml.so*' -o -name 'libcuda.so*'",),
    }
    return {"remedy_commands": commands[code]} if code in commands else {}


def _lost(subject: str, gpus: list[dict[str, Any]]) -> GpuProblem | None:
    """Judge a GPU that NVML counts and that does not answer."""
    for gpu in gpus:
        if gpu["error"]:
            text = f"GPU {gpu['index']} does not answer: NVML's error {gpu['error']}."
            return fault(code_of(gpu["error"], "", "") or "gpu_lost", subject, text, Seen("NVML", gpu["error"]))
    return None


def _sets(subject: str, requested: Iterable[str], seen: Iterable[str]) -> Iterator[GpuProblem]:
    missing, extra = sorted({*requested} - {*seen}), sorted({*seen} - {*requested})
    at = Seen("nvmlDeviceGetUUID", 0)
    if missing:
        text = f"missing: {', '.join(missing)}; seen instead: {', '.join(extra) or 'none'}."
        yield fault("wrong_gpu", subject, text, at)
    elif extra:
        yield fault("extra_gpus_visible", subject, f"seen, and not asked for: {', '.join(extra)}.", at)


def _computing(facts: Facts) -> Iterator[GpuProblem]:
    subject, code = facts["subject"], facts["probe"]["cuda"]["code"]
    torch = facts["probe"]["torch"] or {"error": ""}
    if code:
        kind = _CUDA_CODES.get(code, "computation_failed")
        yield fault(kind, subject, f"cuInit gives {code}.", Seen("cuInit", code), severity="error")
    elif torch["error"]:
        kind = next((kind for kind, words in _COMPUTING_SAID if words in torch["error"]), "computation_failed")
        yield fault(kind, subject, torch["error"], Seen(f"torch {torch['version']}"), severity="error")


def is_uuid(name: str) -> bool:
    """Tell whether a name is a GPU's or a slice's UUID, which stays when indices shift."""
    return bool(re.fullmatch(r"(GPU|MIG)-[\w/-]+", name))
