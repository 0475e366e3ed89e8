# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The one shape in which everything of this collection says what is wrong, and what mends it. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

#: From the worst to the mildest.
SEVERITIES = ("error", "warning", "info")

_WIDTH = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    :param code: name of the kind of problem, in lower case with hyphens; programs go by it.
    :param severity: one of `SEVERITIES`.
    :param subject: the setting, file, container or user that it is about.
    :param evidence: what was seen; may have many lines, such as the end of a log.
    :param remedy: the command or setting that mends it.
    :raises ValueError: for a severity that is none.
    """

    code: str
    severity: str
    subject: str
    evidence: str
    remedy: str

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.severity!r} is no severity; severities are {', '.join(SEVERITIES)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as modules return it."""
        return asdict(self)


def error(code: str, subject: str, evidence: str, remedy: str) -> Problem:
    """Make a problem that stops work."""
    return Problem(code, "error", subject, evidence, remedy)


def warning(code: str, subject: str, evidence: str, remedy: str) -> Problem:
    """Make a problem that someone should look at."""
    return Problem(code, "warning", subject, evidence, remedy)


def as_dicts(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return problems as modules return them, the worst first."""
    return [problem.as_dict() for problem in _worst_first(problems)]


def at_least(severity: str, problems: Iterable[Problem]) -> list[Problem]:
    """Pick the problems that are as bad as *severity*, or worse."""
    bad_enough = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return [problem for problem in problems if problem.severity in bad_enough]


def render(problems: Iterable[Problem], width: int = _WIDTH) -> str:
    """Write problems for a person, the worst first.

    :param width: columns; only a word that is longer, such as a path, sticks out.
    """
    return "\n\n".join(_paragraph(problem, width) for problem in _worst_first(problems))


def _worst_first(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: SEVERITIES.index(problem.severity))


def _paragraph(problem: Problem, width: int) -> str:
    return "\n".join(
        [
            f"{problem.severity.upper()} {problem.subject} ({problem.code})",
            *_wrapped(problem.evidence, "  ", width),
            *_wrapped(f"Mend: {problem.remedy}", "  ", width),
        ]
    )


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    """Wrap each line by itself, and never inside a path or an option: they are there to be copied."""
    wrapper = textwrap.TextWrapper(
        width=width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [piece for line in text.splitlines() for piece in wrapper.wrap(line)]
