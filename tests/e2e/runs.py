"""./run.sh as a person types it, on the machine of the lab."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 1200
"""Seconds that one run may take."""
PATIENCE = 20
"""Seconds after which somebody who pressed Ctrl-C presses again."""


@dataclass(frozen=True)
class Run:
    """How one run ended, on the machine of the lab or on another server of the inventory."""

    code: int
    output: str
    host: str = "localhost"

    @property
    def said(self) -> str:
        """The output as running text: Ansible breaks lines within messages, and doubles quotes."""
        return " ".join(self.output.split()).replace("''", "'")

    @property
    def recap(self) -> dict[str, int]:
        """Ansible's closing line for the host."""
        line = re.search(rf"^{self.host}\s+:.*$", self.output, re.M)
        assert line, self.output
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line[0])}


def _start(arguments: tuple[str, ...], wrapper: Sequence[str] = ()) -> subprocess.Popen:
    return subprocess.Popen(
        [*wrapper, "./run.sh", *arguments],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run_sh(*arguments: str, wrapper: Sequence[str] = ()) -> Run:
    """Run ./run.sh without a terminal, to its end.

    :param wrapper: a command that runs it, such as ``unshare --mount``.
    """
    process = _start(arguments, wrapper)
    output, _errors = process.communicate(timeout=LONGEST)
    return Run(process.returncode, output)


def press_ctrl_c(process: subprocess.Popen, patience: int = PATIENCE) -> str:
    """Interrupt a process group until it has ended, and return what it said meanwhile.

    Once does not always do: Python drops an interrupt that arrives within one of its own hooks, such as
    logging's around a fork, and the run goes on. A person presses again then.

    :param patience: seconds after which that person presses again; twice at once is another thing to a program.
    """
    for _press in range(LONGEST // patience):
        os.killpg(process.pid, signal.SIGINT)
        try:
            return process.communicate(timeout=patience)[0]
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"{process.args} does not end")


def interrupt_at(words: str, *arguments: str) -> Run:
    """Run ./run.sh until it says *words*, then do as Ctrl-C does."""
    process = _start(arguments)
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            break
    rest = press_ctrl_c(process)
    return Run(process.returncode, "".join(said) + rest)
