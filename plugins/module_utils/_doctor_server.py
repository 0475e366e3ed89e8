# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The server below the lab, for the doctor: inodes, memory, clock. Looks, changes nothing, and judges."""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from . import _preflight
from ._problems import Problem, error, warning

Facts = Mapping[str, Any]

# Of inodes, as a share: below the one few, below the other none to speak of.
_FEW, _NONE = 0.05, 0.005
# Of memory: below this a user's server hardly starts; JupyterLab with one kernel takes about as much.
_SCARCE_MB, _SCARCE_SHARE = 256, 0.05
# In the C library's struct timex, on every 64-bit Linux: its size, generously, and where `status` lies.
_TIMEX_SIZE, _TIMEX_STATUS = 512, 40
_STA_UNSYNC = 0x0040


# --- Inodes ----------------------------------------------------------------------------------------------------------


def at_inodes(paths: Iterable[str], statvfs=os.statvfs) -> list[dict[str, Any]]:
    """Count the inodes of directories' file systems, each once; one without a fixed number, as btrfs, tells 0."""
    found = {}
    for path in filter(os.path.isdir, paths):
        numbers = statvfs(path)
        found.setdefault(Path(path).stat().st_dev, {"path": path, "total": numbers.f_files, "free": numbers.f_favail})
    return list(found.values())


def inodes(places: Iterable[Facts]) -> Iterator[Problem]:
    """Yield the file systems on which hardly a new file can be made."""
    for place in places:
        if place["total"] and place["free"] < _FEW * place["total"]:
            full = place["free"] < _NONE * place["total"]
            yield (error if full else warning)(
                "inodes-full" if full else "inodes-nearly-full",
                f"file system of {place['path']}",
                f"{place['free']} of {place['total']} inodes are free: no more files than that can be made, whatever "
                "room is left.",
                f"Find who has the most files: du --inodes -x {place['path']} | sort -n | tail",
            )


# --- Memory ----------------------------------------------------------------------------------------------------------


def at_memory(proc: str = "/proc") -> dict[str, int]:
    """Read what of memory and swap there is and is left, in MB of 1024**2 bytes."""
    lines = (line.split() for line in Path(proc, "meminfo").read_text(encoding="ascii").splitlines())
    kb = {words[0].rstrip(":"): int(words[1]) for words in lines}
    return {
        "total_mb": kb["MemTotal"] // 1024,
        "available_mb": kb["MemAvailable"] // 1024,
        "swap_mb": kb.get("SwapTotal", 0) // 1024,
        "swap_free_mb": kb.get("SwapFree", 0) // 1024,
    }


def memory(found: Facts) -> Iterator[Problem]:
    """Yield whether the next server of a user would find no memory."""
    if found["available_mb"] < max(_SCARCE_MB, _SCARCE_SHARE * found["total_mb"]):
        yield warning(
            "memory-low",
            "the server's memory",
            f"{found['available_mb']} of {found['total_mb']} MB are available; of {found['swap_mb']} MB of swap, "
            f"{found['swap_free_mb']} are free.",
            "docker stats --no-stream tells whose server takes it; hub_config_user_memory bounds each.",
        )


# --- Clock -----------------------------------------------------------------------------------------------------------


def at_clock(asked_at: float) -> dict[str, Any]:
    """Read the clock.

    :param asked_at: what the machine that asks had as time, in seconds since 1970; 0 to compare with nothing.
    :returns: `now` and `ahead` (None if not compared), in seconds, and `kept`: whether a time service keeps it, as
        the kernel knows from every such service; None if it does not tell.
    """
    now = time.time()
    return {"now": now, "ahead": now - asked_at if asked_at else None, "kept": _kept()}


def _kept() -> bool | None:
    timex = ctypes.create_string_buffer(_TIMEX_SIZE)
    try:
        # All zeros only ask.
        state = ctypes.CDLL(None).adjtimex(timex)
    except (AttributeError, OSError):
        return None
    return None if state < 0 else not struct.unpack_from("i", timex, _TIMEX_STATUS)[0] & _STA_UNSYNC


def clock(found: Facts) -> Iterator[Problem]:
    """Yield whether the clock is wrong, as far as that shows from here."""
    return _preflight.clock(found["now"], found["ahead"] or 0.0)


def clock_told(found: Facts) -> tuple[str, str]:
    """Say what was seen of the clock, and why it cannot be called right: one of the two texts is empty."""
    says = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(found["now"]))
    if found["kept"]:
        return f"{says}, kept by a time service", ""
    if found["ahead"] is not None:
        return f"{says}, as on the machine that asks", ""
    return "", f"it says {says}; no time service keeps it, and nothing here tells whether that is right"
