# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds NVIDIA's cards by what they are on the PCI bus, for which no driver is needed; changes nothing."""

from __future__ import annotations

from pathlib import Path

from ._gpu_cards import architecture

_VENDOR = "0x10de"
# Display controllers and 3D controllers; the sound function of a card is neither.
_CLASSES = ("0x0300", "0x0302")
# What joins cards on a board (NVSwitch) is a bridge that is none of PCI's kinds.
_BRIDGES = ("0x0680",)


def cards(root: Path = Path("/")) -> list[dict[str, str]]:
    """List the cards, in the order of their addresses, as `gpu_info` returns them.

    :param root: where the server's files begin.
    """
    return [
        {
            "address": device.name,
            "device_id": (number := _read(device / "device").removeprefix("0x")),
            "architecture": architecture(number),
            "driver": (device / "driver").resolve().name if (device / "driver").exists() else "",
        }
        for device in _of_nvidia(root, _CLASSES)
    ]


def switches(root: Path = Path("/")) -> list[str]:
    """List the addresses of the NVSwitches, which want the fabric manager."""
    return [device.name for device in _of_nvidia(root, _BRIDGES)]


def _of_nvidia(root: Path, classes: tuple[str, ...]) -> list[Path]:
    devices = sorted((root / "sys/bus/pci/devices").glob("*"))
    return [d for d in devices if _read(d / "vendor") == _VENDOR and _read(d / "class").startswith(classes)]


def of_the_server(root: Path = Path("/")) -> list[dict[str, str]]:
    """List the cards that are the server's own, and not a virtual machine's."""
    return [card for card in cards(root) if card["driver"] != "vfio-pci"]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
