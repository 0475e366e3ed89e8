"""Sockets of this machine, for tests of what is in the way of the lab's."""

import socket

import pytest


@pytest.fixture
def listener():
    """A socket that listens on loopback; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
