"""doctor_report, as a play calls it: the page on the screen, files on the controller, and an exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAY = """
- hosts: lab
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        found: "{{ report }}"
      when: report is defined
    - gpulab.jupyterhub.doctor_report:
        examined: found
        json: "{{ json | default('') }}"
        bundle: "{{ bundle | default('') }}"
      run_once: true
"""
CHECKS = [{"layer": "engine", "state": "ok", "words": "Docker 26.1.5"}]
WELL = {"healthy": True, "problems": [], "checks": CHECKS, "evidence": {"a.txt": "b"}}
DISK = {
    **{"code": "disk-full", "severity": "error", "subject": "file system of /srv", "evidence": "nothing is left."},
    **{"remedy": "du -xh /srv", "layer": "disk", "since": "", "since_seconds": 0},
}


@pytest.fixture
def play(tmp_path, collections_path):
    """Run the play with these reports by host."""

    def play(hosts, *arguments, **variables):
        (tmp_path / "play.yml").write_text(PLAY)
        inventory = {"lab": {"hosts": {host: {"report": report} if report else {} for host, report in hosts.items()}}}
        (tmp_path / "hosts.json").write_text(json.dumps(inventory))
        command = [sys.executable, "-m", "ansible.cli.playbook", "-i", str(tmp_path / "hosts.json"), *arguments]
        return subprocess.run(
            [*command, "-e", json.dumps(variables), str(tmp_path / "play.yml")],
            cwd=ROOT,
            env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_COLLECTIONS_PATH": collections_path},
            capture_output=True,
            text=True,
            check=False,
        )

    return play


def test_all_servers_are_on_one_page_and_a_lost_one_fails_the_play(play, tmp_path):
    run = play({"lab1": WELL, "lab2": None}, json=str(tmp_path / "lab.json"))
    assert run.returncode == 2
    page = run.stdout[run.stdout.index("The lab, ") : run.stdout.index("Nothing was changed.")]
    assert "1 server could not be examined." in page
    assert page.index("== lab1 ") < page.index("Docker 26.1.5") < page.index("== lab2 ")
    assert run.stdout.count("The lab, ") == 1
    assert json.loads((tmp_path / "lab.json").read_text())["healthy"] is False


def test_a_lab_that_is_well_ends_well_and_writes_what_was_asked_for(play, tmp_path):
    run = play({"lab1": WELL}, bundle=str(tmp_path))
    assert run.returncode == 0, run.stdout
    assert "Everything is well." in run.stdout
    (bundle,) = tmp_path.glob("lab-doctor-*.tar.gz")
    assert f"Bundle: {bundle}" in run.stdout


def test_a_place_below_ones_home_is_found(play, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run = play({"lab1": WELL}, json="~/lab.json")
    assert run.returncode == 0, run.stdout
    assert json.loads((tmp_path / "lab.json").read_text())["healthy"]


def test_an_option_that_is_spelt_wrong_is_told(play, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PLAY", PLAY.replace("bundle:", "bundel:"))
    run = play({"lab1": WELL})
    assert run.returncode == 2
    assert "bundel" in run.stdout + run.stderr


def test_a_check_writes_no_file(play, tmp_path):
    run = play({"lab1": WELL}, "--check", bundle=str(tmp_path), json=str(tmp_path / "lab.json"))
    assert run.returncode == 0, run.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hosts.json", "play.yml"]


def test_an_error_fails_the_play(play):
    run = play({"lab1": WELL | {"healthy": False, "problems": [DISK]}})
    assert run.returncode == 2
    assert "ERROR file system of /srv (disk-full)" in run.stdout


def test_a_place_that_cannot_be_written_is_named_and_the_page_is_shown(play):
    run = play({"lab1": WELL}, json="/proc/lab.json")
    assert run.returncode == 2
    assert "Everything is well." in run.stdout
    assert "/proc/lab.json cannot be written: No such file or directory. Mend: " in run.stdout + run.stderr
