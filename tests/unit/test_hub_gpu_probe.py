"""hub_gpu_probe: servers without and with GPUs are looked into while the walk waits, and what they see is judged."""

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_gpu_probe

ONE, TWO = "GPU-11111111-2222-3333-4444-000000000001", "GPU-11111111-2222-3333-4444-000000000002"
REPORT = {"ok": True, "steps": [{"name": "find_door", "ok": True, "seconds": 0.1}], "problem": None}
CLIENT = """#!/bin/sh
# docker --host SOCKET WORD...
case "$3 $4" in
  run*) read cue; for what in none all; do
          echo $what >{here}/runs; echo '{{"look": "'$what'"}}'; read cue || exit 1
        done; cat {here}/report ;;
  "ps --filter") cat {here}/hub-image ;;
  "inspect "*|"container "*) cat {here}/container ;;
  exec*) cat >/dev/null; cat {here}/inside-$(cat {here}/runs); echo "$@" >>{here}/looked ;;
esac
"""
"""A double of the engine's client: its walk waits to be looked into, as the probe's does."""


def nvml(*uuids, code=0):
    gpus = [{"index": n, "uuid": uuid, "name": "", "slices": [], "error": 0} for n, uuid in enumerate(uuids)]
    return {"code": code, "text": "words", "library": "", "driver": "590.48.01", "cuda": "13.1", "gpus": gpus}


def seen(*uuids, **instead):
    """What the probe tells in a container."""
    nodes = [{"path": "/dev/nvidiactl", "present": True, "errno": ""}]
    return {"device_nodes": nodes, "nvml": nvml(*uuids), "cuda": {"code": 0}, "torch": None} | instead


NOTHING_SEEN = seen(nvml=nvml(code=12), device_nodes=[{"path": "/dev/nvidiactl", "present": False, "errno": "ENOENT"}])


OLD_TORCH = {"version": "2", "error": "no kernel image is available", "devices": 2}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Directory of the double, with what it says."""
    here = tmp_path / "engine"
    (here / "bin").mkdir(parents=True)
    (here / "bin/docker").write_text(CLIENT.format(here=here))
    (here / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{here}/bin:/usr/bin:/bin")
    requests = [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]}]
    container = [{"HostConfig": {"DeviceRequests": requests}, "Config": {"Env": ["NVIDIA_VISIBLE_DEVICES=void"]}}]
    said = {"hub-image": "gpulab/hub:abc\n", "report": REPORT, "container": container}
    said |= {"inside-none": NOTHING_SEEN, "inside-all": seen(ONE, TWO)}
    for name, what in said.items():
        (here / name).write_text(what if isinstance(what, str) else json.dumps(what))
    return here


@pytest.fixture
def run(engine, capsys, tmp_path, monkeypatch):
    """Run the module as Ansible does, on a server whose own NVML tells of two GPUs."""
    host = {"nvml": nvml(ONE, TWO)}
    monkeypatch.setattr(hub_gpu_probe.look, "at_host", lambda: host)
    monkeypatch.setattr(hub_gpu_probe, "_SYSTEMD", tmp_path / "no systemd")

    def run(check=False, **nvml_of_host):
        host["nvml"] |= nvml_of_host
        arguments = {"data_root": str(tmp_path), "walk_timeout": 5, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            hub_gpu_probe.main()
        return json.loads(capsys.readouterr().out)

    return run


def codes(result):
    return [problem["code"] for problem in result["problems"]]


def test_servers_that_see_what_they_should_are_well(run, engine, tmp_path):
    (tmp_path / "home/lab-probe").mkdir(parents=True)
    result = run()
    assert (result.get("failed"), result["problems"], result["uuids"]) == (None, [], [ONE, TWO])
    assert (result["steps"], result["changed"]) == (REPORT["steps"], False)
    assert [line.split()[4] for line in (engine / "looked").read_text().splitlines()] == ["jupyter-lab-probe"] * 2
    assert not (tmp_path / "home/lab-probe").exists()


@pytest.mark.parametrize(
    ("which", "inside", "code"),
    [
        ("none", seen(TWO), "extra_gpus_visible"),
        ("all", seen(ONE), "wrong_gpu"),
        ("all", NOTHING_SEEN, "not_injected"),
        (
            "all",
            seen(ONE, TWO, torch={"version": "2", "error": "no kernel image is available", "devices": 2}),
            "arch_unsupported",
        ),
    ],
)
def test_what_a_server_sees_too_much_or_too_little_fails(run, engine, which, inside, code):
    (engine / f"inside-{which}").write_text(json.dumps(inside))
    result = run()
    assert (result["failed"], codes(result)) == (True, [code])
    assert result["msg"].startswith("Users' servers do not get GPUs as they should.\n\nERROR jupyter-lab-probe")


def test_a_card_that_others_have_filled_is_only_warned_of(run, engine, monkeypatch):
    warned = []
    monkeypatch.setattr(hub_gpu_probe.AnsibleModule, "warn", lambda _module, text: warned.append(text))
    full = {"version": "2", "error": "CUDA out of memory. Tried to allocate 2 MiB", "devices": 2}
    (engine / "inside-all").write_text(json.dumps(seen(ONE, TWO, torch=full)))
    assert (codes(run()), "out of memory" in warned[0]) == (["computation_failed"], True)


def test_what_came_by_the_legacy_hook_is_not_taken_from_users_for_a_proof(run, engine, tmp_path, monkeypatch):
    monkeypatch.setattr(hub_gpu_probe, "_SYSTEMD", tmp_path)
    requests = [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]
    (engine / "container").write_text(json.dumps([{"HostConfig": {"DeviceRequests": requests}, "Config": {}}]))
    (engine / "bin/systemctl").write_text(f"#!/bin/sh\ntouch {engine}/reloaded\n")
    (engine / "bin/systemctl").chmod(0o755)
    assert run()["problems"] == []
    assert not (engine / "reloaded").exists()


def test_gpus_that_are_lost_when_systemd_reads_its_units_again_are_told(run, engine, tmp_path, monkeypatch):
    monkeypatch.setattr(hub_gpu_probe, "_SYSTEMD", tmp_path)
    denied = seen(nvml=nvml(code=999), device_nodes=[{"path": "/dev/nvidiactl", "present": True, "errno": "EPERM"}])
    (engine / "bin/systemctl").write_text(f"#!/bin/sh\necho '{json.dumps(denied)}' >{engine}/inside-all\n")
    (engine / "bin/systemctl").chmod(0o755)
    assert codes(run()) == ["cgroup_denied"]


def test_a_walk_that_ends_early_is_told_in_its_own_words(run, engine):
    problem = dict.fromkeys(("code", "subject", "evidence", "remedy"), "a word") | {"severity": "error"}
    (engine / "report").write_text(json.dumps(REPORT | {"ok": False, "problem": problem}))
    assert codes(run()) == ["a word"]


def test_a_walk_that_does_not_begin_is_told(run, engine):
    (engine / "hub-image").write_text("")
    assert codes(run()) == ["probe-not-run"]


@pytest.mark.parametrize(
    ("host", "code"), [({"code": 9, "gpus": []}, "driver_not_loaded"), ({"code": 0, "gpus": []}, "no_devices")]
)
def test_a_server_without_gpus_of_its_own_is_not_walked_through(run, engine, host, code):
    assert codes(run(**host)) == [code]
    assert not (engine / "runs").exists()


def test_in_check_mode_no_server_is_started(run, engine):
    result = run(check=True)
    assert "left out" in result["msg"]
    assert not (engine / "runs").exists()
