# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Which GPUs a user's server gets, as ``LabSpawner.gpu_access`` has it; knows neither JupyterHub nor Docker."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from labhub.texts import Text, said

ALL, NONE = "all", "none"
OPTION = "gpu"
"""The field of the form, and the key of the options that a start may bring: `NONE`, `ALL` or a UUID."""
CDI, LEGACY = INJECTIONS = ("cdi", "legacy")

_UUID = re.compile(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

REPEATED = 60
"""Characters of a wish that are repeated to whoever has it; a UUID has 40."""


class Refused(ValueError):
    """A choice that a user does not have; ``text`` says it to them."""

    def __init__(self, text: Text):
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Allowed:
    """What one user may have.

    :param gpus: UUIDs, or `ALL` alone; empty for nothing.
    :param choice: whether the user picks one of them or none, or gets them all.
    """

    gpus: tuple[str, ...] = ()
    choice: bool = False


PROOF = Allowed((ALL,), choice=True)
"""What verify's own server may have, so that it is proved for all GPUs, whoever they are given to."""


def problem(rule: Mapping[str, Any]) -> str | None:
    """Say what is wrong with one entry of ``LabSpawner.gpu_access``; None when nothing is."""
    unknown = rule.keys() - {"users", "groups", "gpus", "choice"}
    if unknown:
        return f"unknown {', '.join(sorted(unknown))} (accepted: users, groups, gpus, choice)"
    for key in ("users", "groups"):
        names = rule.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return f"{key} must be a list of names"
    if not isinstance(rule.get("choice", False), bool):
        return "choice must be True or False"
    return _problem_of_gpus(rule.get("gpus"))


def _problem_of_gpus(gpus: Any) -> str | None:
    if gpus == ALL:
        return None
    if not isinstance(gpus, list):
        return "gpus must be 'all' or a list of UUIDs"
    for gpu in gpus:
        if not isinstance(gpu, str) or not _UUID.fullmatch(gpu):
            return f"{gpu!r} is no UUID of a GPU, GPU-... or MIG-...; nvidia-smi -L on the server tells them"
    if len(set(gpus)) < len(gpus):
        return "gpus names a GPU twice"
    return None


def for_user(rules: Iterable[Mapping[str, Any]], username: str, groups: Iterable[str]) -> Allowed:
    """Find out what a user may have: the first rule that is theirs counts; without one, nothing.

    A rule is for whom it names in ``users`` and for members of its ``groups``. One that has neither key is for
    everybody; a list that is empty names nobody, so that a roster that comes out empty gives nothing away.

    :param groups: names of the hub groups that the user is in.
    """
    theirs = set(groups)
    for rule in rules:
        everybody = "users" not in rule and "groups" not in rule
        if everybody or username in rule.get("users", ()) or theirs.intersection(rule.get("groups", ())):
            gpus = (ALL,) if rule["gpus"] == ALL else tuple(rule["gpus"])
            return Allowed(gpus, rule.get("choice", False))
    return Allowed()


def chosen(allowed: Allowed, wish: Any) -> tuple[str, ...]:
    """Say which GPUs a server gets.

    :param wish: what its start brought as `OPTION`, whatever that is; None for nothing.
    :returns: UUIDs, or `ALL` alone.
    :raises Refused: the wish is not among what the user may have.
    """
    if wish is None or wish == NONE:
        return () if allowed.choice else allowed.gpus
    if not isinstance(wish, str) or wish not in allowed.gpus:
        # Never less than was asked for without a word, and never more.
        raise Refused(_refusal(allowed, wish))
    return (wish,) if allowed.choice else allowed.gpus


def _refusal(allowed: Allowed, wish: Any) -> Text:
    asked = repr(wish)[:REPEATED]
    if not allowed.gpus:
        return Text("You asked for %(gpu)s; this lab gives you no GPU. Start again without.", gpu=asked)
    offered = ", ".join((NONE, *allowed.gpus) if allowed.choice else allowed.gpus)
    return Text("You asked for %(gpu)s; there is for you: %(offered)s. Start again.", gpu=asked, offered=offered)


# What Docker is asked for


def requests(gpus: Sequence[str], injection: str) -> list[dict[str, Any]]:
    """List the device requests for GPUs, each with what docker-py's `DeviceRequest` takes.

    :param gpus: what `chosen` returned.
    :param injection: one of `INJECTIONS`.
    """
    if not gpus:
        return []
    if injection == CDI:
        return [{"driver": "cdi", "device_ids": [f"nvidia.com/gpu={gpu}" for gpu in gpus]}]
    which = {"count": -1} if ALL in gpus else {"device_ids": list(gpus)}
    return [{"driver": "nvidia", "capabilities": [["gpu"]], **which}]


def holds(container: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a container was made with these device requests, and no others.

    :param container: what Docker tells of it.
    :param wanted: what `requests` returned.
    """
    held = container.get("HostConfig", {}).get("DeviceRequests") or ()
    theirs = [(one.get("Driver"), sorted(one.get("DeviceIDs") or ()), one.get("Count") or 0) for one in held]
    return theirs == [(one["driver"], sorted(one.get("device_ids", ())), one.get("count", 0)) for one in wanted]


def environment(gpus: Sequence[str], injection: str) -> dict[str, str]:
    """Give what keeps NVIDIA's runtime, where it is the engine's default, from adding GPUs to a server.

    Images made for CUDA ask that runtime for all of them.
    """
    if gpus and injection == LEGACY:
        # Which ones, the engine tells the runtime itself.
        return {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
    return {"NVIDIA_VISIBLE_DEVICES": "void"}


# The choice, on the page where a server starts


def form(allowed: Allowed, names: Mapping[str, str], language: str) -> str:
    """Write the field of the form, HTML; '' for whoever has no choice.

    :param names: words for GPUs, by UUID.
    """
    if not allowed.choice or not allowed.gpus:
        return ""
    words = {NONE: Text("No GPU"), ALL: Text("All GPUs")} | {gpu: f"{name} ({gpu})" for gpu, name in names.items()}
    options = [
        f'<option value="{gpu}"{" selected" * (gpu == NONE)}>{escape(said(words.get(gpu, gpu), language))}</option>'
        for gpu in (NONE, *allowed.gpus)
    ]
    label = escape(Text("GPU of your server:").said(language))
    return (
        f'<label class="form-label" for="{OPTION}">{label}</label>\n'
        f'<select class="form-select" id="{OPTION}" name="{OPTION}">\n{"".join(options)}\n</select>\n'
    )


def options(fields: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Turn the form's fields, each with its values, into the options of a start."""
    return {OPTION: fields[OPTION][0]} if fields.get(OPTION) else {}
