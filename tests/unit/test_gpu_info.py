"""gpu_info, as Ansible runs it: on a server's files in a directory, with commands that replay what real ones said."""

import json
import os

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_look as look
from ansible_collections.gpulab.jupyterhub.plugins.modules import gpu_info
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes
from ansible_collections.gpulab.jupyterhub.tests.unit.gpu_server import CARDS, SPEC, VERSION, Server


@pytest.fixture
def server(tmp_path, monkeypatch):
    server = Server(tmp_path)
    monkeypatch.setattr(look, "ROOT", server.root)
    monkeypatch.setenv("PATH", f"{server.commands}{os.pathsep}{os.environ['PATH']}")
    return server


@pytest.fixture
def run(server, capsys, monkeypatch):
    """Run the module as Ansible does; return its result."""

    def answer(argv, **how):
        return cli.Answer("ok", json.dumps(server.info), "") if server.info else cli.Answer("down", "", "no engine")

    monkeypatch.setattr(gpu_info, "Docker", lambda socket: cli.Docker(socket, answer))

    def run(**arguments):
        with patch_module_args(arguments), pytest.raises(SystemExit):
            gpu_info.main()
        return json.loads(capsys.readouterr().out)

    return run


def codes(result):
    return [problem["code"] for problem in result["problems"]]


@pytest.mark.parametrize("check", [False, True])
def test_a_server_that_is_well_is_told_in_full(server, run, check):
    server.working()
    result = run(_ansible_check_mode=check, expect_gpus=2)
    assert (result["status"], result["problems"], result["changed"]) == ("ok", [], False)
    assert [(card["address"], card["driver"]) for card in result["pci_gpus"]] == [
        ("0000:00:09.0", "nvidia"),
        ("0000:00:1e.0", "nvidia"),
    ]
    assert [(gpu["index"], gpu["name"], gpu["compute_cap"]) for gpu in result["gpus"]] == [
        (0, "Tesla T4", "7.5"),
        (1, "NVIDIA H100 80GB HBM3", "9.0"),
    ]
    assert [device["uuid"] for device in result["gpus"][1]["mig_devices"]] == [shapes.mig_uuid(1, n) for n in range(4)]
    assert result["driver"] == {
        **{
            "kernel_version": VERSION,
            "userspace_version": VERSION,
            "match": True,
            "flavor": "open",
            "cuda_max": "13.1",
        },
        **{"dkms": [], "secure_boot": None, "nouveau_loaded": False, "reboot_required": False},
    }
    assert result["docker"] | {"cgroup_driver": ""} == {
        **{"version": "28.5.1", "cdi_enabled": True, "runtimes": ["runc"], "default_runtime": "runc"},
        "cgroup_driver": "",
    }
    kit = result["toolkit"]
    assert (kit["version"], kit["cdi_stale"], len(kit["cdi_devices"])) == ("1.18.0", False, 5)
    assert (kit["cdi_specs"][0]["driver_version"], "device_nodes" in kit["cdi_specs"][0]) == (VERSION, False)


def test_a_server_without_a_card_is_well_and_only_asked_for_cards(server, run):
    server.info = None
    server.card("0000:00:02.0", vendor="0x8086", kind="0x030000", driver="i915")
    server.card("0000:00:1e.1", kind="0x040300", driver="snd_hda_intel")
    result = run()
    assert (result["status"], result["problems"], result["pci_gpus"], result["gpus"]) == ("ok", [], [], [])
    assert server.ran == ["nvidia-smi"]
    assert result["docker"]["version"] == ""


def test_a_card_that_should_be_there_is_missed(run):
    result = run(expect_gpus=1)
    assert (result["status"], codes(result)) == ("failed", ["no_gpu_hardware"])
    assert "failed" not in result


def test_a_card_without_driver_is_found_on_the_bus(server, run):
    server.card("0000:01:00.0", driver="")
    (server.commands / "nvidia-smi").unlink()
    result = run()
    assert codes(result) == ["driver_not_installed"]
    assert result["pci_gpus"] == [
        {"address": "0000:01:00.0", "device_id": "2330", "architecture": "Hopper", "driver": ""}
    ]


