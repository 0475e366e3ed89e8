# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the doctor has found, for a tired person: one page of 80 columns. Pure."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ._problems import SEVERITIES

Report = Mapping[str, Any]

_WIDTH = 80
# Lines of evidence, such as the end of a log; the rest is in the JSON.
_LINES = 5
# Problems of one code on one server that are told in full.
_ALIKE = 3
_STATE = {"ok": "", "unknown": "not known: "}
_NAMES = 13
"""Columns for the names of layers."""


def page(reports: Mapping[str, Report], now: float, width: int = _WIDTH) -> str:
    """Write the page.

    :param reports: what `lab_doctor` returned, by host; of a host that could not be examined, `msg` and no problems.
    :param now: in seconds since 1970.
    :param width: columns; only a word that is longer, such as a path, sticks out.
    """
    parts = [_heading(reports, now, width)]
    parts += ["\n".join(_host(host, report, now, width)) for host, report in reports.items()]
    return "\n\n".join([*parts, "Nothing was changed."])


def all_well(reports: Mapping[str, Report]) -> bool:
    """Tell whether every server was examined, and none has a problem that stops work."""
    return all(report.get("healthy", False) for report in reports.values())


def verdict(reports: Mapping[str, Report]) -> str:
    """Say in one sentence how all servers are."""
    counts = {
        severity: sum(p["severity"] == severity for report in reports.values() for p in report.get("problems", ()))
        for severity in SEVERITIES
    }
    lost = sum("problems" not in report for report in reports.values())
    told = [f"{counted(lost, 'server')} could not be examined"] if lost else []
    told += [counted(counts[one], one) for one in ("error", "warning") if counts[one]]
    return f"{', '.join(told)}." if told else "Everything is well."


def _heading(reports: Mapping[str, Report], now: float, width: int) -> str:
    text = f"The lab, {stamp(now)}, {counted(len(reports), 'server')}: {verdict(reports)}"
    return textwrap.fill(text, width)


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _host(host: str, report: Report, now: float, width: int) -> Iterator[str]:
    yield f"== {host} ".ljust(width, "=")
    if "problems" not in report:
        yield "ERROR this server could not be examined"
        yield from _wrapped(report.get("msg") or "Nothing came back from it.", "  ", width)
        yield from _labelled("Mend:", f"ansible {host} -m ansible.builtin.ping, with the same inventory", width)
        return
    for number, problems in _by_code(report["problems"]):
        for problem in problems[:number]:
            yield from _problem(problem, now, width)
            yield ""
        if problems[number:]:
            subjects = ", ".join(problem["subject"] for problem in problems[number:])
            text = f"... and {len(problems) - number} more of {problems[0]['code']}: {subjects}"
            yield from _wrapped(text, "", width)
            yield ""
    yield from _table(report["checks"], width)


def _by_code(problems: Iterable[Report]) -> Iterator[tuple[int, list[Report]]]:
    """Yield the problems of each code, in order, with how many of them are told in full: twelve alike fill no page."""
    alike: dict[str, list[Report]] = {}
    for problem in problems:
        alike.setdefault(problem["code"], []).append(problem)
    for found in alike.values():
        yield (_ALIKE if len(found) > _ALIKE + 1 else len(found)), found


def _problem(problem: Report, now: float, width: int) -> Iterator[str]:
    title = f"{problem['severity'].upper()} {problem['subject']} ({problem['code']})"
    yield from textwrap.wrap(title, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    first, *more = problem["evidence"].splitlines() or [""]
    yield from _wrapped(first, "  ", width)
    if len(more) > _LINES:
        yield f"    ... {counted(len(more) - _LINES, 'line')} more in the report as JSON"
    for line in more[-_LINES:]:
        yield from _wrapped(line, "    ", width)
    if problem["since"]:
        yield from _labelled("Since:", f"{problem['since']} ({_ago(now - problem['since_seconds'])})", width)
    yield from _labelled("Mend:", problem["remedy"], width)


def _table(rows: list[Report], width: int) -> Iterator[str]:
    """Write how each layer is: each on a line of its own, what is wrong by its codes."""
    for row in rows:
        words = _STATE.get(row["state"], f"{row['state'].upper()} ") + row["words"]
        yield from textwrap.wrap(
            f"  {row['layer']:<{_NAMES}} {words}",
            width,
            subsequent_indent=" " * (_NAMES + 3),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _labelled(label: str, text: str, width: int) -> list[str]:
    """Wrap text behind a label; what is to be copied starts in one column."""
    lines = _wrapped(text, " " * 9, width)
    return [f"  {label:<6} {lines[0].lstrip()}", *lines[1:]] if lines else []


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    """Wrap each line by itself, and never inside a path or an option: they are there to be copied."""
    return [
        piece
        for line in text.splitlines()
        for piece in textwrap.wrap(
            line,
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def stamp(seconds: float) -> str:
    """Write a time, in seconds since 1970, as people read it; '' for 0."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else ""


def _ago(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(int(seconds // size), name)} ago"
    return "just now"
