"""preflight: every obstacle is told in words that name the setting and the mend, and nothing is changed."""

import ipaddress
import json
import os
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _preflight as checks
from ansible_collections.gpulab.jupyterhub.plugins.modules import preflight

GB = 1024**3
EVERYWHERE = str(ipaddress.IPv4Address(0))


def codes(problems):
    return [problem.code for problem in problems]


def disk(free_gb=100.0, read_only=False):
    """Stand for a file system."""
    return SimpleNamespace(f_bavail=int(free_gb * GB / 4096), f_frsize=4096, f_flag=os.ST_RDONLY if read_only else 0)


# --- Directories and space ---


def test_a_data_root_that_is_not_there_yet_is_fine(tmp_path):
    assert list(checks.data_root(str(tmp_path / "a/b/c"))) == []
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_directory_is_a_directory(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert list(checks.data_root(str(tmp_path / "link"))) == []


@pytest.mark.parametrize("below", ["", "/x", "/x/y"])
def test_a_data_root_that_is_a_file_or_below_one_is_named(tmp_path, below):
    (tmp_path / "file").write_text("")
    (problem,) = checks.data_root(f"{tmp_path}/file{below}")
    assert problem.code == "data-root-not-a-directory"
    assert problem.subject == "lab_data_root"
    assert f"{tmp_path}/file is a file" in problem.evidence


def test_a_link_to_nowhere_is_called_that(tmp_path):
    (tmp_path / "link").symlink_to("/nowhere/at/all")
    (problem,) = checks.data_root(str(tmp_path / "link"))
    assert "is a link to /nowhere/at/all, which does not exist" in problem.evidence


def test_a_pipe_is_no_directory(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (problem,) = checks.data_root(str(tmp_path / "pipe"))
    assert "a device, pipe or socket" in problem.evidence


def test_a_relative_data_root_is_refused():
    (problem,) = checks.data_root("srv/lab")
    assert problem.code == "data-root-relative"
    assert "begins with /" in problem.remedy


@pytest.mark.parametrize(
    ("read_only", "uid", "evidence", "remedy"),
    [
        (True, 0, "is mounted read-only", "mount -o remount,rw"),
        (False, 0, "not even root may", "lsattr -d"),
        (False, 4242, "uid 4242 may not; it belongs to uid", "Let root write"),
    ],
)
def test_a_data_root_that_cannot_be_written_to_says_why(tmp_path, monkeypatch, read_only, uid, evidence, remedy):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    asked = []

    def access(place, mode):
        asked.append((place, mode))
        return False

    (problem,) = checks.data_root(f"{tmp_path}/lab", access, lambda _: disk(read_only=read_only))
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]
    assert problem.code == "data-root-not-writable"
    assert evidence in problem.evidence
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("devices", "free", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 9, "b": 9}, []),
        ({"a": 1, "b": 2}, {"a": 4.9, "b": 9}, ["lab_data_root"]),
        ({"a": 1, "b": 2}, {"a": 9, "b": 4.9}, ["docker_engine_data_root"]),
        ({"a": 1, "b": 2}, {"a": 1, "b": 1}, ["lab_data_root", "docker_engine_data_root"]),
        ({"a": 1, "b": 1}, {"a": 1, "b": 1}, ["lab_data_root and docker_engine_data_root"]),
        ({"a": 1, "b": 1}, {"a": 5, "b": 5}, []),
    ],
)
def test_too_little_space_is_told_once_for_each_file_system(tmp_path, devices, free, found):
    for name in devices:
        (tmp_path / name).mkdir()
    places = {"lab_data_root": f"{tmp_path}/a/not/yet", "docker_engine_data_root": f"{tmp_path}/b"}
    problems = list(checks.space(places, 5, lambda p: disk(free[p.name]), lambda p: devices[p.name]))
    assert [problem.subject for problem in problems] == found


def test_too_little_space_names_path_free_and_needed(tmp_path):
    (problem,) = checks.space({"lab_data_root": f"{tmp_path}/x"}, 5, lambda _: disk(1.25))
    assert problem.evidence == f"the file system of {tmp_path}/x has 1.2 GB free; 5 GB are needed."


