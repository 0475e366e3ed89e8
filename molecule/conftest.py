"""Servers of a scenario, looked at over SSH as an administrator does."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host


@pytest.fixture(scope="session")
def server() -> Callable[[str], Host]:
    """Reach a server by the name that the scenario's inventory gives it, as root."""
    config = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "ssh_config"
    return lambda name: testinfra.get_host(f"ssh://{name}", ssh_config=str(config), sudo=True)
