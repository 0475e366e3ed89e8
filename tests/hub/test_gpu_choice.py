# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A user's choice of a GPU: the form, what a start brings with it, and what is refused; the daemon is a double."""

from types import SimpleNamespace

import pytest
from labhub import failures
from labhub.problems import SpawnProblem

ONE, TWO = "GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952", "GPU-17c94e6b-5d20-4f8e-b3a6-6c1f0d92e845"
CHOICE = [{"gpus": [ONE], "choice": True}]


@pytest.fixture
def begin(docker, make):
    """Starts a server with options, and tells which devices it was given."""

    async def start(rules, options, spawner=None):
        spawner = spawner or make(gpu_access=rules)
        spawner.user_options = options
        docker.containers.clear()
        await spawner.start()
        created = docker.created[-1]
        assert "NVIDIA_VISIBLE_DEVICES=void" in created["Env"]
        return [
            device for request in created["HostConfig"].get("DeviceRequests") or () for device in request["DeviceIDs"]
        ]

    return start


@pytest.mark.parametrize(
    ("rules", "options", "devices"),
    [
        (CHOICE, {"gpu": ONE}, [f"nvidia.com/gpu={ONE}"]),
        (CHOICE, {"gpu": "none"}, []),
        (CHOICE, {}, []),
        ([{"gpus": "all", "choice": True}], {"gpu": "all"}, ["nvidia.com/gpu=all"]),
        ([{"gpus": [ONE, TWO]}], {"gpu": "none"}, [f"nvidia.com/gpu={ONE}", f"nvidia.com/gpu={TWO}"]),
        # What else is sent along changes nothing.
        (
            CHOICE,
            {"environment": {"NVIDIA_VISIBLE_DEVICES": "all"}, "gpu_access": [{"gpus": "all"}], "gpus": "all"},
            [],
        ),
        (CHOICE, {"extra_host_config": {"device_requests": [{"Count": -1}]}, "runtime": "nvidia"}, []),
    ],
)
async def test_a_server_gets_what_was_chosen(begin, rules, options, devices):
    assert await begin(rules, options) == devices


@pytest.mark.parametrize("wish", [TWO, "all", "0", "", [ONE], {"gpu": ONE}, 0, 1.5, True, [[[]]], "x" * 10**6])
@pytest.mark.parametrize("rules", [CHOICE, []])
async def test_what_is_not_allowed_is_refused_before_anything_is_made(docker, make, rules, wish):
    spawner = make(gpu_access=rules)
    spawner.user_options = {"gpu": wish}
    with pytest.raises(SpawnProblem, match="not yours to have(.|\\n)*You asked for") as problem:
        await spawner.start()
    assert docker.created == []
    assert problem.value.reason == "gpu-refused"
    assert len(problem.value.jupyterhub_message) < 400
    assert [record["cause"] for record in failures.STORE.all()] == ["gpu-refused"]


async def test_a_refused_wish_is_told_as_text_in_the_readers_language(make):
    spawner = make(gpu_access=CHOICE)
    spawner.user_options = {"gpu": "<script>alert(1)</script>"}
    request = SimpleNamespace(headers={"Accept-Language": "ru"})
    spawner.handler = SimpleNamespace(request=request, authenticator=SimpleNamespace(language="auto"))
    with pytest.raises(SpawnProblem) as problem:
        await spawner.start()
    assert "Вы запросили" in problem.value.jupyterhub_html_message
    assert "<script>" not in problem.value.jupyterhub_html_message


async def test_a_choice_that_the_rules_have_taken_away_is_refused_once(begin, make):
    spawner = make(gpu_access=CHOICE)
    # What JupyterHub keeps, and puts to every later start that brings no options.
    spawner.orm_spawner = SimpleNamespace(user_options={"gpu": TWO, "image": ""}, name="", server=None)
    with pytest.raises(SpawnProblem, match=TWO):
        await begin(None, spawner.orm_spawner.user_options, spawner)
    assert spawner.orm_spawner.user_options == {"image": ""}
    assert await begin(None, spawner.orm_spawner.user_options, spawner) == []


async def test_a_choice_that_stands_is_kept_for_the_next_start(begin, make):
    spawner = make(gpu_access=CHOICE)
    spawner.orm_spawner = SimpleNamespace(user_options={"gpu": ONE}, name="", server=None)
    for _start in range(2):
        assert await begin(None, spawner.orm_spawner.user_options, spawner) == [f"nvidia.com/gpu={ONE}"]


async def test_the_next_start_does_not_have_the_gpus_of_the_last(begin, make):
    spawner = make(gpu_access=CHOICE)
    assert await begin(None, {"gpu": ONE}, spawner) == [f"nvidia.com/gpu={ONE}"]
    assert await begin(None, {"gpu": "none"}, spawner) == []


async def test_only_whoever_has_a_choice_sees_a_form(make):
    assert f'value="{ONE}"' in await make(gpu_access=CHOICE).get_options_form()
    assert [await make(gpu_access=rules).get_options_form() for rules in ([], [{"gpus": "all"}])] == ["", ""]


async def test_images_that_an_operator_lets_users_choose_stay_in_the_form(make):
    spawner = make(gpu_access=CHOICE, allowed_images=["jupyter-custom-gpu:latest", "other:1"])
    form = await spawner.get_options_form()
    assert ('name="image"' in form, 'name="gpu"' in form) == (True, True)
    fields = {"image": ["other:1"], "gpu": [ONE], "_xsrf": ["x"]}
    assert spawner.run_options_from_form(fields) == {"image": "other:1", "gpu": ONE}
    assert spawner.options_from_query({"gpu": [ONE]}) == {"gpu": ONE}


@pytest.mark.parametrize(("options", "devices"), [({}, []), ({"gpu": "all"}, ["nvidia.com/gpu=all"])])
async def test_verifys_own_server_gets_all_or_none_whoever_they_are_given_to(begin, make, options, devices):
    for rules in ([{"users": ["ada"], "gpus": [ONE]}], [{"gpus": []}]):
        assert await begin(rules, options, make("lab-probe", gpu_access=rules)) == devices


async def test_where_nobody_is_given_a_gpu_verifys_own_server_gets_none(make):
    spawner = make("lab-probe", gpu_access=[])
    spawner.user_options = {"gpu": "all"}
    with pytest.raises(SpawnProblem, match="gives you no GPU"):
        await spawner.start()


@pytest.mark.parametrize(
    ("rules", "held", "kept"),
    [
        pytest.param([], None, True, id="none then and now"),
        pytest.param([{"gpus": [ONE]}], [ONE], True, id="the same"),
        pytest.param([{"gpus": [ONE]}], [TWO], False, id="another"),
        pytest.param([], [ONE], False, id="taken away since"),
        pytest.param([{"gpus": [ONE]}], None, False, id="given since"),
    ],
)
async def test_a_server_that_the_hub_lost_sight_of_is_taken_up_with_its_users_gpus_only(
    docker, make, rules, held, kept
):
    number = docker.add("jupyter-anna-maria", running=True, labels={"org.gpulab.jupyterhub": "singleuser"})
    requests = held and [{"Driver": "cdi", "Count": 0, "DeviceIDs": [f"nvidia.com/gpu={gpu}" for gpu in held]}]
    docker.containers["jupyter-anna-maria"]["HostConfig"] = {"DeviceRequests": requests}
    await make(gpu_access=rules).start()
    assert (docker.find(number)["State"]["Running"], "create" in docker.calls[1:]) == (True, not kept)
