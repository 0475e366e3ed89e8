"""The servers of this scenario, and the collection's playbooks against one of them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.runs import Run
from e2e.server import Server


@pytest.fixture(scope="session")
def started(tmp_path_factory) -> Callable[..., subprocess.Popen]:
    """Start a playbook against one server, nobody at the keys."""
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
    others = scenario / "tests/interrupted/second.yml"

    def start(host: str, playbook: str, *options: str) -> subprocess.Popen:
        # A connection that is kept from an earlier run leads to a server that is gone since.
        connections = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(tmp_path_factory.mktemp("cp"))}
        return subprocess.Popen(
            ["ansible-playbook", f"--inventory={scenario}/inventory", f"--inventory={others}", f"--limit={host}"]
            + [playbook, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=os.environ | connections | {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"},
        )

    return start


@pytest.fixture(scope="session")
def played(started, lab_server) -> Callable[[str], Server]:
    """Reach a server on which playbooks are run."""

    def reach(host: str) -> Server:
        def play(playbook: str, *options: str) -> Run:
            process = started(host, f"gpulab.jupyterhub.{playbook}", *options)
            output, _errors = process.communicate()
            return Run(process.returncode, output, host)

        return lab_server(host, play=play)

    return reach
