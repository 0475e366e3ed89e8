"""Lab servers reached over SSH: first converge, and converges that change nothing, of one and of many at once."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.labclient import LabError

from bench.figures import Comparison, Span
from bench.measure import ROOT, say, seconds

FIRST = "lab"
SIZE = 8
"""How many servers the two inventories name, that one among them."""


class Fleet:
    """Servers out of the playbooks that make those of a scenario, and an Ansible that reaches them.

    :param place: directory for key, addresses and bundle.
    :param inventories: of the servers.
    """

    def __init__(self, place: Path, inventories: Sequence[str]) -> None:
        self._inventories = [f"--inventory={inventory}" for inventory in inventories]
        self._environment = os.environ | {
            "MOLECULE_PROJECT_DIRECTORY": str(ROOT),
            "MOLECULE_SCENARIO_NAME": "bench",
            "MOLECULE_EPHEMERAL_DIRECTORY": str(place),
        }

    def play(self, playbook: str, *options: str) -> None:
        """Run a playbook.

        :raises LabError: if it fails.
        """
        words = [".venv/bin/ansible-playbook", *self._inventories, *options, playbook]
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise LabError(f"{' '.join(words)} ended with {done.returncode}: {(done.stdout + done.stderr)[-4000:]}")

    def converge(self, *options: str) -> float:
        """Run the site's playbook, and say how many seconds it took."""
        return seconds(lambda: self.play("playbooks/site.yml", *options))

    def stat_tasks(self) -> float:
        """Run a play of 50 `stat` tasks on the first server, and say how many seconds it took."""
        return seconds(lambda: self.play("tests/bench/stat.yml", f"--limit={FIRST}"))


@contextmanager
def running(inventories: Sequence[str], *prepare: str) -> Iterator[Fleet]:
    """Make servers, and have playbooks prepare them; remove them at the end, also what a run that was killed left."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as place:
        fleet = Fleet(Path(place), inventories)
        fleet.play("molecule/shared/destroy.yml")
        try:
            for playbook in ("molecule/shared/create.yml", *prepare):
                say(f"making servers: {playbook}")
                fleet.play(playbook)
            yield fleet
        finally:
            fleet.play("molecule/shared/destroy.yml")


def converges(rounds: int) -> tuple[list[Comparison], Span]:
    """Converge one fresh server, then all of them; then again and again, where nothing is to be changed."""
    taken: dict[str, list[float]] = {"stat": [], "one": [], "all": []}
    inventories = ("molecule/site/inventory", "tests/bench/fleet.yml")
    with running(inventories, "molecule/site/prepare.yml") as fleet:
        first = fleet.converge(f"--limit={FIRST}")
        say(f"first converge of a server: {first:.1f} s")
        say(f"first converge of {SIZE - 1} more: {fleet.converge():.1f} s")
        for turn in range(rounds):
            taken["stat"].append(fleet.stat_tasks())
            taken["one"].append(fleet.converge(f"--limit={FIRST}"))
            taken["all"].append(fleet.converge())
            say(
                f"over SSH {turn + 1} of {rounds}: "
                + ", ".join(f"{who} {spans[-1]:.1f} s" for who, spans in taken.items())
            )
    comparisons = [
        Comparison(
            "A converge over SSH that changes nothing", taken["one"], taken["stat"], "50 `stat` tasks over SSH", 0.5
        ),
        Comparison(f"The same of {SIZE} servers", taken["all"], taken["one"], "one server", 2.5),
    ]
    return comparisons, Span("The first converge of a bare server, given a bundle", first, 90)
