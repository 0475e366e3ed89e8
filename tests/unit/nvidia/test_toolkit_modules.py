"""nvidia_container_toolkit_info and nvidia_cdi: what a server lacks of the toolkit, and its CDI specification."""

import json

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_toolkit as toolkit
from ansible_collections.gpulab.jupyterhub.plugins.modules import (
    nvidia_cdi,
    nvidia_container_toolkit_info,
)
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes
from ansible_collections.gpulab.jupyterhub.tests.unit.gpu_server import SPEC, VERSION

GENERATE = "cdi generate --format=json --device-name-strategy=uuid"
KEPT = toolkit.SPECIFICATION.lstrip("/")


def test_somebody_elses_toolkit_is_left_alone_but_for_its_specification(server, run):
    server.dpkg("nvidia-container-toolkit\tinstall\tinstalled\t1.14.0-1\n")
    (server.root / KEPT).unlink()
    plan = run(nvidia_container_toolkit_info)["plan"]
    assert (plan["packages"], plan["files"], plan["specification"]) == ([], [], "there is none")


def test_a_toolkit_that_is_lacking_is_planned(server, run):
    server.write(toolkit.SOURCES.lstrip("/"), "")
    result = run(nvidia_container_toolkit_info, version="1.18")
    assert result["plan"]["packages"][0] == "nvidia-container-toolkit=1.18*"
    assert (result["version"], result["plan"]["specification"]) == ("1.18.0", "")


def test_another_source_of_the_same_repository_is_refused(server, run):
    path = "/etc/apt/sources.list.d/nvidia-container-toolkit.list"
    server.write(toolkit.SOURCES.lstrip("/"), "")
    server.sources = {
        path: "deb [signed-by=/k] https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n",
        "/etc/apt/sources.list": "# deb https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n",
    }
    assert f"rm {path}" in run(nvidia_container_toolkit_info)["refusal"]


def generated(server, text):
    server.command("nvidia-ctk", **{"--version": "CLI version 1.18.0\n", GENERATE: text})


def test_a_specification_that_is_right_stays(server, run):
    result = run(nvidia_cdi)
    assert (result["changed"], result["reason"], shapes.T4["uuid"] in result["devices"]) == (False, "", True)


def test_a_specification_is_made_anew_once_the_driver_is_another(server, run):
    old = (server.root / KEPT).read_text()
    (server.root / KEPT).write_text(old.replace(VERSION, "570.86.15"))
    generated(server, old)
    told = run(nvidia_cdi, check=True)
    assert (told["changed"], "570.86.15" in (server.root / KEPT).read_text()) == (True, True)
    made = run(nvidia_cdi)
    assert (made["changed"], made["reason"]) == (True, told["reason"])
    assert "570.86.15" in made["reason"]
    assert "570.86.15" in made["diff"]["before"]
    assert (server.root / KEPT).read_text() == old
    assert oct((server.root / KEPT).stat().st_mode)[-3:] == "644"
    assert run(nvidia_cdi)["changed"] is False


def test_a_specification_is_made_where_there_is_none(server, run):
    text = (server.root / KEPT).read_text()
    (server.root / KEPT).unlink()
    generated(server, text)
    assert run(nvidia_cdi)["reason"] == "there is none"
    assert json.loads((server.root / KEPT).read_text()) == SPEC


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "JSONDecodeError"),
        (json.dumps(SPEC | {"devices": SPEC["devices"][:2]}), f"it does not name {shapes.mig_uuid(1, 1)}"),
    ],
)
def test_what_the_toolkit_makes_is_read_before_it_counts(server, run, text, said):
    (server.root / KEPT).write_text("old: [")
    generated(server, text)
    result = run(nvidia_cdi)
    assert result["failed"] is True
    assert said in result["msg"]
    assert (server.root / KEPT).read_text() == "old: ["


def test_without_a_driver_that_tells_of_gpus_the_specification_stays(server, run):
    (server.root / KEPT).write_text("old: [")
    server.command("nvidia-smi", rc=9)
    assert run(nvidia_cdi)["changed"] is False


def test_the_toolkits_own_words_are_told(server, run):
    (server.root / KEPT).unlink()
    server.command("nvidia-ctk", rc=1)
    assert "cannot be generated" in run(nvidia_cdi)["msg"]
