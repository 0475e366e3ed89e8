"""Sockets of this machine, for tests of what is in the way of the lab's; and how long Hypothesis may take: any time."""

import socket
from pathlib import Path

import pytest
from ansible.module_utils.common import warnings
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _problems
from hypothesis import HealthCheck, settings

settings.register_profile("any-time", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-time")


@pytest.fixture(autouse=True)
def no_warnings_of_others(monkeypatch):
    """Begin without what modules in other tests have warned of: Ansible keeps that for the whole process."""
    monkeypatch.setattr(warnings, "_global_warnings", {})


@pytest.fixture(scope="session")
def collections_path() -> str:
    """Where a play finds this collection: the link that make sets, or the copy that ansible-test has."""
    return str(Path(_problems.__file__).parents[5])


@pytest.fixture
def listener():
    """A socket that listens on loopback; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
