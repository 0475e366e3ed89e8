"""The lab of this scenario, as its administrator reaches it from elsewhere."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from e2e.labclient import HubClient


@pytest.fixture(scope="session")
def settings():
    """What the inventory of the scenario says of the server."""
    words = ("ansible-inventory", f"--inventory={os.environ['MOLECULE_SCENARIO_DIRECTORY']}/inventory", "--host=lab")
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="session")
def root(settings):
    """The lab's data root."""
    return Path(settings.get("lab_data_root", "/srv/jupyterhub"))


@pytest.fixture(scope="session")
def lab(server):
    """The server, as root."""
    return server("lab")


@pytest.fixture(scope="session")
def hub(lab_server, root):
    """The hub, through its door, with an administrator's token."""
    return HubClient(lab_server("lab", root).lab)
