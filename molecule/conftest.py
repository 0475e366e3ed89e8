"""Servers of a scenario, looked at over SSH as an administrator does."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host


@pytest.fixture(scope="session")
def server() -> Callable[[str], Host]:
    """Reach a server by the name that the scenario's inventory gives it, as root."""
    config = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "ssh_config"
    return lambda name: testinfra.get_host(f"ssh://{name}", ssh_config=str(config), sudo=True)


@pytest.fixture(scope="session")
def address() -> Callable[[str], str]:
    """Tell the address of a server by its name."""
    config = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "ssh_config").read_text()
    return lambda name: re.search(rf"^Host {name}\n +HostName (.+)", config, re.M)[1]


@dataclass(frozen=True)
class Run:
    """What came of a run of the scenario's playbook.

    :param code: exit status of `ansible-playbook`.
    :param recap: what Ansible counts at the end, by server.
    :param changes: changes by server.
    :param said: all that it printed.
    """

    code: int
    recap: dict[str, str]
    changes: dict[str, int]
    said: str


@pytest.fixture
def converge() -> Callable[..., Run]:
    """Run the scenario's converge.yml once more, as its users run the site: with options, and nobody at the keys."""
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])

    def run(*options: str) -> Run:
        command = ["ansible-playbook", f"--inventory={scenario}/inventory", *options, f"{scenario}/converge.yml"]
        plain = os.environ | {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=plain, check=False)
        recap = dict(re.findall(r"^(\S+)\s+: (ok=.*)", done.stdout, re.M))
        changes = {name: int(re.findall(r"changed=(\d+)", counts)[0]) for name, counts in recap.items()}
        return Run(done.returncode, recap, changes, done.stdout + done.stderr)

    return run
