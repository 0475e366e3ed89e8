# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the doctor examines, from the ground up, and which problem belongs where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ._gpu_kinds import KINDS
from ._problems import SEVERITIES, Problem

#: Each layer with the beginnings of the codes that belong to it.
LAYERS: dict[str, tuple[str, ...]] = {
    "engine": ("docker-", "engine-", "daemon-json-"),
    "images": ("user-image-", "stack-image-", "version-"),
    "stack": ("stack-", "compose-", "network-", "off-network"),
    "hub": ("hub-", "api-", "token-"),
    "proxy": ("proxy-", "door-", "route-", "server-without-route"),
    "database": ("database-",),
    "certificates": ("certificate-", "ca-"),
    "disk": ("disk-", "inodes-", "data-root-"),
    "memory": ("memory-",),
    "clock": ("clock-",),
    "names": ("names-",),
    "gpus": ("gpu-", *KINDS),
    "servers": ("server-", "container-"),
}

# What a cause brings with it: the beginning of its code, and those of its effects.
_EFFECTS = {
    "stack-elsewhere": ("token-", "compose-", "stack-differs"),
    "network-absent": ("hub-away", "names-lab-", "door-"),
    "off-network": ("hub-away", "names-lab-", "door-"),
    "proxy-": ("names-lab-",),
    "database-": ("hub-restarting", "hub-down", "hub-unhealthy", "hub-away", "door-timeout", "api-failed"),
    # A full disk is told with what fills it; that nothing can be written there is the same.
    "data-root-not-writable": ("database-not-writable",),
}


def layer_of(code: str) -> str:
    """Name the layer that a code belongs to: that with the longest beginning.

    :raises LookupError: for a code of no layer.
    """
    fits = [(len(start), layer) for layer, starts in LAYERS.items() for start in starts if code.startswith(start)]
    if not fits:
        raise LookupError(f"{code} belongs to no layer")
    return max(fits)[1]


def without_effects(problems: Iterable[Problem]) -> list[Problem]:
    """Leave out what only follows from another problem: one cause, one problem."""
    found = list(problems)
    causes = [problem.code for problem in found if problem.severity == "error"]
    effects = tuple(
        effect
        for cause, brought in _EFFECTS.items()
        if any(code.startswith(cause) for code in causes)
        for effect in brought
    )
    return [problem for problem in found if not problem.code.startswith(effects)]


def rows(problems: Iterable[Problem], told: Mapping[str, str], unknown: Mapping[str, str]) -> list[dict[str, Any]]:
    """Say of each layer how it is: error, warning, info, unknown (which is never ok), or ok.

    :param told: what was seen, by layer.
    :param unknown: why a layer could not be looked at, by layer.
    """
    found = list(problems)
    table = []
    for layer in LAYERS:
        mine = [problem for problem in found if layer_of(problem.code) == layer]
        worst = min((problem.severity for problem in mine), key=SEVERITIES.index, default="")
        state = worst or ("unknown" if unknown.get(layer) else "ok")
        codes = ", ".join(dict.fromkeys(problem.code for problem in mine))
        table.append({"layer": layer, "state": state, "words": codes or unknown.get(layer) or told.get(layer, "")})
    return table
