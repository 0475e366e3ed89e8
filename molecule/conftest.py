"""Servers of a scenario, looked at over SSH as an administrator does."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import testinfra
from e2e.server import Server
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


@pytest.fixture(scope="session")
def lab_server(address) -> Callable[..., Server]:
    """Reach a server by its name, as the administrator of the lab on it."""
    config = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "ssh_config"

    def reach(name: str, data_root: str = "/srv/jupyterhub", play: Callable[..., Any] | None = None) -> Server:
        ssh = ("ssh", "-F", str(config), name, "sudo")
        return Server(Path(data_root), play, ssh, f"http://{address(name)}:8000")

    return reach


@pytest.fixture(scope="session")
def has_way_out(server) -> Callable[[str], bool]:
    """Tell whether a server has a route out: to an address that is kept for documentation, and that no machine has."""
    return lambda name: server(name).run("ip route get 192.0.2.1").rc == 0


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
def play() -> Callable[..., Run]:
    """Run a playbook of the scenario, by its name, as its users run the site: with options, and nobody at the keys."""
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])

    def run(playbook: str, *options: str) -> Run:
        command = ["ansible-playbook", f"--inventory={scenario}/inventory", *options, f"{scenario}/{playbook}"]
        plain = os.environ | {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=plain, check=False)
        recap = dict(re.findall(r"^(\S+)\s+: (ok=.*)", done.stdout, re.M))
        changes = {name: int(re.findall(r"changed=(\d+)", counts)[0]) for name, counts in recap.items()}
        return Run(done.returncode, recap, changes, done.stdout + done.stderr)

    return run


@pytest.fixture
def converge(play) -> Callable[..., Run]:
    """Run the scenario's converge.yml once more."""
    return partial(play, "converge.yml")
