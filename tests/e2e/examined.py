"""./run.sh doctor as a person types it, on a server of which that one run sees something else."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.runs import Run, run_sh


@dataclass(frozen=True)
class Examination:
    """What one run of the doctor said."""

    run: Run
    report: dict[str, Any]

    @property
    def page(self) -> str:
        """The page, from its first line to its last."""
        text = self.run.output
        return text[text.index("The lab, ") : text.index("Nothing was changed.")]

    @property
    def problems(self) -> list[dict[str, Any]]:
        """The problems of this machine."""
        return self.report["hosts"]["localhost"]["problems"]

    def only(self) -> dict[str, Any]:
        """The one problem that there is, besides those that guests of tests which were killed have left."""
        others = self.others()
        assert len(others) == 1, self.page
        return others[0]

    def others(self) -> list[dict[str, Any]]:
        """The problems that no guest of a killed test has left."""
        return [problem for problem in self.problems if not problem["subject"].startswith("server of e2e-")]

    def states(self) -> dict[str, str]:
        """How each layer of this machine is."""
        return {row["layer"]: row["state"] for row in self.report["hosts"]["localhost"]["checks"]}


def examine(folder: Path, *arguments: str, before: Sequence[Sequence[str]] = ()) -> Examination:
    """Run the doctor.

    :param folder: where its report may lie.
    :param before: commands that go before it, such as mounts, in a namespace of mounts that nobody else sees.
    """
    path = folder / "report.json"
    wrapper = ["unshare", "--mount", str(_script(folder, before))] if before else []
    run = run_sh("doctor", "-e", f"hub_stack_doctor_json={path}", *arguments, wrapper=wrapper)
    assert path.exists(), run.output
    return Examination(run, json.loads(path.read_text()))


def _script(folder: Path, before: Sequence[Sequence[str]]) -> Path:
    script = folder / "before.sh"
    lines = [subprocess.list2cmdline(command) for command in before]
    script.write_text("\n".join(["#!/bin/sh -e", *lines, 'exec "$@"', ""]))
    script.chmod(0o755)
    return script
