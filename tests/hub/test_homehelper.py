# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
import asyncio
import threading

import pytest
from docker.errors import APIError
from hub.docker_double import response
from labhub.homehelper import HomeHelper
from labhub.problems import SpawnProblem

HELPER_LABELS = {"org.gpulab.jupyterhub": "home-helper"}


def helper(docker, root):
    async def call(method, *args, **kwargs):
        return await asyncio.to_thread(getattr(docker, method), *args, **kwargs)

    settings = {"image": "gpulab/hub:1", "root": str(root), "uid_min": 20000, "gid": 9100}
    return HomeHelper(docker=call, host_config=docker.create_host_config, **settings)


async def test_a_start_that_runs_out_of_time_leaves_no_helper_behind(docker, tmp_path, monkeypatch):
    """Docker goes on to make the container that it was asked for, whoever has stopped to wait for it."""
    asked, go_on, create = threading.Event(), threading.Event(), docker.create_container_from_config

    def slowly(*args):
        asked.set()
        go_on.wait(30)
        return create(*args)

    monkeypatch.setattr(docker, "create_container_from_config", slowly)
    making = asyncio.create_task(helper(docker, tmp_path).ensure("anna", frozenset(), HELPER_LABELS))
    await asyncio.to_thread(asked.wait, 30)
    making.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await making
    async with asyncio.timeout(30):
        while "remove" not in docker.calls:
            await asyncio.sleep(0.01)
    assert docker.containers == {}


async def test_a_helper_that_cannot_be_made_is_told_as_docker_tells_it(docker, tmp_path):
    docker.images.clear()
    with pytest.raises(Exception, match="No such image"):
        await helper(docker, tmp_path).ensure("anna", frozenset(), HELPER_LABELS)
    assert docker.calls == ["create"]


@pytest.mark.parametrize("status", [404, 409])
async def test_a_helper_that_somebody_else_removes_has_made_the_home(docker, tmp_path, monkeypatch, status):
    def removed_by_a_cleanup(*_args, **_how):
        raise APIError(str(status), response=response(status), explanation="removal is already in progress")

    monkeypatch.setattr(docker, "remove_container", removed_by_a_cleanup)
    assert (await helper(docker, tmp_path).ensure("anna", frozenset(), HELPER_LABELS))["uid"] == 20000


async def test_what_the_helper_says_is_told_also_when_it_cannot_be_removed(docker, tmp_path, monkeypatch):
    def refused(*_args, **_how):
        raise APIError("500", response=response(500), explanation="device or resource busy")

    monkeypatch.setattr(docker, "remove_container", refused)
    docker.helper_says = '{"problem": "it belongs to root"}'
    with pytest.raises(SpawnProblem, match="it belongs to root"):
        await helper(docker, tmp_path).ensure("anna", frozenset(), HELPER_LABELS)
