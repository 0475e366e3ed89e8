"""_doctor_gpus: what gpu_info says counts as much as the lab hands GPUs out."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_gpus as gpus
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes
from ansible_collections.gpulab.jupyterhub.tests.unit.test_gpu_diagnosis import NO_CARDS, mute, server, toolkit

RULES = 'c.LabSpawner.gpu_access = [\n    {"gpus": "all", "groups": ["vision"]},\n]'
ASKS = 'c.LabSpawner.extra_host_config = {"device_requests": [DeviceRequest(count=-1)]}'
WELL = server([shapes.T4])


def problems(facts, containers=(), asked=True):
    return [(one.code, one.severity) for one in gpus.judge({**facts, "asked": asked, "to_all": asked}, containers)]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        pytest.param(mute(9, "couldn't communicate with the NVIDIA driver"), "driver_not_loaded", id="driver"),
        pytest.param(toolkit(version=""), "docker_no_gpu_driver", id="toolkit"),
    ],
)
def test_what_gpu_info_says_is_an_error_only_where_the_lab_hands_gpus_out(facts, code):
    (found,) = [one for one in gpus.judge({**facts, "asked": True, "to_all": True}, ()) if one.code == code]
    assert found.severity == "error"
    assert (code, "info") in problems(facts, asked=False)
    assert {severity for _code, severity in problems(facts, asked=False)} == {"info"}


def test_evidence_is_words_and_the_remedy_has_its_commands():
    (found,) = [
        one
        for one in gpus.judge({**toolkit(version=""), "asked": True, "to_all": True}, ())
        if one.code.startswith("docker_")
    ]
    assert isinstance(found.as_dict()["evidence"], str)
    assert "apt-get install nvidia-container-toolkit; systemctl restart docker" in found.remedy


def test_a_server_without_a_card_is_well_and_its_lack_is_told():
    assert problems(NO_CARDS, asked=False) == []
    assert gpus.told(NO_CARDS) == "no card of NVIDIA here"


def test_cards_that_are_well_are_told():
    assert problems(WELL) == []
    assert gpus.told(WELL) == "1 card of NVIDIA, driver 550.163.01"


@pytest.mark.parametrize(("config", "expected", "to_all"), [("", 0, False), (ASKS, 1, True), (RULES, 1, False)])
def test_a_lab_that_hands_gpus_out_is_looked_at_for_one(monkeypatch, config, expected, to_all):
    monkeypatch.setattr(gpus._gpu_look, "at_server", lambda expect_gpus, _docker: {"expect_gpus": expect_gpus})
    assert gpus.look(None, config) == {"asked": bool(expected), "to_all": to_all, "expect_gpus": expected}


def test_a_container_of_before_has_no_gpu():
    one = {"name": "jupyter-ada", "state": "running", "devices": False}
    containers = [one, one | {"name": "jupyter-bob", "devices": True}, one | {"state": "exited"}]
    (problem,) = gpus.judge({**WELL, "asked": True, "to_all": True}, containers)
    assert (problem.code, problem.subject) == ("gpu-container-old", "container jupyter-ada")
    assert problems(WELL, containers, asked=False) == []


def test_a_container_without_a_gpu_is_right_where_not_everybody_has_one():
    one = {"name": "jupyter-ada", "state": "running", "devices": False}
    assert [*gpus.judge({**WELL, "asked": True, "to_all": False}, [one])] == []
