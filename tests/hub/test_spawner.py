# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""`LabSpawner` against docker-py's own encoding of what it asks; the daemon is a double."""

import asyncio
import json
import os
import threading
from types import SimpleNamespace

import pytest
from dockerspawner import DockerSpawner
from hub.docker_double import NETWORK, DockerDouble
from jupyterhub.objects import Hub
from labhub import failures
from labhub.container import LABEL, LabContainer
from labhub.problems import SpawnProblem
from labhub.spawner import LabSpawner
from traitlets import TraitError

NAME = "jupyter-anna-maria"
OURS = {LABEL: "singleuser"}


@pytest.fixture
async def listening():
    """A port where something listens, as a server that has started does."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def docker(monkeypatch, tmp_path):
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


async def container(docker, spawner):
    """Start, and return what Docker was asked to create."""
    await spawner.start()
    return docker.created[-1]


async def test_the_server_runs_as_its_user_in_a_home_without_any_privilege(docker, make):
    spawner = make()
    created = await container(docker, spawner)
    host = created["HostConfig"]
    assert (created["name"], created["User"], created["WorkingDir"]) == (NAME, "20000:9100", "/home/anna-maria")
    assert created["Image"] == "jupyter-custom-gpu:latest"
    assert created["Cmd"] == ["/opt/lab/bin/python", "-I", "-m", "labserver"]
    assert created["Labels"] == {LABEL: "singleuser", f"{LABEL}.user": "anna-maria"}
    assert (host["Init"], host["CapDrop"], host["SecurityOpt"]) == (True, ["ALL"], ["no-new-privileges"])
    assert (host["NetworkMode"], host.get("AutoRemove", False), host["RestartPolicy"]["Name"]) == (NETWORK, False, "no")
    home = {"Source": spawner.home, "Target": "/home/anna-maria", "Type": "bind", "ReadOnly": False}
    assert host["Mounts"] == [home]


async def test_the_server_is_told_who_its_user_is(docker, make):
    env = dict(line.split("=", 1) for line in (await container(docker, make()))["Env"])
    told = {"HOME": "/home/anna-maria", "SHELL": "/bin/bash"} | dict.fromkeys(
        ("USER", "LOGNAME", "NB_USER"), "anna-maria"
    )
    assert told.items() <= env.items()
    assert env["JUPYTERHUB_API_TOKEN"] == "fresh-token"


async def test_limits_leave_no_way_around_them(docker, make):
    host = (await container(docker, make(mem_limit="2G", cpu_limit=1.5, shm_size="1G", pids_limit=100)))["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (2 << 30, 2 << 30)
    assert (host["CpuQuota"], host["CpuPeriod"], host["ShmSize"], host["PidsLimit"]) == (150_000, 100_000, 1 << 30, 100)


async def test_without_limits_there_are_none(docker, make):
    host = (await container(docker, make(pids_limit=0)))["HostConfig"]
    assert not {"MemorySwap", "ShmSize", "PidsLimit"} & host.keys()
    assert not host.get("Memory")
    assert not host.get("CpuQuota")


async def test_mounts_depend_on_user_and_groups(docker, make, tmp_path):
    mounts = [
        {"source": "/data/{username}", "target": "/home/{username}/data/own/", "mode": "rw"},
        {"source": "/data/all", "target": "/data"},
        {"source": "/data/physics", "target": "/physics", "groups": ["physics", "staff"]},
        {"source": "/data/secret", "target": "/secret", "groups": ["staff"]},
    ]
    asked = (await container(docker, make(groups=["physics"], mounts=mounts)))["HostConfig"]["Mounts"]
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in asked[1:]] == [
        ("/data/anna-maria", "/home/anna-maria/data/own", False),
        ("/data/all", "/data", True),
        ("/data/physics", "/physics", True),
    ]


@pytest.mark.parametrize(
    ("shared_packages", "admin", "read_only"),
    [("open", False, False), ("open", True, False), ("curated", False, True), ("curated", True, False)],
)
async def test_shared_packages_are_written_to_by_those_who_may(docker, make, shared_packages, admin, read_only):
    spawner = make(admin=admin, shared_packages=shared_packages, packages_root="/srv/packages")
    created = await container(docker, spawner)
    mount = {"Source": "/srv/packages", "Target": "/opt/packages", "Type": "bind", "ReadOnly": read_only}
    assert created["HostConfig"]["Mounts"][1:] == [mount]
    assert {"PIP_TARGET=/opt/packages", "PYTHONPATH=/opt/packages"} <= set(created["Env"])


async def test_of_shared_packages_that_are_off_a_server_knows_nothing(docker, make):
    created = await container(docker, make(admin=True))
    assert [mount["Target"] for mount in created["HostConfig"]["Mounts"]] == ["/home/anna-maria"]
    assert [line for line in created["Env"] if line.startswith(("PIP_TARGET", "PYTHONPATH"))] == []


async def test_certificates_are_mounted_and_named(docker, make):
    created = await container(docker, make(ca_bundle="/srv/ca.pem"))
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    mount = {"Source": "/srv/ca.pem", "Target": bundle, "Type": "bind", "ReadOnly": True}
    assert mount in created["HostConfig"]["Mounts"]
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"):
        assert f"{variable}={bundle}" in created["Env"]


async def test_an_operators_settings_are_laid_over_the_labs(docker, make):
    async def host_config(spawner):
        return {"cap_drop": [], "runtime": f"runtime-of-{spawner.user.name}"}

    create_kwargs = {"labels": {"site": "north"}}
    environment = {"SHELL": "/bin/zsh"}
    spawner = make(extra_host_config=host_config, extra_create_kwargs=create_kwargs, environment=environment)
    created = await container(docker, spawner)
    assert created["HostConfig"]["Runtime"] == "runtime-of-anna-maria"
    assert not created["HostConfig"].get("CapDrop")
    assert created["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert created["Labels"] == {LABEL: "singleuser", f"{LABEL}.user": "anna-maria", "site": "north"}
    assert "SHELL=/bin/zsh" in created["Env"]
    assert (spawner.extra_host_config, spawner.extra_create_kwargs) == (host_config, create_kwargs)


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


async def test_a_deleted_user_leaves_no_record_of_failures(docker, make):
    spawner = make()
    docker.refuses = "no space left on device"
    with pytest.raises(SpawnProblem):
        await spawner.start()
    assert len(failures.STORE.all()) == 1
    await spawner.delete_forever()
    assert failures.STORE.all() == []


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


async def test_a_server_that_dies_as_it_starts_is_told_and_on_record(docker, make):
    docker.dies = True
    spawner = make(port=1)
    with pytest.raises(SpawnProblem, match=r"it is broken \(exit code 3") as problem:
        await spawner.start()
    assert "it is broken" in problem.value.jupyterhub_html_message
    assert "it is broken" in await spawner.poll()
    (record,) = failures.STORE.all()
    assert (record["user"], record["stage"], record["cause"], record["exit_code"]) == (
        "anna-maria",
        "start",
        "unknown",
        3,
    )
    assert "it is broken" in record["log"]


@pytest.mark.parametrize(
    ("state", "cause"), [({"ExitCode": 137}, "killed"), ({"ExitCode": 137, "OOMKilled": True}, "memory")]
)
async def test_a_server_that_dies_while_it_runs_is_on_record_once(docker, make, state, cause):
    spawner = make()
    await spawner.start()
    docker.containers[NAME]["State"] |= {"Running": False, "Status": "exited"} | state
    for _time in range(2):
        assert "it is broken" in await spawner.poll()
    (record,) = failures.STORE.all()
    assert (record["stage"], record["cause"], record["mended"]) == ("run", cause, "")
    await make().start()
    assert failures.STORE.all()[0]["mended"]


async def test_what_ends_as_somebody_wanted_it_is_no_failure(docker, make):
    spawner = make()
    await spawner.start()
    docker.containers[NAME]["State"] |= {"Running": False, "Status": "exited", "ExitCode": 0}
    assert await spawner.poll() is not None
    await spawner.start()
    await spawner.stop()
    assert await spawner.poll() == 0
    assert failures.STORE.all() == []


async def test_a_server_that_never_answers_ends_in_words_before_jupyterhub_gives_up(docker, make):
    spawner = make(port=1, start_timeout=1)
    with pytest.raises(SpawnProblem, match="did not answer in time"):
        await asyncio.wait_for(spawner.start(), spawner.start_timeout)
    assert [record["cause"] for record in failures.STORE.all()] == ["timeout"]


async def test_a_server_that_listens_and_never_answers_is_on_record(docker, make):
    spawner = make()
    await spawner.start()
    # What JupyterHub does: it asks over HTTP, gives up, and stops the server.
    spawner._waiting_for_response = True
    await spawner.stop()
    (record,) = failures.STORE.all()
    assert (record["stage"], record["cause"], record["mended"]) == ("start", "timeout", "")
    assert "answers no request" in record["detail"]
    assert "it is broken" in record["log"]


async def test_a_container_that_somebody_removes_is_on_record_once(docker, make):
    spawner = make()
    await spawner.start()
    docker.containers.clear()
    assert [await spawner.poll(), await spawner.poll()] == [0, 0]
    (record,) = failures.STORE.all()
    assert (record["stage"], record["cause"]) == ("run", "removed")
    assert record["text"] == "The container of your server was removed."


async def test_a_server_that_never_was_has_not_been_removed(docker, make):
    assert await make().poll() == 0
    assert failures.STORE.all() == []


async def test_nothing_that_a_log_says_is_more_than_text(docker, make):
    docker.dies = True
    docker.log = b"<script>alert(1)</script> \x1b[31mred\x1b[0m token=fresh-token fresh-token\n" * 50
    with pytest.raises(SpawnProblem) as problem:
        await make(port=1).start()
    shown = problem.value.jupyterhub_html_message
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert "fresh-token" not in shown + problem.value.jupyterhub_message + failures.STORE.path.read_text()
    assert "\x1b" not in problem.value.jupyterhub_message


async def test_a_record_that_cannot_be_written_fails_nothing_else(docker, make, monkeypatch, tmp_path):
    monkeypatch.setattr(failures, "STORE", failures.FailureStore(tmp_path / "nowhere" / "failures.jsonl"))
    docker.dies = True
    with pytest.raises(SpawnProblem, match="it is broken"):
        await make(port=1).start()


@pytest.mark.parametrize(
    ("refusal", "words", "reason"),
    [
        (
            "invalid mount: bind source path does not exist: /x",
            "directory .* is missing(.|\n)*/x.*playbook again",
            "mount",
        ),
        ("no space left on device", "disk is full(.|\n)*no space left", "disk"),
        ("driver failed", "engine could not start your server.\ndriver failed", "docker"),
    ],
)
async def test_what_docker_refuses_is_told_in_words(docker, make, refusal, words, reason):
    docker.refuses = refusal
    with pytest.raises(SpawnProblem, match=words) as problem:
        await make().start()
    assert problem.value.reason == reason
    assert [record["cause"] for record in failures.STORE.all()] == [reason]


@pytest.mark.parametrize("image", ["jupyter-custom-gpu:latest", "gpulab/hub:1"])
async def test_a_missing_image_is_told_with_the_mend(docker, make, image):
    docker.images.remove(image)
    with pytest.raises(SpawnProblem, match=f"image .* is missing(.|\\n)*{image}.*playbook again") as problem:
        await make().start()
    assert problem.value.reason == "image"


@pytest.mark.parametrize(
    "says", ['{"problem": "it belongs to root"}', "Traceback: it belongs to root", "it belongs to root"]
)
async def test_a_home_that_cannot_be_used_is_told(docker, make, says):
    docker.helper_says = says
    with pytest.raises(SpawnProblem, match=r"Your home is not ready\.\n.*it belongs to root"):
        await make().start()
    assert docker.containers == {}


def test_nothing_of_jupyterhubs_is_overridden_by_accident():
    theirs = set().union(*(vars(base) for base in DockerSpawner.__mro__))
    ours = {name for base in (LabSpawner, LabContainer) for name, value in vars(base).items() if callable(value)}
    meant = {"start", "stop", "poll", "progress", "create_object", "get_env", "delete_forever"}
    assert {name for name in ours & theirs if not name.startswith("__")} == meant


async def test_progress_and_failures_are_told_in_the_language_of_whoever_asked(docker, make):
    docker.dies = True
    spawner = make(port=1)
    request = SimpleNamespace(headers={"Accept-Language": "ru"})
    spawner.handler = SimpleNamespace(request=request, authenticator=SimpleNamespace(language="auto"))
    with pytest.raises(SpawnProblem, match="Your server stopped") as problem:
        await spawner.start()
    assert "Ваш сервер остановился" in problem.value.jupyterhub_html_message
    assert "Ваш сервер остановился" in problem.value.jupyterhub_message
    told = [event["message"] async for event in islice(spawner.progress(), 2)]
    assert told == ["Готовим ваш домашний каталог", "Создаём ваш контейнер из образа jupyter-custom-gpu:latest"]
    assert failures.STORE.all()[0]["text"].startswith("Your server stopped")


async def islice(events, count):
    async for event in events:
        yield event
        count -= 1
        if not count:
            return


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


@pytest.mark.parametrize(
    ("mount", "problem"),
    [
        ({"source": "/a"}, "target must be an absolute path"),
        ({"source": "a", "target": "/b"}, "source must be an absolute path"),
        ({"source": "/a/../b", "target": "/b"}, "source must be an absolute path without"),
        ({"source": "/a", "target": "/b", "mode": "wr"}, "mode must be 'ro' or 'rw'"),
        (
            {"source": "/a", "target": "/b", "readonly": True},
            "unknown readonly .accepted: source, target, mode, groups",
        ),
        ({"source": "/a", "target": "/b", "groups": "staff"}, "groups must be a list"),
    ],
)
def test_a_mount_that_makes_no_sense_is_refused(mount, problem):
    with pytest.raises(TraitError, match=rf"LabSpawner\.mounts: {problem}"):
        LabSpawner(mounts=[mount])


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

    monkeypatch.setattr("labhub.spawner.accepts_connections", knock)
    monkeypatch.setattr(docker, "inspect_container", lambda name: looks.append(name) or docker.find(name))
    await spawner._until_listening(ip, port)
    assert len(looks) == 1
