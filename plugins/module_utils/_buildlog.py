# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""How far a build is, and where it failed, from what BuildKit (C(--progress=plain)) or mmdebstrap prints."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

_LINE = re.compile(r"#(?P<number>\d+) (?P<text>.*)")
_STEP = re.compile(r"\[(?:(?P<stage>\S+) +)?(?P<index>\d+)/(?P<total>\d+)\] (?P<what>.*)")
_OUTPUT = re.compile(r"\d+\.\d+(?: (?P<text>.*))?")
_EXIT = re.compile(r"ERROR: process .* did not complete successfully: (?P<why>.*)")
_UNNAMED_STAGE = re.compile(r"stage-\d+")
_NOISE = (
    re.compile(r"--(?:mount|from|chmod|chown|link)(?:=\S+)?\s*"),
    re.compile(r"(?<=RUN )(?:set -\w+;\s*|if \[[^]]*\]; then\s+|\w+=(?:\"[^\"]*\"|\S+);?\s+(?:&& )?)+"),
    re.compile(r"-o \S+=\S+\s*"),
)
_WIDTH = 60


@dataclass
class Step:
    """One vertex of a build; `began` is in seconds, on the clock of whoever feeds the log."""

    name: str
    began: float
    where: str = ""
    what: str = ""
    running: bool = True
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=200))

    def words(self) -> str:
        """Name the step as a person would."""
        return f"{self.where}, {self.what}" if self.where else self.what


class BuildLog:
    """Reads the log of a BuildKit build, line by line."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}
        self._failed: Step | None = None
        self._other: deque[str] = deque(maxlen=200)

    def feed(self, line: str, now: float) -> None:
        """Take in one line; *now* is in seconds."""
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            self._other.append(line.rstrip())
            return
        number, text = match["number"], match["text"]
        # BuildKit's word about itself; it never ends.
        if number == "0":
            return
        if number not in self._steps:
            self._steps[number] = _step(text, now)
            return
        self._follow(self._steps[number], text)

    def _follow(self, step: Step, text: str) -> None:
        """Take in a line that is about a step already known."""
        if text.startswith(("DONE ", "CACHED", "CANCELED")):
            step.running = False
        elif text.startswith("ERROR"):
            step.running = False
            self._failed = self._failed or step
            ended = _EXIT.fullmatch(text)
            step.lines.append(ended["why"] if ended else text)
        elif text not in ("...", step.name):
            output = _OUTPUT.fullmatch(text)
            step.lines.append(output["text"] or "" if output else text)

    def progress(self, now: float) -> str:
        """Say what goes on: of several steps at once, the one that has been at it longest."""
        running = [step for step in self._steps.values() if step.running]
        if not running:
            last = next((step.where for step in reversed(self._steps.values()) if step.where), "")
            return f"{last} done, copying what it made" if last else "starting"
        step = min(running, key=lambda step: step.began)
        return f"{step.words()}, {now - step.began:.0f} s"

    @property
    def failed_step(self) -> str:
        """The step that failed, in words; empty if the build did not get that far."""
        return self._failed.words() if self._failed else ""

    def last_lines(self, count: int) -> list[str]:
        """Return the end of what the failed step printed, or of what the build itself did."""
        lines = self._failed.lines if self._failed else self._other
        return [line for line in lines if line.strip()][-count:]


def _step(text: str, now: float) -> Step:
    """Read the line that introduces a step."""
    match = _STEP.fullmatch(text)
    if match is None:
        return Step(text, now, what=text.removeprefix("[internal] "))
    stage = match["stage"] or ""
    prefix = "" if not stage or _UNNAMED_STAGE.fullmatch(stage) else f"{stage}: "
    return Step(text, now, f"{prefix}step {match['index']} of {match['total']}", _shorten(match["what"]))


def _shorten(instruction: str) -> str:
    """Leave out of an instruction what does not tell people what it does."""
    for noise in _NOISE:
        instruction = noise.sub("", instruction)
    instruction = " ".join(instruction.split())
    return instruction if len(instruction) <= _WIDTH else f"{instruction[: _WIDTH - 3]}..."


class BootstrapLog:
    """Reads what mmdebstrap prints, line by line."""

    def __init__(self) -> None:
        self._phase = "starting"
        self._began = 0.0
        self._failed = ""
        self._lines: deque[str] = deque(maxlen=200)

    def feed(self, line: str, now: float) -> None:
        """Take in one line; *now* is in seconds."""
        line = line.rstrip()
        self._lines.append(line)
        if line.startswith("I: "):
            self._phase, self._began = line[3:].rstrip("."), now
        elif line.startswith("E: "):
            self._failed = self._failed or self._phase

    def progress(self, now: float) -> str:
        """Say what goes on."""
        return f"{self._phase}, {now - self._began:.0f} s" if self._began else self._phase

    @property
    def failed_step(self) -> str:
        """The phase that mmdebstrap was in when it met the first error."""
        return self._failed or self._phase

    def last_lines(self, count: int) -> list[str]:
        """Return the end of what it printed."""
        return [line for line in self._lines if line.strip()][-count:]
