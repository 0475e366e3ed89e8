# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What can be wrong between a GPU and a container, how bad it is, and what mends it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ._problems import Problem


class Seen(NamedTuple):
    """Where a problem shows.

    :param command: what was run or opened.
    :param rc: its exit code, or NVML's code; None when nothing was run.
    :param errno: name of the system's error, such as ENOENT; empty without one.
    """

    command: str = ""
    rc: int | None = None
    errno: str = ""


@dataclass(frozen=True)
class GpuProblem(Problem):
    """A problem of a GPU: the collection's problem, and what a program needs to mend it.

    :param scope: what is affected: host, gpu, container or user.
    :param seen: where it shows; `evidence` holds the words.
    :param remedy_commands: what to run, in this order.
    :param needs_reboot: whether the remedy ends with a reboot of the server.
    """

    scope: str = "host"
    seen: Seen = Seen()
    remedy_commands: tuple[str, ...] = ()
    needs_reboot: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as modules return it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "scope": self.scope,
            "subject": self.subject,
            "evidence": {**self.seen._asdict(), "text": self.evidence},
            "remedy": self.remedy,
            "remedy_commands": list(self.remedy_commands),
            "needs_reboot": self.needs_reboot,
        }


#: Of a problem that no command showed.
NOWHERE = Seen()


class Kind(NamedTuple):
    """What all problems of one code have in common."""

    severity: str
    scope: str
    remedy: str
    commands: tuple[str, ...] = ()
    reboot: bool = False


_REGENERATE = ("nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml", "nvidia-ctk cdi list")
_LOAD = ("modprobe nvidia", "nvidia-smi -L")

