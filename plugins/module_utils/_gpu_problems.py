# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Problems of GPUs: those of the collection, with what a program needs to mend them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ._gpu_kinds import KINDS
from ._problems import Problem


class Seen(NamedTuple):
    """Where a problem shows.

    :param command: what was run or opened.
    :param rc: its exit code, or NVML's code; None when nothing was run.
    :param errno: name of the system's error, such as ENOENT; empty without one.
    """

    command: str = ""
    rc: int | None = None
    errno: str = ""


@dataclass(frozen=True)
class GpuProblem(Problem):
    """A problem of a GPU: the collection's problem, and what a program needs to mend it.

    :param scope: what is affected: host, gpu, container or user.
    :param seen: where it shows; `evidence` holds the words.
    :param remedy_commands: what to run, in this order.
    :param needs_reboot: whether the remedy ends with a reboot of the server.
    """

    scope: str = "host"
    seen: Seen = Seen()
    remedy_commands: tuple[str, ...] = ()
    needs_reboot: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the problem as modules return it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "scope": self.scope,
            "subject": self.subject,
            "evidence": {**self.seen._asdict(), "text": self.evidence},
            "remedy": self.remedy,
            "remedy_commands": list(self.remedy_commands),
            "needs_reboot": self.needs_reboot,
        }


#: Of a problem that no command showed.
NOWHERE = Seen()


def fault(code: str, subject: str, text: str, seen: Seen = NOWHERE, **instead: Any) -> GpuProblem:
    """Make a problem of a known kind.

    :param text: what was seen, in words.
    :param instead: fields of `GpuProblem` that this one case has otherwise, such as `severity` or `remedy`.
    :raises KeyError: for a code that `KINDS` does not explain.
    """
    kind = KINDS[code]
    commands = tuple(command.replace("{subject}", subject) for command in kind.commands)
    problem = GpuProblem(
        code, kind.severity, subject, text.strip(), kind.remedy, kind.scope, seen, commands, kind.reboot
    )
    return replace(problem, **instead)


def status(problems: Iterable[Problem]) -> str:
    """Sum up problems in a word: ok, degraded or failed."""
    severities = {problem.severity for problem in problems}
    if "error" in severities:
        return "failed"
    return "degraded" if "warning" in severities else "ok"
