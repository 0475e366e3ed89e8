# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The probe, at a real hub whose door and single-user servers are doubles that can be broken one by one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hub.running import CHECKOUT, LIMITED_TOKEN, TOKEN
from jupyterhub.utils import random_port
from labhub.probe import walk
from labhub.probeclient import CLEANUP, Fault
from labhub.probesteps import Probe

WRITABLE = Path("/dev", "shm")
"""A mount that every Linux has, and that takes files; /proc is one that does not."""

STEPS = ["find_door", "make_account", "log_in", "start_server", "reach_server", "start_kernel", "open_server"]
STEPS += ["use_kernel", "check_home", "check_mounts", "check_packages", "clean_up"]


GPU_STEPS = ["find_door", "make_account", "log_in", "start_without", "look_without", "start_with_all", "look_with_all"]
GPU_STEPS += ["clean_up"]


@pytest.fixture
def probe(hub, tmp_path):
    """Runs the command line against the hub; returns exit status and what it prints."""

    def run(*options, url=hub.url, token=TOKEN, user="lab-probe", cue=""):
        (tmp_path / "token").write_text(f"{token}\n")
        command = [sys.executable, "-m", "labhub.probe", "--url", url, "--token-file", str(tmp_path / "token")]
        command += ["--user", user, "--timeout", "30", *options]
        env = {"PYTHONPATH": str(CHECKOUT / "files/hub/src"), "PATH": ""}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, input=cue)
        assert done.stdout.count("\n") <= 1, done.stderr
        return done.returncode, json.loads(done.stdout or "null")

    return run


@pytest.fixture
def looking(hub, tmp_path):
    """Runs the walk about GPUs; returns its report, and what it waited for, each time with a server to look into."""

    def run(answers):
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        options = ["--url", hub.url, "--token-file", str(tmp_path / "token"), "--gpus"]
        env = {"PYTHONPATH": str(CHECKOUT / "files/hub/src"), "PATH": ""}
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        looked = []
        with subprocess.Popen([sys.executable, "-m", "labhub.probe", *options], env=env, text=True, **pipes) as process:
            for line in process.stdout:
                said = json.loads(line)
                if "look" in said:
                    looked.append(said["look"])
                    assert hub.api("GET", "/users/lab-probe").json()["server"]
                    answer(process.stdin, len(looked) <= answers)
        return said, looked

    return run


def answer(pipe, looks):
    """Have the walk go on, or leave it alone."""
    if looks:
        pipe.write("go on\n")
        pipe.flush()
    else:
        pipe.close()


def nothing_is_left(hub, user="lab-probe"):
    account = hub.api("GET", f"/lab/accounts/{user}").json()
    return not account["exists"] and hub.api("GET", f"/users/{user}").status_code == 404


def test_a_lab_that_works_is_walked_through_and_left_as_it_was(hub, probe):
    shared = ("--expect-mount", f"{WRITABLE}:rw", "--expect-mount", "/proc:ro")
    status, said = probe(*shared, "--packages-dir", str(hub.packages))
    assert said["problem"] is None
    assert (status, said["ok"]) == (0, True)
    assert [(step["name"], step["ok"]) for step in said["steps"]] == [(name, True) for name in STEPS]
    assert nothing_is_left(hub)
    assert not list((hub.directory / "home/lab-probe").iterdir())
    assert not list(hub.packages.iterdir())


def test_a_walk_on_cue_begins_with_a_line_and_not_without_one(hub, probe):
    assert probe("--on-cue", cue="") == (1, None)
    assert nothing_is_left(hub)
    assert probe("--on-cue", "--packages-dir", str(hub.packages), cue="walk\n")[0] == 0


def test_servers_without_and_with_gpus_are_there_to_be_looked_into(hub, looking):
    said, looked = looking(answers=2)
    assert looked == ["none", "all"]
    assert (said["ok"], said["problem"]) == (True, None)
    assert [step["name"] for step in said["steps"]] == GPU_STEPS
    assert nothing_is_left(hub)


def test_a_server_that_nobody_looks_into_is_taken_back(hub, looking):
    said, looked = looking(answers=1)
    assert looked == ["none", "all"]
    assert (said["ok"], said["problem"]["subject"]) == (False, "look_with_all")
    assert nothing_is_left(hub)


@pytest.mark.parametrize(
    ("options", "code", "evidence"),
    [
        (["--expect-mount", "/nowhere:rw"], "mount-missing", "nothing is mounted at /nowhere"),
        (["--expect-mount", "/proc:rw"], "mount-not-writable", ""),
        (["--expect-mount", f"{WRITABLE}:ro"], "mount-writable", "should not be"),
        (["--packages-dir", "/nowhere"], "shared-packages-missing", "not in sys.path"),
        (["--packages-dir", "/proc", "--shared-packages", "off"], "shared-packages-left", "/proc is mounted"),
    ],
)
def test_what_a_server_lacks_is_named(hub, probe, options, code, evidence):
    status, said = probe(*options)
    problem = said["problem"]
    assert (status, said["ok"], problem["code"], problem["severity"]) == (1, False, code, "error")
    assert evidence in problem["evidence"]
    assert problem["remedy"]
    assert nothing_is_left(hub)


