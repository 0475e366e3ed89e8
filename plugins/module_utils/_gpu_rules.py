# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What an argument spec cannot say about settings of GPUs: who gets which, and the driver for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ._name_rules import group_name, user_name

_CARD = re.compile(r"GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Of a whole GPU instance; 1c.3g.40gb would be a part of one.
_PROFILE = re.compile(r"[1-9]g\.[1-9][0-9]*gb(\+\S+)?")
_UUID = re.compile(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def gpu_access(value: list[dict]) -> Iterator[str]:
    """Yield what is wrong with the rules of who gets which GPUs."""
    everybodys = 0
    for number, rule in enumerate(value, start=1):
        if everybodys:
            yield f"rule {number} never counts, as rule {everybodys} is for everybody; put it before that one."
            return
        yield from (f"rule {number}: {wrong}" for wrong in _wrong_in_gpu_rule(rule) if wrong)
        if "users" not in rule and "groups" not in rule:
            everybodys = number


def _wrong_in_gpu_rule(rule: dict) -> Iterator[str | None]:
    for key, wrong in ("users", user_name), ("groups", group_name):
        names = rule.get(key, [])
        if names is None:
            yield f"{key} is empty; name some, or leave it out."
        yield from (wrong(name) for name in map(str, names or []))
    yield from _wrong_gpus(rule["gpus"])
    if not isinstance(rule.get("choice", False), bool):
        yield f"choice {rule['choice']!r} must be true or false, without quotes."


def _wrong_gpus(gpus: Any) -> Iterator[str | None]:
    if gpus == "all":
        return
    if not isinstance(gpus, list):
        yield f"gpus {gpus!r} must be all, or a list of UUIDs."
        return
    yield from map(gpu_uuid, gpus)
    for gpu in sorted({gpu for gpu in gpus if isinstance(gpu, str) and gpus.count(gpu) > 1}):
        yield f"{gpu!r} stands there twice."


def gpu_uuid(value: Any) -> str | None:
    """Say why *value* cannot name a GPU; an index may mean another card after the next start of the server."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return None
    return f"{value!r} is no UUID of a GPU, GPU-... or MIG-... in full; nvidia-smi -L on the server tells them."


def mig_layout(value: list[dict]) -> Iterator[str]:
    """Yield what is wrong with how cards are to be sliced."""
    seen: dict[str, int] = {}
    for number, entry in enumerate(value, start=1):
        for card in entry["cards"]:
            if card != "all" and not _CARD.fullmatch(card):
                yield f"entry {number}: {card!r} is no UUID of a card, GPU-... in full, and not all; see nvidia-smi -L."
            if card in seen:
                yield f"entry {number}: {card!r} stands in entry {seen[card]}, too."
            seen[card] = number
        for name in entry["slices"]:
            if not _PROFILE.fullmatch(name):
                yield f"entry {number}: {name!r} is no profile, such as 3g.40gb; nvidia-smi mig -lgip lists a card's."


def gpu_names(value: dict) -> str | None:
    """Say what is wrong with the words for GPUs."""
    return next(filter(None, map(gpu_uuid, value)), None)


def environment(value: dict) -> str | None:
    """Say why users' servers cannot have such an environment."""
    if "NVIDIA_VISIBLE_DEVICES" in value:
        return "NVIDIA_VISIBLE_DEVICES would give GPUs past hub_config_gpu_access; say there who gets which."
    return None


def driver_branch(value: Any) -> str | None:
    """Say why *value* cannot be a branch of NVIDIA's driver."""
    if int(value) == 0 or 300 <= int(value) <= 999:
        return None
    return f"{value} is no branch of NVIDIA's driver; write its first number, such as 580, or 0 to have one chosen."
