# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What can be wrong between a GPU and a container, how bad it is, and what mends it. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """What all problems of one code have in common."""

    severity: str
    scope: str
    remedy: str
    commands: tuple[str, ...] = ()
    reboot: bool = False


_REGENERATE = ("nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml", "nvidia-ctk cdi list")
_LOAD = ("modprobe nvidia", "nvidia-smi -L")

#: What can be wrong with a server.
SERVER = {
    # --- The server and its driver ---
    "no_gpu_hardware": Kind(
        "error", "host", "Seat the card and its power, or pass it through to this virtual machine.", ("lspci -d 10de:",)
    ),
    "cards_at_odds": Kind(
        "error",
        "host",
        "Give one kind to another server, or keep it from this one's driver (vfio-pci): no driver serves both.",
        ("lspci -nnk -d 10de:",),
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
    "mig_without_slices": Kind(
        "warning",
        "gpu",
        "Make the slices again, which do not outlive a reboot as the mode does, then the CDI specification; or turn "
        "MIG off.",
        ("nvidia-smi mig -i {subject} -lgip", "nvidia-smi mig -i {subject} -cgi <profile> -C", *_REGENERATE),
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

#: What can be wrong with a container, beside what is wrong with its server.
CONTAINER = {
    "image_missing": Kind("error", "container", "Build, load or pull the image.", ("docker image ls",)),
    "container_missing": Kind("error", "container", "Name a container that runs.", ("docker ps",)),
    "probe_not_run": Kind(
        "error",
        "container",
        "Read the engine's words; the image needs a shell and a Python.",
        ("journalctl -u docker -n 50",),
    ),
    "gpu_unknown": Kind(
        "error", "container", "Ask for a GPU or a slice that the server has.", ("nvidia-smi -L", "nvidia-ctk cdi list")
    ),
    "runtime_missing": Kind(
        "error",
        "host",
        "Tell the engine of the runtime, or use CDI, which needs none.",
        ("nvidia-ctk runtime configure --runtime=docker", "systemctl restart docker"),
    ),
    "hook_unknown_device": Kind(
        "error", "container", "Ask for a GPU that the server has, by UUID.", ("nvidia-smi -L",)
    ),
    "cuda_requirement": Kind(
        "error", "container", "Use an image with an older CUDA, or install a newer driver.", ("nvidia-smi --version",)
    ),
    "persistenced_socket": Kind(
        "error",
        "host",
        "Start the persistence daemon, and generate the CDI specification anew.",
        ("systemctl enable --now nvidia-persistenced", *_REGENERATE),
    ),
    "image_ships_driver_libs": Kind(
        "error",
        "container",
        "Build the image without libraries of the driver: the server's own are mounted into every container.",
    ),
    "extra_gpus_visible": Kind(
        "error",
        "container",
        "Nobody else's GPU may be seen: take `default-runtime` out of /etc/docker/daemon.json, and set "
        "NVIDIA_VISIBLE_DEVICES=void for containers without a GPU.",
        ("docker info --format '{{.DefaultRuntime}}'",),
    ),
    "wrong_gpu": Kind(
        "error", "container", "Generate the CDI specification anew, and make the container anew.", _REGENERATE
    ),
    "torch_driver_too_old": Kind(
        "error",
        "container",
        "Use a torch built for an older CUDA, or install a newer driver.",
        ("nvidia-smi --version",),
    ),
    "arch_unsupported": Kind(
        "error", "container", "Use a torch built for this card's compute capability.", ("pip install --upgrade torch",)
    ),
    "mps_unreachable": Kind(
        "error",
        "host",
        "Start the MPS daemon, or take its settings from the environment.",
        ("nvidia-cuda-mps-control -d",),
    ),
    "computation_failed": Kind(
        "error", "container", "Read what CUDA or torch says; the GPU is seen, and computes nothing."
    ),
}

#: Every code that a problem of a GPU can have.
KINDS = SERVER | CONTAINER