@pytest.mark.parametrize(
    ("rc", "log", "code", "text"),
    [
        (9, "", "driver_not_loaded", "there is no module nvidia for the running kernel"),
        (9, "[  1.0] Loading of module failed: Key was rejected by service\n", "driver_not_loaded", "Key was rejected"),
        (18, "", "version_mismatch", "ended with 18"),
        (6, "[  1.0] NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:1017)\n", "no_devices", "RmInitAdapter"),
        (255, "", "driver_output_broken", "there is no <nvidia_smi_log> in it"),
    ],
)
def test_exit_codes_and_the_kernels_log_tell_failures_apart(server, run, rc, log, code, text):
    server.card("0000:01:00.0")
    server.write("dev/nvidiactl", "")
    server.command("nvidia-smi", rc=rc)
    server.command("dmesg", **{"": log})
    (problem,) = run()["problems"]
    assert (problem["code"], problem["evidence"]["rc"]) == (code, rc)
    assert text in problem["evidence"]["text"]


def test_a_missing_control_node_is_told_by_its_error(server, run):
    server.card("0000:01:00.0")
    server.command("nvidia-smi", rc=255, **{"-q -x": "Failed to initialize NVML: Unknown Error\n"})
    (problem,) = run()["problems"]
    assert (problem["code"], problem["evidence"]["errno"], problem["scope"]) == ("not_injected", "ENOENT", "container")


def test_a_driver_that_never_answers_is_left_behind(server, run, monkeypatch):
    server.card("0000:01:00.0")
    (server.commands / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(look, "_PATIENCE", 0.2)
    assert codes(run()) == ["driver_hung"]


def test_a_command_that_cannot_be_run_is_no_traceback(server, run):
    server.card("0000:01:00.0")
    (server.commands / "nvidia-smi").write_text("no script, no program")
    assert codes(run()) == ["driver_output_broken"]


def test_broken_xml_is_read_from_the_text_instead(server, run):
    server.working()
    server.smi(CARDS, **{"-q -x": shapes.xml(CARDS)[:900]})
    result = run()
    assert (codes(result), result["status"]) == (["driver_output_broken"], "degraded")
    assert [gpu["name"] for gpu in result["gpus"]] == ["Tesla T4", "NVIDIA H100 80GB HBM3"]
    assert len(result["gpus"][1]["processes"]) == 3


def test_slices_made_since_make_the_specification_stale(server, run):
    server.working()
    server.write("etc/cdi/nvidia.json", json.dumps(SPEC | {"devices": SPEC["devices"][:2]}))
    result = run()
    assert (codes(result), result["toolkit"]["cdi_stale"]) == (["cdi_stale"], True)
    assert shapes.mig_uuid(1, 3) in result["problems"][0]["evidence"]["text"]


def test_an_upgrade_that_is_not_loaded_wants_a_reboot(server, run):
    server.working()
    server.command("modinfo", nvidia="version:        595.80\nlicense:        NVIDIA\n")
    result = run()
    assert (codes(result), result["problems"][0]["needs_reboot"]) == (["driver_upgraded"], True)
    assert result["driver"]["reboot_required"] is True


def test_specifications_of_others_are_none_of_its_business(server, run):
    server.working()
    server.write("var/run/cdi/other.json", json.dumps({"kind": "vendor.org/net", "devices": [{"name": "x"}]}))
    server.write("etc/cdi/nvidia.json.bak", "no JSON")
    assert codes(run()) == []


@pytest.mark.parametrize(("fail_on", "failed"), [([], False), (["gpus_missing"], False), (["no_gpu_hardware"], True)])
def test_a_problem_is_a_failure_only_as_asked(run, fail_on, failed):
    result = run(expect_gpus=1, fail_on=fail_on)
    assert result.get("failed", False) is failed
    assert ("Mend: Seat the card" in result.get("msg", "")) is failed
    assert codes(result) == ["no_gpu_hardware"]


def test_an_unknown_code_to_fail_on_is_refused(run):
    result = run(fail_on=["gpu_on_fire"])
    assert result["failed"] is True
    assert "fail_on names no problem: gpu_on_fire." in result["msg"]