def test_the_space_of_a_real_file_system_is_measured(tmp_path):
    assert codes(checks.space({"lab_data_root": str(tmp_path)}, 1e9)) == ["disk-full"]
    assert codes(checks.space({"lab_data_root": str(tmp_path)}, 0)) == []


# --- daemon.json ---


@pytest.mark.parametrize(
    ("text", "options"),
    [("", {}), (" \n", {}), ("{}", {}), ('{"data-root": "/d"}', {"data-root": "/d"}), ("\ufeff{}", {})],
)
def test_a_good_daemon_json_is_read_as_dockerd_reads_it(tmp_path, text, options):
    (tmp_path / "daemon.json").write_text(text, encoding="utf-8")
    assert checks.daemon_json(str(tmp_path / "daemon.json")) == (options, [])


def test_a_missing_daemon_json_is_fine(tmp_path):
    assert checks.daemon_json(str(tmp_path / "none.json")) == ({}, [])


@pytest.mark.parametrize(
    ("content", "evidence"),
    [
        (b'{\n  "a": 1,\n  b\n}', "line 3, column 3"),
        (b'{\n  "a" 1\n}', "line 2, column 7: Expecting ':' delimiter.\n\"a\" 1"),
        (b'{"a": 1', "line 1, column 8"),
        (b"[1]", "it holds no object"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
    ],
)
def test_a_malformed_daemon_json_is_told_with_its_place(tmp_path, content, evidence):
    path = tmp_path / "daemon.json"
    path.write_bytes(content)
    options, (problem,) = checks.daemon_json(str(path))
    assert (options, problem.code) == ({}, "daemon-json-malformed")
    assert evidence in problem.evidence
    assert f"json.tool {path}" in problem.remedy


def test_a_daemon_json_that_is_a_directory_cannot_be_read(tmp_path):
    _options, (problem,) = checks.daemon_json(str(tmp_path))
    assert "it cannot be read: Is a directory" in problem.evidence


# --- The server itself ---


@pytest.mark.parametrize(
    ("name", "version", "machine", "found"),
    [
        ("debian", "12", "x86_64", []),
        ("debian", "13", "aarch64", []),
        ("ubuntu", "22.04", "x86_64", []),
        ("ubuntu", "24.04", "x86_64", []),
        ("ubuntu", "26.04", "x86_64", []),
        ("ubuntu", "20.04", "x86_64", ["platform-not-tried"]),
        ("debian", "24.04", "x86_64", ["platform-not-tried"]),
        ("fedora", "43", "riscv64", ["platform-not-tried", "architecture-not-tried"]),
        ("", "", "x86_64", ["platform-not-tried"]),
    ],
)
def test_unusual_servers_are_warned_of_and_nothing_more(name, version, machine, found):
    problems = list(checks.platform({"ID": name, "VERSION_ID": version, "PRETTY_NAME": "Some OS"}, machine))
    assert codes(problems) == found
    assert {problem.severity for problem in problems} <= {"warning"}


def test_os_release_is_read_with_and_without_quotes():
    text = "# comment\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian 12'\n\nODD\n"
    assert checks.parse_os_release(text) == {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian 12"}


@pytest.mark.parametrize(("now", "found"), [(0, ["clock-wrong"]), (1767225599, ["clock-wrong"]), (1767225600, [])])
def test_a_clock_before_2026_is_wrong(now, found):
    assert codes(checks.clock(now)) == found


@pytest.mark.parametrize(
    ("ahead", "told"), [(0.0, ""), (59.0, ""), (-60.0, ""), (61.0, "61 s ahead of"), (-7200.0, "7200 s behind")]
)
def test_a_clock_that_is_a_minute_off_is_warned_of(ahead, told):
    assert [told in one.evidence for one in checks.clock(time.time(), ahead)] == [True] * bool(told)


def test_a_lab_that_was_brought_up_from_elsewhere_is_named(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("here")
    assert [*checks.elsewhere("/srv/jupyterhub/", ["/srv/jupyterhub", ""])] == []
    assert [*checks.elsewhere(f"{tmp_path}/here", [f"{tmp_path}/link"])] == []
    (problem,) = checks.elsewhere("/data/lab", ["/srv/jupyterhub", "/srv/jupyterhub"])
    assert problem.code == "stack-elsewhere"
    assert "Set lab_data_root: /srv/jupyterhub" in problem.remedy
    assert "docker compose --project-directory /srv/jupyterhub down" in problem.remedy


# --- The module ---


@pytest.fixture
def run(capsys, tmp_path, free_port, monkeypatch):
    """Run the module as Ansible does, on a server of which only the arguments are strange; return its result."""

    def run(**arguments):
        warnings = []
        # Ansible keeps them for the process, so that a module of another test would return them too.
        monkeypatch.setattr(preflight.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
        settings = {
            "data_root": str(tmp_path / "lab"),
            "bind_address": "127.0.0.1",
            "port": free_port,
            "min_free_gb": 0,
            "docker_socket": str(tmp_path / "no.sock"),
            "daemon_json": str(tmp_path / "daemon.json"),
        }
        with patch_module_args(settings | arguments), pytest.raises(SystemExit):
            preflight.main()
        return json.loads(capsys.readouterr().out) | {"warnings": warnings}

    return run


@pytest.mark.parametrize("check", [False, True])
def test_a_server_without_docker_is_looked_at_and_left_as_it_is(run, tmp_path, check):
    result = run(_ansible_check_mode=check)
    assert (result["changed"], result["docker_data_root"]) == (False, "/var/lib/docker")
    assert [problem for problem in result["problems"] if problem["severity"] == "error"] == []
    assert list(tmp_path.iterdir()) == []


def test_everything_that_is_wrong_is_told_at_once(run, tmp_path, listener):
    (tmp_path / "lab").write_text("")
    (tmp_path / "daemon.json").write_text("{")
    result = run(port=listener, min_free_gb=1e9)
    assert result["failed"]
    for setting in ("lab_data_root", "hub_stack_port", "docker_engine_daemon_options", "docker_engine_data_root"):
        assert setting in result["msg"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["daemon.json", "lab"]


def test_a_clock_of_another_hour_is_warned_of_and_no_comparison_is_none(run):
    def differs(**arguments):
        result = run(**arguments)
        assert [problem["severity"] for problem in result["problems"]] == ["warning"] * len(result["warnings"])
        return "clock-differs" in {problem["code"] for problem in result["problems"]}

    assert differs(asked_at=time.time() - 3600)
    assert not differs(asked_at=time.time())
    assert not differs()


def test_dockers_data_root_is_what_its_options_say_while_no_engine_answers(run, tmp_path):
    (tmp_path / "daemon.json").write_text('{"data-root": "/srv/docker"}')
    assert run()["docker_data_root"] == "/srv/docker"
    assert run(docker_data_root="/data/docker")["docker_data_root"] == "/data/docker"


def test_the_distribution_is_left_as_ansible_itself_would_gather_it(run):
    setup = ["-m", "ansible", "adhoc", "localhost", "-m", "setup", "-a", "gather_subset=!all,!min,distribution"]
    as_json = os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    said = subprocess.run([sys.executable, *setup], env=as_json, capture_output=True, text=True, check=True).stdout
    gathered = json.loads(said.partition("=>")[2])["ansible_facts"]
    left = run()["ansible_facts"]
    del left["nvidia_cards"]
    assert left == {name: gathered[name] for name in left}
    assert len(left) == 3


def test_the_servers_own_cards_are_counted(run, tmp_path, monkeypatch):
    def count():
        return run()["ansible_facts"]["nvidia_cards"]

    monkeypatch.setattr(preflight.bus, "of_the_server", partial(preflight.bus.of_the_server, tmp_path))
    assert count() == 0
    for address in ("0000:01:00.0", "0000:02:00.0", "0000:02:00.1", "0000:03:00.0"):
        device = tmp_path / "sys/bus/pci/devices" / address
        device.mkdir(parents=True)
        (device / "vendor").write_text("0x10de\n" if address[5:7] != "03" else "0x8086\n")
        (device / "class").write_text("0x030200\n" if address.endswith(".0") else "0x040300\n")
        (device / "device").write_text("0x2330\n")
    assert count() == 2
    (tmp_path / "vfio-pci").mkdir()
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0/driver").symlink_to(tmp_path / "vfio-pci")
    assert count() == 1
