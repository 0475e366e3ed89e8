# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a card's PCI device number tells of it: its architecture, and which drivers are for it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

#: NVIDIA gives device numbers out in blocks, by chip: the first of each block, and the architecture of its chips, as
#: the PCI ID Repository names them.
_BLOCKS = (
    (0x06C0, "Fermi"),
    (0x0FA0, "Kepler"),
    (0x1040, "Fermi"),
    (0x1180, "Kepler"),
    (0x1200, "Fermi"),
    (0x1280, "Kepler"),
    (0x1340, "Maxwell"),
    (0x15C0, "Pascal"),
    (0x1600, "Maxwell"),
    (0x1700, "Pascal"),
    (0x1740, "Maxwell"),
    (0x1B00, "Pascal"),
    (0x1D80, "Volta"),
    (0x1E00, "Turing"),
    (0x2080, "Ampere"),
    (0x2180, "Turing"),
    (0x2200, "Ampere"),
    (0x2300, "Hopper"),
    (0x2400, "Ampere"),
    (0x2600, "Ada"),
    (0x2900, "Blackwell"),
    # What comes after them is of no architecture that is known here.
    (0x3400, ""),
)
# Chips of Hopper that sit beside a Grace processor, and take another driver.
_GRACE_HOPPER = (0x2342, 0x2348)
_FIRSTS = [first for first, _name in _BLOCKS]

OPEN, PROPRIETARY = "open", "proprietary"


class Fit(NamedTuple):
    """Which drivers are for a card: flavours of the kernel module, and branches; 0 is no bound."""

    flavors: tuple[str, ...]
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        """Say it in words."""
        bounds = [f"branch {self.first} or later"] if self.first else []
        bounds += [f"branch {self.last} at most"] if self.last else []
        return ", ".join([f"{' or '.join(self.flavors)} kernel module", *bounds])


#: From NVIDIA's driver documentation: open modules need a GSP, which Turing was the first to have; 580 is the last
#: branch for Maxwell to Volta, 470 for Kepler, 390 for Fermi.
FITS = {
    "Fermi": Fit((PROPRIETARY,), last=390),
    "Kepler": Fit((PROPRIETARY,), last=470),
    "Maxwell": Fit((PROPRIETARY,), last=580),
    "Pascal": Fit((PROPRIETARY,), last=580),
    "Volta": Fit((PROPRIETARY,), last=580),
    "Turing": Fit((OPEN, PROPRIETARY)),
    "Ampere": Fit((OPEN, PROPRIETARY), first=470),
    "Ada": Fit((OPEN, PROPRIETARY), first=525),
    "Hopper": Fit((OPEN, PROPRIETARY), first=525),
    "Grace Hopper": Fit((OPEN,), first=525),
    "Blackwell": Fit((OPEN,), first=570),
}


def architecture(device_id: str) -> str:
    """Name the architecture of a card.

    :param device_id: PCI device number, hexadecimal.
    :returns: such as `Ampere`; empty if it is not known.
    """
    try:
        number = int(device_id, 16)
    except ValueError:
        return ""
    if number in _GRACE_HOPPER:
        return "Grace Hopper"
    place = bisect_right(_FIRSTS, number) - 1
    return _BLOCKS[place][1] if place >= 0 else ""


def driver_for(device_ids: Iterable[str]) -> Fit | None:
    """Find which drivers serve all of these cards; None where no architecture is known, or none does."""
    fits = _fits(device_ids).values()
    flavors = tuple(flavor for flavor in (OPEN, PROPRIETARY) if all(flavor in fit.flavors for fit in fits))
    first = max((fit.first for fit in fits), default=0)
    last = min((fit.last for fit in fits if fit.last), default=0)
    return Fit(flavors, first, last) if fits and flavors and (not last or first <= last) else None


def at_odds(device_ids: Iterable[str]) -> str:
    """Say what each architecture of these cards needs, if no one driver serves them all; otherwise nothing."""
    fits = _fits(numbers := [*device_ids])
    return "" if not fits or driver_for(numbers) else "; ".join(f"{name} needs: {fit}" for name, fit in fits.items())


def _fits(device_ids: Iterable[str]) -> dict[str, Fit]:
    """Return what suits each architecture among these cards."""
    return {name: FITS[name] for name in map(architecture, device_ids) if name}
