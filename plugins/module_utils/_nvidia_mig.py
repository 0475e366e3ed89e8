# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""How cards are to be sliced (MIG), what differs from it, and what stands in the way. Pure.

A slice is a whole GPU instance with one compute instance, by the name of its profile: `3g.40gb` has three of the
seven parts of a card that compute.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ._problems import Problem, error, warning

Gpu = Mapping[str, Any]

SETTING = "nvidia_container_toolkit_mig"
ALL = "all"
#: What the fragment `mig_layout` documents.
LAYOUT_OPTION: dict[str, Any] = {
    "mig": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "cards": {"type": "list", "elements": "str", "required": True},
            "slices": {"type": "list", "elements": "str", "required": True},
        },
    },
}
#: What `nvidia-smi mig -lgip` lists: the name of a profile, and how many of it are free and fit in all.
_LISTED = re.compile(r"\bMIG (\d+g\.\S+)\s+\d+\s+\d+/(\d+)\s")
_NAME = re.compile(r"(\d+)g\.(\d+)gb(\+\S+)?")


class Change(NamedTuple):
    """What has to be done to one card.

    :param mode: the MIG mode to set, enabled or disabled; empty if it is right.
    :param clears: whether slices are there that have to go first.
    :param slices: profiles to make, the largest first.
    """

    uuid: str
    mode: str
    clears: bool
    slices: Sequence[str]


def changes(layout: Sequence[Mapping[str, Any]], gpus: Sequence[Gpu]) -> list[Change]:
    """Compare what is wished with the cards that the driver tells of; a card that nobody names is left alone."""
    wanted = _by_card(layout, gpus)
    return [change for gpu in gpus if gpu["uuid"] in wanted and (change := _change(gpu, wanted[gpu["uuid"]]))]


def _by_card(layout: Sequence[Mapping[str, Any]], gpus: Sequence[Gpu]) -> dict[str, list[str]]:
    """Return the slices wished by UUID; `all` are those cards that can be sliced and that no other entry names."""
    named = {uuid: entry["slices"] for entry in layout for uuid in entry["cards"] if uuid != ALL}
    for entry in layout:
        if ALL in entry["cards"]:
            able = (gpu["uuid"] for gpu in gpus if gpu["mig_mode"] != "unsupported")
            named = dict.fromkeys(able, entry["slices"]) | named
    return named


def _change(gpu: Gpu, slices: Sequence[str]) -> Change | None:
    mode = "enabled" if slices else "disabled"
    there = present(gpu)
    if waits(gpu, slices):
        return None
    if gpu["mig_mode"] in (mode, "unsupported" if not slices else mode) and Counter(there) == Counter(slices):
        return None
    return Change(gpu["uuid"], "" if gpu["mig_mode"] == mode else mode, bool(there), sorted(slices, key=_by_size))


def waits(gpu: Gpu, slices: Sequence[str]) -> bool:
    """Tell whether a card has been told its MIG mode, and takes it with its next reset."""
    return gpu["mig_mode"] != gpu["mig_pending"] == ("enabled" if slices else "disabled")


def present(gpu: Gpu) -> list[str]:
    """Name the slices of a card, the largest first; one without a name, of which nvidia-smi tells no UUID, is `?`."""
    return sorted((device["profile"] or "?" for device in gpu["mig_devices"]), key=_by_size)


def _by_size(profile: str) -> tuple[int, str]:
    match = _NAME.fullmatch(profile)
    return (-int(match[1]) if match else 0), profile


def described(gpus: Iterable[Gpu], uuids: Iterable[str]) -> str:
    """Write how cards are sliced, one a line, for a diff."""
    named = {*uuids}
    return "".join(
        f"{gpu['uuid']}: {', '.join(present(gpu)) or 'no slices'}, MIG {gpu['mig_mode']}\n"
        for gpu in gpus
        if gpu["uuid"] in named
    )


