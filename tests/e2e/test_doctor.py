"""The doctor in a real lab: what one run alone sees broken gets its right name, and nothing else is called ill."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes
from e2e.examined import examine
from e2e.server import docker

LAYERS = ["engine", "images", "stack", "hub", "proxy", "database", "certificates", "disk", "memory", "clock"]
LAYERS += ["names", "gpus", "servers"]


def snapshot(lab):
    """Tell what a doctor could have changed; the hub itself writes its state at any time."""
    files = [path for path in lab.data_root.rglob("*") if "state" not in path.parts]
    containers = docker("ps", "--all", "--quiet").split()
    started = docker("inspect", "--format={{.Id}} {{.State.StartedAt}}", *containers)
    return {path: path.lstat().st_ctime_ns for path in files}, started, docker("image", "ls", "--quiet")


def test_a_lab_that_is_well_is_said_to_be_and_nothing_is_changed(lab, tmp_path):
    before = snapshot(lab)
    found = examine(tmp_path)
    assert found.others() == []
    assert found.run.code == 0, found.run.output
    assert found.run.recap["changed"] == 0
    assert snapshot(lab) == before
    assert list(found.states()) == LAYERS
    assert set(found.states().values()) <= {"ok", "unknown", "warning"}
    assert max(map(len, found.page.splitlines())) <= 80


# --- What that one run alone sees -------------------------------------------------------------------------------------


def hide_client():
    """Commands that take `docker` out of sight: a device without the right to be run is no program."""
    places = ("/usr/bin/docker", "/usr/local/bin/docker", "/snap/bin/docker")
    return [["mount", "--bind", "/dev/null", place] for place in places if Path(place).exists()]


def test_without_the_client_the_second_problem_of_the_hand_run_lab(tmp_path):
    found = examine(tmp_path, before=hide_client())
    assert found.run.code == 2
    assert (found.only()["code"], found.only()["evidence"]) == ("docker-missing", "docker: command not found")
    assert found.states()["stack"] == "unknown"


def test_an_engine_that_is_not_there(tmp_path):
    found = examine(tmp_path, "-e", f"hub_stack_docker_socket={tmp_path}/none.sock")
    assert found.only()["code"] == "engine-down"


def test_an_engine_that_hangs(tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen(16)
        assert examine(tmp_path, "-e", f"hub_stack_docker_socket={tmp_path}/s").only()["code"] == "engine-hung"


def test_a_damaged_database(lab, tmp_path):
    torn = tmp_path / "torn.sqlite"
    torn.write_bytes(os.urandom(100_000))
    os.chown(torn, 9000, 9000)
    target = f"{lab.data_root}/state/jupyterhub.sqlite"
    found = examine(tmp_path, before=[["mount", "--bind", str(torn), target]])
    assert (found.only()["code"], found.only()["layer"]) == ("database-damaged", "database")


def test_a_database_that_is_not_the_hubs_to_write(lab, tmp_path):
    copy = tmp_path / "copy.sqlite"
    shutil.copy(lab.data_root / "state/jupyterhub.sqlite", copy)
    copy.chmod(0o644)
    target = f"{lab.data_root}/state/jupyterhub.sqlite"
    found = examine(tmp_path, before=[["mount", "--bind", str(copy), target]])
    assert found.only()["code"] == "database-not-writable"


def test_a_database_that_somebody_keeps_to_himself(lab, tmp_path):
    copy = tmp_path / "copy.sqlite"
    shutil.copy(lab.data_root / "state/jupyterhub.sqlite", copy)
    os.chown(copy, 9000, 9000)
    other = sqlite3.connect(copy, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    found = examine(tmp_path, before=[["mount", "--bind", str(copy), f"{lab.data_root}/state/jupyterhub.sqlite"]])
    other.close()
    assert (found.only()["code"], found.run.code) == ("database-locked", 0)


@pytest.mark.parametrize(("size", "code"), [("1g", "disk-nearly-full"), ("100m", "disk-full")])
def test_a_disk_that_fills_up(tmp_path, size, code):
    root = docker("info", "--format={{.DockerRootDir}}")
    found = examine(tmp_path, before=[["mount", "-t", "tmpfs", "-o", f"size={size}", "small", root]])
    assert (found.only()["code"], root in found.only()["subject"]) == (code, True)


def test_a_file_system_without_room_for_another_file(lab, tmp_path):
    shared = f"{lab.data_root}/shared"
    found = examine(tmp_path, before=[["mount", "-t", "tmpfs", "-o", "nr_inodes=1", "small", shared]])
    assert (found.only()["code"], shared in found.only()["subject"]) == ("inodes-full", True)


def test_a_data_root_that_is_mounted_read_only(lab, tmp_path):
    root = str(lab.data_root)
    found = examine(tmp_path, before=[["mount", "--bind", root, root], ["mount", "-o", "remount,bind,ro", root]])
    assert (found.only()["code"], found.only()["layer"]) == ("data-root-not-writable", "disk")


def test_memory_that_runs_out(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 100000 kB\n")
    found = examine(tmp_path, before=[["mount", "--bind", f"{tmp_path}/meminfo", "/proc/meminfo"]])
    assert (found.only()["code"], found.only()["severity"]) == ("memory-low", "warning")


def test_a_ca_of_the_lab_that_ends_tomorrow(lab, tmp_path):
    bundle = lab.data_root / "config/ca-bundle.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Campus", "-days", "1"]
    files = ["-keyout", f"{tmp_path}/key.pem", "-out", f"{tmp_path}/ca.pem", "-config", "/etc/ssl/openssl.cnf"]
    subprocess.run([*command, *files], check=True, capture_output=True)
    (tmp_path / "bundle.pem").write_text(bundle.read_text() + (tmp_path / "ca.pem").read_text())
    found = examine(tmp_path, before=[["mount", "--bind", f"{tmp_path}/bundle.pem", str(bundle)]])
    assert (found.only()["code"], found.only()["subject"]) == ("ca-ends", "CA Campus")


def test_options_of_the_engine_that_are_no_json(tmp_path):
    (tmp_path / "daemon.json").write_text('{"live-restore": true')
    found = examine(tmp_path, before=[["mount", "--bind", f"{tmp_path}/daemon.json", "/etc/docker/daemon.json"]])
    assert (found.only()["code"], found.only()["layer"]) == ("daemon-json-malformed", "engine")


def test_name_servers_that_do_not_answer(tmp_path):
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.153\n")
    found = examine(tmp_path, before=[["mount", "--bind", f"{tmp_path}/resolv.conf", "/etc/resolv.conf"]])
    assert (found.only()["code"], found.only()["severity"]) == ("names-no-answer", "warning")


def card(folder):
    """Commands that put a card where hardware would be: a stand-in for sysfs, with nothing else on the bus."""
    device = folder / "pci/0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "class").write_text("0x030200\n")
    return ["mount", "--bind", f"{folder}/pci", "/sys/bus/pci/devices"]


def test_a_card_without_a_driver(tmp_path):
    found = examine(tmp_path, before=[card(tmp_path)])
    problem = found.only()
    assert (problem["code"], problem["severity"], found.run.code) == ("driver_not_installed", "info", 0)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A stand-in for nvidia-smi that tells of one card, where its driver would be."""
    program = tmp_path / "bin/nvidia-smi"
    program.parent.mkdir()
    (tmp_path / "stand-in.xml").write_text(gpu_shapes.xml([gpu_shapes.T4]))
    program.write_text(f"#!/bin/sh\n[ \"$*\" != '-q -x' ] || cat {tmp_path}/stand-in.xml\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("stand_in")
def test_a_card_without_the_toolkit_the_fourth_problem_of_the_hand_run_lab(tmp_path):
    found = examine(tmp_path, before=[card(tmp_path)])
    assert {problem["layer"] for problem in found.others()} == {"gpus"}
    (problem,) = [one for one in found.others() if one["code"] == "docker_no_gpu_driver"]
    assert "Install the NVIDIA Container Toolkit" in problem["remedy"]


def test_a_data_root_without_a_lab_while_one_runs_from_another(tmp_path):
    (tmp_path / "lab").mkdir()
    found = examine(tmp_path, "-e", f"lab_data_root={tmp_path}/lab")
    assert found.only()["code"] == "stack-elsewhere"
    assert list((tmp_path / "lab").iterdir()) == []


def test_a_server_that_is_away_keeps_nobody_from_the_others(tmp_path):
    away = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
    (tmp_path / "hosts.json").write_text(json.dumps({"lab_servers": {"hosts": {"away": away}}}))
    found = examine(tmp_path, "-i", "inventories/local", "-i", str(tmp_path / "hosts.json"))
    assert found.run.code == 2
    assert "1 server could not be examined" in found.page.splitlines()[0]
    assert found.others() == []
    assert "Connection refused" in found.report["hosts"]["away"]["msg"]