def test_a_server_that_does_not_start_is_named_with_the_hubs_words(hub, probe):
    status, said = probe(user="user-broken")
    assert (status, said["problem"]["code"]) == (1, "spawn-failed")
    assert "The image of your server is missing." in said["problem"]["evidence"]
    assert said["steps"][-1]["name"] == "clean_up"
    assert nothing_is_left(hub, "user-broken")


def test_a_door_that_nobody_answers_is_named(probe):
    url = f"http://127.0.0.1:{random_port()}"
    status, said = probe(url=url)
    assert (status, said["problem"]["code"]) == (1, "door-unreachable")
    assert url in said["problem"]["subject"]
    assert [step["name"] for step in said["steps"]] == ["find_door"]


@pytest.mark.parametrize("token", [LIMITED_TOKEN, "no-such-token"])
def test_a_token_that_the_hub_refuses_is_named(probe, token):
    status, said = probe(token=token)
    assert (status, said["problem"]["code"]) == (1, "token-refused")


def test_a_home_that_takes_no_files_is_named(hub, probe):
    home = hub.directory / "home/lab-probe"
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(exist_ok=True)
    home.touch()
    status, said = probe()
    home.unlink()
    assert (status, said["problem"]["code"]) == (1, "home-not-writable")
    assert nothing_is_left(hub)


@pytest.fixture
def check_packages(monkeypatch):
    """Takes the probe's look at shared packages, with a Python of its own in the kernel's place."""

    def run(directory, shared_packages):
        def kernel(code, layer):
            command, env = [sys.executable, "-c", code], {"PYTHONPATH": directory}
            return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

        packages = {"packages_dir": directory, "shared_packages": shared_packages}
        probe = Probe(url="", user="lab-probe", token="", timeout=30, **packages)
        monkeypatch.setattr(probe, "run", kernel)
        probe.check_packages()

    return run


def test_packages_that_users_may_only_read_are_not_written_to(check_packages):
    with pytest.raises(Fault, match="No such file"):
        check_packages("/proc", "open")
    check_packages("/proc", "curated")


def test_packages_that_cannot_be_read_are_named(check_packages):
    with pytest.raises(Fault, match=r"shared-packages-missing: /nowhere: .* cannot be read"):
        check_packages("/nowhere", "curated")


def test_packages_that_are_off_and_still_there_are_named(check_packages, tmp_path):
    with pytest.raises(Fault, match=r"shared-packages-left: .* is in sys.path$"):
        check_packages(str(tmp_path), "off")


def test_a_directory_that_refuses_to_make_and_to_remove_files_is_named(check_packages, tmp_path):
    # The system calls fail for the length of the path, as all of them do on a read-only file system.
    parts, rest = divmod(4070 - len(str(tmp_path)), 100)
    deep = tmp_path.joinpath(*["d" * 99] * parts, "d" * rest)
    deep.mkdir(parents=True)
    with pytest.raises(Fault, match=r"shared-packages-missing: .*/lab_probe_\w+\.py'$"):
        check_packages(str(deep), "open")


def test_what_is_left_over_is_told_and_the_lab_not_called_broken(hub, monkeypatch):
    def refuse():
        raise Fault(CLEANUP, "/hub/api/lab/accounts/lab-probe", "500 Internal Server Error")

    probe = Probe(url=hub.url, user="lab-probe", token=TOKEN, timeout=30, packages_dir=str(hub.packages))
    monkeypatch.setattr(probe, "_delete_account", refuse)
    said = walk(probe)
    assert (said["ok"], said["problem"]["code"], said["problem"]["severity"]) == (True, "cleanup-failed", "warning")
    assert "500 Internal Server Error" in said["problem"]["evidence"]
    assert [step["name"] for step in said["steps"] if not step["ok"]] == ["clean_up"]


def test_two_probes_in_turn_both_find_the_lab_in_order(hub, probe):
    assert [probe("--packages-dir", str(hub.packages))[0] for _time in range(2)] == [0, 0]


@pytest.mark.parametrize("mount", ["shared:rw", "/shared", "/shared:wr"])
def test_an_expected_mount_is_a_path_and_a_mode(mount):
    command = [sys.executable, "-m", "labhub.probe", "--url", "x", "--token-file", "x", "--expect-mount", mount]
    env = {"PYTHONPATH": str(CHECKOUT / "files/hub/src"), "PATH": ""}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "must be PATH:rw or PATH:ro" in done.stderr
