"""What is made of the measurements: medians, ratios, bounds, and the page about them. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_UNITS = {"B": 1, "kB": 1e3, "KiB": 2**10, "MB": 1e6, "MiB": 2**20, "GB": 1e9, "GiB": 2**30}


@dataclass(frozen=True)
class Comparison:
    """Two series of measurements, taken in turns, and how much of the one the other may be.

    :param what: what was measured, in words.
    :param ours: the lab's figures.
    :param other: figures of what it is compared with.
    :param against: what that is, in words.
    :param bound: highest ratio of the medians that is wanted.
    :param unit: unit of the figures.
    """

    what: str
    ours: Sequence[float]
    other: Sequence[float]
    against: str
    bound: float
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """Median of the one over median of the other."""
        return median(self.ours) / median(self.other)

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.ratio <= self.bound

    def __str__(self) -> str:
        """Write it as a line of a table in Markdown."""
        cells = [
            self.what,
            spread(self.ours, self.unit),
            f"{self.against}: {spread(self.other, self.unit)}",
            f"**{self.ratio:.2f}**",
            f"{self.bound:g}, {_verdict(self.kept)}",
        ]
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True)
class Crowd:
    """Servers that were started at once.

    :param size: how many.
    :param failures: what the hub said about each that did not start.
    """

    size: int
    failures: Sequence[str]

    @property
    def kept(self) -> bool:
        """Whether all have started."""
        return not self.failures

    def __str__(self) -> str:
        """Write how it fared, as an item of a list."""
        if self.kept:
            return f"- {self.size} servers started at once: none failed."
        return f"- {self.size} servers started at once: {len(self.failures)} failed; the first: {self.failures[0]}"


@dataclass(frozen=True)
class Span:
    """Something that was measured once, and is wanted within a time of its own.

    :param what: what was measured, in words.
    :param taken: how long it took, in seconds.
    :param bound: how long it may take at most, in seconds.
    """

    what: str
    taken: float
    bound: float

    @property
    def kept(self) -> bool:
        """Whether it was quick enough."""
        return self.taken <= self.bound

    def __str__(self) -> str:
        """Write it as an item of a list."""
        return f"- {self.what}: {self.taken:.0f} s (wanted, at most: {self.bound:g} s, {_verdict(self.kept)})."


def bytes_of(text: str) -> float:
    """Read an amount of memory as `docker stats` prints it, such as ``103.4MiB / 4GiB``.

    :returns: bytes of the first amount.
    :raises ValueError: there is none.
    """
    found = re.match(r"\s*([\d.]+)\s*([kKMG]?i?B)\b", text)
    if not found:
        raise ValueError(f"no amount of memory: {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def spread(values: Sequence[float], unit: str) -> str:
    """Write a series as its median, with the lowest and the highest of more than one."""
    digits = 0 if unit == "MB" else 2
    text = f"{median(values):.{digits}f} {unit}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _verdict(kept: bool) -> str:
    return "kept" if kept else "missed"


def page(comparisons: Sequence[Comparison], others: Sequence[Crowd | Span], machine: str, date: str) -> str:
    """Write docs/performance.md.

    :param others: what stands beside nothing else.
    :param machine: cores, memory, distribution, engine, in words.
    :param date: when it was measured.
    """
    return _PAGE.format(
        machine=machine,
        date=date,
        rows="\n".join(map(str, comparisons)),
        others="\n".join(map(str, others)),
    )


_PAGE = """\
# Performance

Written by `make bench`; what is changed here is gone with its next run.

Measured on {date}, on {machine}.

Every figure is a median, with the lowest and the highest in brackets, and stands beside one that was taken in the same
run, in turns, for the machine is never the same twice: read the ratios. The plain lab is JupyterHub, DockerSpawner and
JupyterLab as their own pages tell to install them, at the releases of this lab and on its base image, in containers
and a network of their own (`tests/bench/plain`).

| what | this lab | compared with | ratio | wanted, at most |
| --- | --- | --- | --- | --- |
{rows}

{others}

How it is measured:

- A start is the time from `POST /hub/api/users/<name>/server` until the hub tells that the server is ready.
- At once: every user is new, so that this lab makes their homes too; the plain lab's servers keep nothing. The time
  is from the first request until the last server is ready.
- Memory is what `docker stats` tells of a server that is ready and that nobody has opened yet.
- A bare start is `docker run` of this lab's user image with `jupyter lab`, until `/api` answers.
- Over SSH: servers that are containers of this machine with systemd, SSH and an engine of their own, so that the
  controller and all of them share its cores. They get their images from a bundle, the engine from Debian's mirror.
"""