def after(gpus: Sequence[Gpu], todo: Iterable[Change]) -> list[dict[str, Any]]:
    """Return the cards as they are to be once all changes are made."""
    made = {change.uuid: change for change in todo}
    return [
        {
            **gpu,
            "mig_mode": made[gpu["uuid"]].mode or gpu["mig_mode"],
            "mig_pending": made[gpu["uuid"]].mode or gpu["mig_mode"],
            "mig_devices": [{"uuid": "", "profile": name} for name in made[gpu["uuid"]].slices],
        }
        if gpu["uuid"] in made
        else dict(gpu)
        for gpu in gpus
    ]


# --- What cards offer -------------------------------------------------------------------------------------------------

# Memory of a card in MiB, by its compute capability, and the sizes in its profiles' names: of the smallest slice, of
# that of twice its memory, of a half and of the whole. From NVIDIA's MIG user guide.
_SEVENTHS = {
    ("8.0", 40960): (5, 10, 20, 40),
    ("8.0", 81920): (10, 20, 40, 80),
    ("9.0", 81559): (10, 20, 40, 80),
    ("9.0", 95830): (12, 24, 47, 94),
    ("9.0", 97871): (12, 24, 48, 96),
    ("9.0", 143771): (18, 35, 71, 141),
    ("10.0", 183359): (23, 45, 90, 180),
}
_QUARTERS = {("8.0", 24576): (6, 12, 24), ("12.0", 97887): (24, 48, 96)}
_NEAR = 0.02


def offered(gpu: Gpu, listed: str = "") -> dict[str, int]:
    """Return the profiles of a card, and how many of each fit; empty where that is not known.

    :param listed: output of `nvidia-smi mig -lgip`, which a card answers in MIG mode only.
    """
    if told := {match[1]: int(match[2]) for match in _LISTED.finditer(listed)}:
        return told
    if sizes := _nearest(_SEVENTHS, gpu):
        small, double, half, whole = (f"{size}gb" for size in sizes)
        names = (
            f"1g.{small}",
            f"1g.{small}+me",
            f"1g.{double}",
            f"2g.{double}",
            f"3g.{half}",
            f"4g.{half}",
            f"7g.{whole}",
        )
        return dict(zip(names, (7, 1, 4, 3, 2, 1, 1), strict=True))
    if sizes := _nearest(_QUARTERS, gpu):
        small, half, whole = (f"{size}gb" for size in sizes)
        return {f"1g.{small}": 4, f"2g.{half}": 2, f"4g.{whole}": 1}
    return {}


def _nearest(table: Mapping[tuple[str, int], tuple[int, ...]], gpu: Gpu) -> tuple[int, ...]:
    total = gpu["memory"]["total"] or 0
    near = [
        (abs(memory - total), sizes)
        for (cap, memory), sizes in table.items()
        if cap == gpu["compute_cap"] and abs(memory - total) <= memory * _NEAR
    ]
    return min(near)[1] if near else ()


def fits(slices: Sequence[str], profiles: Mapping[str, int]) -> bool:
    """Tell whether slices fit on a card together: by what they compute with, by their memory, and by number."""
    whole = max(int(_NAME.match(name)[1]) for name in profiles)
    smallest = min(int(_NAME.match(name)[2]) for name in profiles)
    counted = Counter(slices)
    if any(count > profiles[name] for name, count in counted.items()):
        return False
    parts = sum(int(_NAME.match(name)[1]) for name in slices)
    return parts <= whole and sum(_memory(name, whole, smallest) for name in slices) <= (8 if whole == 7 else whole)


def _memory(profile: str, whole: int, smallest: int) -> int:
    """Count the parts of a card's memory that a slice takes: of eight where seven parts compute, else of as many."""
    parts, size = (int(number) for number in _NAME.match(profile).group(1, 2))
    if whole != 7:
        return parts
    return {1: 2 if size > 1.5 * smallest else 1, 2: 2, 3: 4, 4: 4}.get(parts, 8)


# --- What stands in the way -------------------------------------------------------------------------------------------


