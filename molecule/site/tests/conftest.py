"""The lab of this scenario, as its administrator reaches it from elsewhere."""

import os
import re
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
