"""A converge that is killed anywhere, then run again, ends as one that nothing has disturbed.

`LAB_INTERRUPTIONS` is how many moments are tried, in turn for ansible and for the server itself, and
`LAB_INTERRUPTIONS_SEED` says which; it stands in the name of each test.
"""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from e2e.dice import dice, seed
from e2e.picture import differing, picture

TASKS = 25
"""A first converge begins so many tasks at the least."""
LONGEST_PAUSE = 3.0
"""Seconds into a task, at the most."""
SEED = seed("LAB_INTERRUPTIONS_SEED")
SECOND = "gpulab-molecule-drift-second"
PLAYBOOKS = Path(__file__).parents[2]


@dataclass(frozen=True)
class Moment:
    """When a first converge is killed, and what of it: ansible, or the server."""

    what: str
    task: int
    pause: float

    def __str__(self):
        return f"seed {SEED}: {self.what} {self.pause:.1f} s into task {self.task}"


def moments():
    """Choose moments."""
    fall = dice(SEED)
    for turn in range(int(os.environ.get("LAB_INTERRUPTIONS", "2"))):
        yield Moment(("ansible", "server")[turn % 2], fall.randint(1, TASKS), fall.uniform(0, LONGEST_PAUSE))


@pytest.fixture
def bare(started, played):
    """A server that has never seen a converge."""
    assert ended(started("second,localhost", str(PLAYBOOKS / "fresh.yml"))) == 0
    return played("second")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("moment", moments(), ids=str)
def test_a_first_converge_that_was_killed(moment, bare, started, played):
    kill_at(moment, started("second", "gpulab.jupyterhub.site"))
    if moment.what == "server":
        docker("start", SECOND)
        assert ended(started("second", str(PLAYBOOKS / "awaited.yml"))) == 0
    again = bare.play("site")
    assert again.code == 0, again.output
    assert differing(shown(played("lab")), shown(bare)) == set()
    once_more = bare.play("site", "--check", "--diff")
    assert (once_more.code, once_more.recap["changed"]) == (0, 0), once_more.output


def kill_at(moment, process):
    begun = 0
    for line in process.stdout:
        begun += line.startswith("TASK [")
        if begun == moment.task:
            break
    assert begun == moment.task, "it has come to its end before"
    time.sleep(moment.pause)
    assert process.poll() is None, "it has come to its end before"
    if moment.what == "server":
        docker("kill", SECOND)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def ended(process):
    print(process.communicate()[0])
    return process.returncode


def docker(*words):
    subprocess.run(["docker", *words], check=True, capture_output=True)


def shown(server):
    """Describe a lab but for what is each one's own: secrets and their digests, who a container is, people."""
    root = server.data_root
    people = re.compile(f"{root}/home/|account e2e-|(how )?jupyter-")
    found = {name: how for name, how in picture(server).items() if not people.match(name)}
    own = {"jupyterhub", "proxy", "network"}
    # Owner and mode count of these all the same.
    kept = {str(root / "compose.yml"), *(name for name in found if name.startswith(f"{root}/secrets/"))}
    return {name: how.rpartition(" ")[0] if name in kept else how for name, how in found.items() if name not in own}
