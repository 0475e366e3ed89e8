# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A server that does not start, or dies: what its user reads, and what is on record."""

import asyncio
from types import SimpleNamespace

import pytest
from labhub import answers, failures
from labhub.problems import SpawnProblem

NAME = "jupyter-anna-maria"


async def test_a_deleted_user_leaves_no_record_of_failures(docker, make):
    spawner = make()
    docker.refuses = "no space left on device"
    with pytest.raises(SpawnProblem):
        await spawner.start()
    assert len(failures.STORE.all()) == 1
    await spawner.delete_forever()
    assert failures.STORE.all() == []


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


async def test_a_server_that_listens_and_never_answers_has_http_timeout_and_no_longer(docker, make, silent):
    with pytest.raises(SpawnProblem, match="answers no request"):
        await asyncio.wait_for(make(port=silent, http_timeout=1).start(), 10)
    (record,) = failures.STORE.all()
    assert (record["stage"], record["cause"], record["mended"]) == ("start", "timeout", "")
    assert "answers no request" in record["detail"]
    assert "it is broken" in record["log"]


@pytest.mark.parametrize("knock", [lambda *_: asyncio.sleep(60), lambda *_: asyncio.sleep(0, True)])
async def test_a_server_that_dies_as_its_start_waits_is_told_by_the_clock(docker, make, silent, monkeypatch, knock):
    # An address that is gone says nothing to a knock, which so takes its time; nor does a server that only listens.
    monkeypatch.setattr(answers, "accepts_connections", knock)
    starting = asyncio.ensure_future(make(port=silent).start())
    while NAME not in docker.containers:
        await asyncio.sleep(0.01)
    docker.containers[NAME]["State"] |= {"Running": False, "Status": "exited", "ExitCode": 3}
    with pytest.raises(SpawnProblem, match="it is broken"):
        await asyncio.wait_for(starting, 10)


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
        (
            "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=GPU-1",
            "GPU .* is not there(.|\n)*nvidia.com/gpu=GPU-1.*start without a GPU meanwhile",
            "gpu-missing",
        ),
        ('could not select device driver "cdi" with capabilities: []', "CDI is off(.|\n)*has to mend it", "gpu-no-cdi"),
        ('could not select device driver "nvidia" with capabilities: [[gpu]]', "lacks NVIDIA's", "gpu-no-toolkit"),
        ("nvidia-container-cli: device error: x: unknown device: unknown", "driver does not know", "gpu-unknown"),
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