def problems(
    layout: Sequence[Mapping[str, Any]],
    gpus: Sequence[Gpu],
    profiles: Mapping[str, Mapping[str, int]],
    holders: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    """Judge a layout against the cards that are there; nothing while the driver tells of none.

    :param profiles: what `offered` tells of each card that has to change, by UUID.
    :param holders: names of the containers that were given a card or a slice of it, by the card's UUID.
    """
    there = {gpu["uuid"]: gpu for gpu in gpus}
    if not there:
        return
    gone = sorted({uuid for entry in layout for uuid in entry["cards"]} - {*there, ALL})
    if gone:
        # One dead card must not keep a lab from being put right.
        yield warning(
            "mig-card-gone",
            SETTING,
            f"{', '.join(gone)} is to be sliced, and this server has {', '.join(sorted(there))}.",
            "Mend the UUID there (`nvidia-smi -L` tells them), or see why the card is gone: ./run.sh doctor.",
        )
    for uuid, slices in _by_card(layout, gpus).items():
        if uuid in there and waits(there[uuid], slices):
            yield warning(
                "mig-waits",
                uuid,
                f"{there[uuid]['name']} takes its MIG mode with its next reset, and is as it was until then.",
                f"Reset it when nobody uses it, `nvidia-smi --gpu-reset -i {uuid}`, or reboot; then run this again.",
            )
    for change in changes(layout, gpus):
        yield from _of_profiles(there[change.uuid], change, profiles.get(change.uuid, {}))
        yield from _of_users(there[change.uuid], holders.get(change.uuid, ()))


def _of_profiles(gpu: Gpu, change: Change, offers: Mapping[str, int]) -> Iterator[Problem]:
    card = f"{gpu['name']} {gpu['uuid']}"
    if change.slices and gpu["mig_mode"] == "unsupported":
        yield _refused(f"{card} cannot be sliced.", "Name a card that can, such as an A100 or an H100.")
    elif change.slices and not offers:
        yield _refused(
            f"Which slices {card} offers is known once it is in MIG mode, and is not known here before.",
            f"Turn that on by hand, `nvidia-smi -i {gpu['uuid']} -mig 1`, and run this again.",
        )
    elif lacking := sorted({*change.slices} - {*offers}):
        yield _refused(f"{card} has no {', '.join(lacking)}; it has {', '.join(offers)}.", "Name some of these.")
    elif change.slices and not fits(change.slices, offers):
        yield _refused(
            f"{', '.join(change.slices)} do not fit on {card} together.",
            "Name fewer or smaller ones; `nvidia-smi mig -lgipp` lists where each can be.",
        )


def _of_users(gpu: Gpu, holders: Sequence[str]) -> Iterator[Problem]:
    busy = [f"process {process['pid']} ({process['name']})" for process in gpu["processes"]]
    busy += [f"container {name}" for name in holders]
    if busy:
        yield error(
            "mig-card-in-use",
            gpu["uuid"],
            f"{', '.join(busy)} would lose it: a card is sliced anew only when nobody uses it.",
            f"Have them stopped, or take the card out of `{SETTING}`, and run this again.",
        )


def _refused(evidence: str, remedy: str) -> Problem:
    return error("mig-impossible", SETTING, evidence, remedy)


def holders(
    containers: Iterable[tuple[str, Sequence[Mapping[str, Any]] | None]], gpus: Iterable[Gpu]
) -> dict[str, list[str]]:
    """Tell which containers were given which card, or a slice of it.

    :param containers: names, and what `docker inspect` has as their `HostConfig.DeviceRequests`.
    """
    found: dict[str, list[str]] = {}
    asked = [(name, request) for name, requests in containers for request in requests or ()]
    for gpu in gpus:
        own = {gpu["uuid"], *(device["uuid"] for device in gpu["mig_devices"])}
        found[gpu["uuid"]] = sorted({name for name, request in asked if _asks_for(request, own)})
    return found


def _asks_for(request: Mapping[str, Any], own: set[str]) -> bool:
    ids = [one.rpartition("=")[2] for one in request.get("DeviceIDs") or ()]
    if not ids:
        # The legacy way to say all of them, or some number, whichever they are.
        return any("gpu" in group for group in request.get("Capabilities") or ())
    return ALL in ids or bool(own & {*ids}) or any(one.isdigit() for one in ids)
