# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""`LabSpawner`: home, start, stop and progress; the daemon is a double."""

import asyncio
import json
import os
import threading

import pytest
from dockerspawner import DockerSpawner
from labhub.container import LABEL, LabContainer
from labhub.problems import SpawnProblem
from labhub.spawner import LabSpawner

NAME = "jupyter-anna-maria"
OURS = {LABEL: "singleuser"}


async def test_the_home_is_made_first_by_a_helper_that_sees_nothing_else(docker, make, tmp_path):
    mounts = [{"source": "/data", "target": "/home/{username}/data"}, {"source": "/opt", "target": "/opt/packages"}]
    await make(mounts=mounts).start()
    helper = docker.created[0]
    command = ["/opt/lab/bin/python", "-I", "-m", "labhub.homes", "ensure", "--root", str(tmp_path)]
    command += ["--name", "anna-maria", "--uid-min", "20000", "--gid", "9100", "--dir=data"]
    assert helper["Entrypoint"] == command
    assert (helper["Image"], helper["User"], helper["HostConfig"]["NetworkMode"]) == ("gpulab/hub:1", "0:0", "none")
    assert [mount["Source"] for mount in helper["HostConfig"]["Mounts"]] == [str(tmp_path)]
    assert (helper["HostConfig"]["CapDrop"], helper["HostConfig"]["CapAdd"]) == (["ALL"], ["CHOWN", "SETUID", "SETGID"])
    assert list(docker.containers) == [NAME], "the helper is gone"


async def test_a_home_that_was_ready_is_not_made_again_while_it_is_the_same(docker, make, tmp_path):
    home = tmp_path / "anna-maria"
    home.mkdir()
    os.chown(home, 20000, 9100)
    for expected, change in ((1, None), (1, None), (2, lambda: os.chown(home, 1000, 9100)), (3, home.rmdir)):
        if change:
            change()
        await make().ensure_home()
        assert len(docker.created) == expected


async def test_a_new_mount_point_is_made_in_a_home_that_was_ready(docker, make, tmp_path):
    (tmp_path / "anna-maria").mkdir()
    os.chown(tmp_path / "anna-maria", 20000, 9100)
    await make().ensure_home()
    await make(mounts=[{"source": "/data", "target": "/home/{username}/data"}]).ensure_home()
    assert len(docker.created) == 2


async def test_a_stopped_container_is_never_used_again(docker, make):
    docker.add(NAME, running=False, labels=OURS)
    spawner = make()
    await spawner.start()
    assert docker.created[-1]["name"] == NAME
    assert spawner.api_token == "fresh-token"


async def test_a_server_that_the_hub_lost_sight_of_keeps_running(docker, make):
    docker.add(NAME, running=True, labels=OURS)
    spawner = make()
    assert await spawner.start() == ("127.0.0.1", spawner.port)
    assert spawner.api_token == "old-token"
    assert NAME not in [created["name"] for created in docker.created]


async def test_a_strangers_container_is_left_alone_and_named(docker, make):
    docker.add(NAME, running=True)
    with pytest.raises(SpawnProblem, match=f"docker rm -f {NAME}"):
        await make().start()
    assert docker.containers[NAME]["State"]["Running"]


@pytest.mark.parametrize("home", ["{}", '{"problem": "it belongs to root"}'])
async def test_a_start_that_met_a_strangers_container_does_not_take_it_down(docker, make, home):
    docker.add(NAME, running=True)
    docker.helper_says, well = json.dumps(json.loads(docker.helper_says) | json.loads(home)), docker.helper_says
    spawner = make()
    with pytest.raises(SpawnProblem):
        await spawner.start()
    # What JupyterHub does after a start that failed: whatever has the name and runs is stopped.
    if await spawner.poll() is None:
        await spawner.stop()
    assert docker.containers[NAME]["State"]["Running"]
    assert "object_id" not in spawner.get_state()
    del docker.containers[NAME]
    docker.helper_says = well
    await spawner.start()
    await spawner.stop()
    assert docker.containers == {}


async def test_stopping_removes_the_container(docker, make):
    spawner = make()
    await spawner.start()
    await spawner.stop()
    assert docker.containers == {}
    assert not spawner.will_resume
    assert "object_id" not in spawner.get_state()


async def test_a_deleted_user_leaves_no_container_of_a_server_that_died(docker, make):
    spawner = make()
    docker.add(spawner.container_name, running=False, labels={"org.gpulab.jupyterhub": "singleuser"})
    await spawner.delete_forever()
    assert docker.containers == {}


async def test_a_deleted_user_s_name_gives_no_right_to_a_strangers_container(docker, make):
    spawner = make()
    docker.add(spawner.container_name, running=False, labels={})
    await spawner.delete_forever()
    assert list(docker.containers) == [spawner.container_name]


async def test_a_hub_that_restarts_finds_the_server(docker, make):
    before = make()
    await before.start()
    after = make(prefix="changed")
    after.load_state(json.loads(json.dumps(before.get_state())))
    assert await after.poll() is None


def test_nothing_of_jupyterhubs_is_overridden_by_accident():
    theirs = set().union(*(vars(base) for base in DockerSpawner.__mro__))
    ours = {name for base in (LabSpawner, LabContainer) for name, value in vars(base).items() if callable(value)}
    meant = {"start", "stop", "poll", "progress", "create_object", "get_env", "delete_forever"}
    assert {name for name in ours & theirs if not name.startswith("__")} == meant


async def test_progress_tells_what_happens(docker, make):
    spawner = make()
    told = []

    async def listen():
        async for event in spawner.progress():
            told.append(event)

    listener = asyncio.create_task(listen())
    await spawner.start()
    await asyncio.sleep(0)
    listener.cancel()
    assert [event["progress"] for event in told] == sorted(event["progress"] for event in told)
    text = " ".join(event["message"] for event in told)
    assert all(word in text for word in ("home", "container", "Waiting"))


async def test_a_server_that_takes_its_time_to_stop_holds_up_nobody(docker, make, monkeypatch):
    slow, stopped = make("anna-maria"), threading.Event()
    await slow.start()
    stop = docker.stop
    monkeypatch.setattr(docker, "stop", lambda container, timeout=None: stopped.wait(30) and stop(container))
    stopping = asyncio.create_task(slow.stop())
    try:
        await asyncio.wait_for(make("bert").start(), timeout=10)
        assert not stopping.done()
    finally:
        stopped.set()
        await stopping


async def test_docker_is_not_asked_each_time_that_a_server_is_knocked_at(docker, make, monkeypatch):
    spawner, knocks, looks = make(), iter([False] * 10 + [True]), []
    ip, port = await spawner.start()

    async def knock(ip, port):
        return next(knocks)

    monkeypatch.setattr("labhub.answers.accepts_connections", knock)
    monkeypatch.setattr(docker, "inspect_container", lambda name: looks.append(name) or docker.find(name))
    await spawner._until_ready(ip, port)
    assert len(looks) <= 1
