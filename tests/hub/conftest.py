# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Hubs that run for the length of a test module; spawners on a double of Docker's daemon."""

import asyncio
from types import SimpleNamespace

import pytest
from hub.docker_double import DockerDouble
from hub.running import ADMIN_PASSWORD, RunningHub
from jupyterhub.objects import Hub
from labhub import failures
from labhub.spawner import LabSpawner


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with the lab's defaults: sign-up is moderated."""
    with RunningHub(tmp_path_factory.mktemp("hub")).running() as running:
        yield running


@pytest.fixture
def boss(hub):
    """The admin, logged in with the bootstrap password."""
    person = hub.person()
    assert person.log_in("boss", ADMIN_PASSWORD).ok
    return person


@pytest.fixture
async def listening():
    """A port where something listens and answers, as a server that has started does."""

    async def answer(reader, writer):
        if await reader.readline():
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def silent():
    """A port where something listens that never says a word."""
    async with await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def docker(monkeypatch, tmp_path):
    """A client of Docker's, for all spawners, and no record of failures yet."""
    double = DockerDouble()
    monkeypatch.setattr(LabSpawner, "_client", double)
    monkeypatch.setattr(LabSpawner, "_homes_ready", {})
    monkeypatch.setattr(failures, "STORE", failures.FailureStore(tmp_path / "failures.jsonl"))
    return double


@pytest.fixture
def make(docker, listening, tmp_path):
    """Makes spawners for a user of some groups, with some traits."""

    def spawner(user="anna-maria", groups=(), admin=False, **traits):
        person = SimpleNamespace(name=user, escaped_name=user, url=f"/user/{user}/", admin=admin)
        person.groups = [SimpleNamespace(name=group) for group in groups]
        settings = {"home_root": str(tmp_path), "helper_image": "gpulab/hub:1", "port": listening}
        settings |= {"shared_packages": "off"} | traits
        return LabSpawner(user=person, hub=Hub(), api_token="fresh-token", **settings)

    return spawner