#: Every code that `fault` can give.
KINDS = {
    # --- The server and its driver ---
    "no_gpu_hardware": Kind(
        "error", "host", "Seat the card and its power, or pass it through to this virtual machine.", ("lspci -d 10de:",)
    ),
    "driver_not_installed": Kind(
        "error", "host", "Install NVIDIA's driver: kernel module and nvidia-smi, from one source and of one version."
    ),
    "driver_not_loaded": Kind("error", "host", "Load the kernel module; the kernel's log says why it does not.", _LOAD),
    "driver_hung": Kind(
        "error",
        "host",
        "Drain the server and power it off and on: a process that waits for a dead card cannot be ended.",
        ("journalctl -k -g NVRM -n 50",),
        reboot=True,
    ),
    "driver_output_broken": Kind(
        "error", "host", "Run the command by hand; if it is cut off there too, install the driver again.", ()
    ),
    "version_mismatch": Kind(
        "error",
        "host",
        "Reboot, or unload and load the modules when nothing uses them; then hold the driver's packages, so that no "
        "automatic upgrade does this again.",
        ("systemctl reboot", "apt-mark hold 'nvidia-*' 'libnvidia-*'"),
        reboot=True,
    ),
    "driver_upgraded": Kind(
        "warning", "host", "Reboot when nobody works: until then the old module runs.", ("systemctl reboot",), True
    ),
    "insufficient_permissions": Kind(
        "error",
        "host",
        "Run as root on the server. In a container: SELinux wants `--security-opt label=disable`, a rootless engine "
        "`no-cgroups = true` in /etc/nvidia-container-runtime/config.toml.",
    ),
    "gpu_access_blocked": Kind(
        "error",
        "host",
        "In WSL, update the driver of Windows; elsewhere something holds the card back, such as a virtual machine.",
    ),
    "uvm_missing": Kind(
        "warning",
        "host",
        "Load nvidia-uvm, now and at every start; CUDA does not start without it.",
        ("nvidia-modprobe -u -c 0", "echo nvidia-uvm > /etc/modules-load.d/nvidia-uvm.conf"),
    ),
    # --- Device nodes; on a server of its own these come up only when it is a container itself ---
    "not_injected": Kind(
        "error",
        "container",
        "The container was made without a GPU: ask for one when it is made.",
        ("docker run --device nvidia.com/gpu=<UUID> ...",),
    ),
    "cgroup_denied": Kind(
        "error",
        "container",
        "Make the container anew. One made through the legacy hook loses its GPU at every `systemctl daemon-reload`; "
        "one made through CDI keeps it.",
        ("docker rm -f {subject}",),
    ),
    "no_driver_behind_node": Kind(
        "error",
        "host",
        "Load the driver on the server; the device node is there, and nothing answers behind it.",
        _LOAD,
    ),
    # --- Cards ---
    "no_devices": Kind(
        "error",
        "gpu",
        "Read the kernel's log: the wrong flavour of the kernel module, old firmware, `Above 4G decoding` off in the "
        "BIOS, or too little power.",
        ("journalctl -k -g NVRM -n 50",),
    ),
    "gpus_missing": Kind(
        "error", "host", "Seat the missing card and its power, or pass it through too.", ("lspci -d 10de:",)
    ),
    "gpu_lost": Kind(
        "error",
        "gpu",
        "Take the server out of use and power it off and on; if the card is lost again, check power, cooling and slot.",
        ("journalctl -k -g Xid -n 20", "systemctl poweroff"),
        reboot=True,
    ),
    "gpu_error_state": Kind(
        "error",
        "gpu",
        "Stop what runs on the card and reset it; if it says so still, reboot.",
        ("nvidia-smi --gpu-reset -i {subject}",),
    ),
    "inforom_corrupted": Kind(
        "warning", "gpu", "The card computes, but its own records are damaged: have it replaced under warranty."
    ),
    "fabric_not_ready": Kind(
        "error",
        "host",
        "Install and start the fabric manager of exactly the driver's version: NVSwitch systems need it.",
        ("systemctl enable --now nvidia-fabricmanager",),
    ),
    # --- Engine and toolkit ---
    "docker_no_gpu_driver": Kind(
        "warning",
        "host",
        "Install the NVIDIA Container Toolkit and restart the engine.",
        ("apt-get install nvidia-container-toolkit", "systemctl restart docker"),
    ),
    "docker_no_cdi": Kind(
        "warning",
        "host",
        'Docker 28.2 or later has CDI on; from 25 on, `"features": {"cdi": true}` in /etc/docker/daemon.json turns it '
        "on (`docker_engine_cdi: true`).",
        ("docker info --format '{{json .CDISpecDirs}}'",),
    ),
    "cdi_unresolvable": Kind("warning", "host", "Generate the CDI specification.", _REGENERATE),
    "cdi_stale": Kind("warning", "host", "Generate the CDI specification anew.", _REGENERATE),
    "cdi_spec_broken": Kind("warning", "host", "Generate the CDI specification anew.", _REGENERATE),
    "cdi_spec_unread": Kind(
        "warning",
        "host",
        "Give the server's Python a reader of YAML, or keep the specification as JSON.",
        ("apt-get install python3-yaml",),
    ),
    "default_runtime_nvidia": Kind(
        "warning",
        "host",
        "Take `default-runtime` out of /etc/docker/daemon.json: images that say NVIDIA_VISIBLE_DEVICES=all get every "
        "GPU, whoever runs them.",
        ("nvidia-ctk runtime configure --runtime=docker --set-as-default=false", "systemctl restart docker"),
    ),
}


def fault(code: str, subject: str, text: str, seen: Seen = NOWHERE, **instead: Any) -> GpuProblem:
    """Make a problem of a known kind.

    :param text: what was seen, in words.
    :param instead: fields of `GpuProblem` that this one case has otherwise, such as `severity` or `remedy`.
    :raises KeyError: for a code that `KINDS` does not explain.
    """
    kind = KINDS[code]
    commands = tuple(command.replace("{subject}", subject) for command in kind.commands)
    problem = GpuProblem(
        code, kind.severity, subject, text.strip(), kind.remedy, kind.scope, seen, commands, kind.reboot
    )
    return replace(problem, **instead)


def status(problems: Iterable[Problem]) -> str:
    """Sum up problems in a word: ok, degraded or failed."""
    severities = {problem.severity for problem in problems}
    if "error" in severities:
        return "failed"
    return "degraded" if "warning" in severities else "ok"
