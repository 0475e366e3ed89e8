# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds NVIDIA's cards by what they are on the PCI bus, for which no driver is needed; changes nothing."""

from __future__ import annotations

from pathlib import Path

from ._gpu_cards import architecture

_VENDOR = "0x10de"
# Display controllers and 3D controllers; the sound function of a card is neither.
_CLASSES = ("0x0300", "0x0302")


def cards(root: Path = Path("/")) -> list[dict[str, str]]:
    """List the cards, in the order of their addresses, as `gpu_info` returns them.

    :param root: where the server's files begin.
    """
    devices = sorted((root / "sys/bus/pci/devices").glob("*"))
    return [
        {
            "address": device.name,
            "device_id": (number := _read(device / "device").removeprefix("0x")),
            "architecture": architecture(number),
            "driver": (device / "driver").resolve().name if (device / "driver").exists() else "",
        }
        for device in devices
        if _read(device / "vendor") == _VENDOR and _read(device / "class").startswith(_CLASSES)
    ]


def of_the_server(root: Path = Path("/")) -> list[dict[str, str]]:
    """List the cards that are the server's own, and not a virtual machine's."""
    return [card for card in cards(root) if card["driver"] != "vfio-pci"]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
