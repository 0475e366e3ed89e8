"""The lab of this scenario, as its administrator reaches it from elsewhere."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from e2e.labclient import HubClient, Lab

R = Path("/srv/jupyterhub")


@pytest.fixture(scope="session")
def lab(server):
    """The server, as root."""
    return server("lab")


@pytest.fixture(scope="session")
def hub(lab):
    """The hub, through its door, with an administrator's token."""
    config = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "ssh_config").read_text()
    address = re.search(r"Host lab\n +HostName (.+)", config)[1]
    secret = {
        name: lab.file(f"{R}/secrets/{name}").content_string.strip() for name in ("admin_password", "ansible_token")
    }
    return HubClient(Lab(f"http://{address}:8000", "admin", secret["admin_password"], secret["ansible_token"], R))


@pytest.fixture
def converge():
    """Run the scenario's converge again with these options; return how many changes it tells, and all it printed."""
    scenario = Path(__file__).resolve().parents[1]

    def run(*options):
        command = [
            "ansible-playbook",
            f"--inventory={scenario / 'inventory'}",
            *options,
            str(scenario / "converge.yml"),
        ]
        plain = os.environ | {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true"}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=plain, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return int(re.search(r"^lab\s.*\bchanged=(\d+)", done.stdout, re.M)[1]), done.stdout

    return run
