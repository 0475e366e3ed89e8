"""The lab on this machine, converged by the README's first command."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """How one run of run.sh ended."""

    code: int
    output: str

    @property
    def recap(self) -> dict[str, int]:
        """Ansible's closing line for this machine."""
        line = re.search(r"^localhost\s+:.*$", self.output, re.M)
        assert line, self.output
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line[0])}


@pytest.fixture(scope="session")
def run_sh():
    """Run ./run.sh as a person does, without a terminal."""

    def run(*arguments: str, timeout: int = 1200) -> Run:
        environment = os.environ | {"ANSIBLE_NOCOLOR": "1"}
        result = subprocess.run(
            ["./run.sh", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Run(result.returncode, result.stdout)

    return run


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Where the lab keeps its things."""
    return Path(os.environ.get("LAB_DATA_ROOT", "/srv/jupyterhub"))
