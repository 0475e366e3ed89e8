"""image_build as a play runs it, with the real Ansible and a stand-in for the program docker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = Path(__file__).parent / "image_docker_double.py"


@pytest.fixture
def lab(tmp_path):
    """A server: its directory, its images, and a play that keeps two images there."""
    (tmp_path / "images").mkdir()
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} {DOUBLE} "$@"\n')
    docker.chmod(0o755)
    for name in ("base", "hub"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM x\n")
    images = [
        {"name": "t/base", "what": "base", "base": "debian", "context": str(tmp_path / "base")},
        {"name": "t/hub", "what": "hub", "base": "t/base", "context": str(tmp_path / "hub")},
    ]
    task = {"gpulab.jupyterhub.image_build": {"images": images, "data_root": str(tmp_path / "lab")}}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    return tmp_path


@pytest.fixture
def converge(lab):
    """Run the play; return its only task's result and all that was printed."""

    def run(*options):
        environment = {
            **os.environ,
            "PATH": f"{lab / 'bin'}:{os.environ['PATH']}",
            "DOUBLE_STORE": str(lab / "images"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_ASYNC_DIR": str(lab / "async"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        }
        command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-v", *options, str(lab / "play.yml")]
        interpreter = ["-e", f"ansible_python_interpreter={sys.executable}"]
        program = Path(sys.executable).parent / command[0]
        done = subprocess.run(
            [program, *command[1:], *interpreter],
            capture_output=True,
            text=True,
            env=environment,
            cwd=lab,
            timeout=120,
            check=False,
        )
        line = next(line for line in done.stdout.splitlines() if "=> {" in line)
        text = done.stdout[done.stdout.index(line) :].split("=> ", 1)[1]
        return json.JSONDecoder().raw_decode(text)[0], done.stdout

    return run


def stored(lab):
    return sorted(path.name.replace("%", "/") for path in (lab / "images").iterdir())


def test_what_is_missing_is_made_once(lab, converge):
    result, printed = converge()
    assert result["changed"]
    assert stored(lab) == sorted(result["refs"].values()) == result["built"]
    assert f"[localhost] hub image: making {result['refs']['t/hub']}" in printed
    assert not list((lab / "async").iterdir())
    again, printed = converge()
    assert (again["changed"], again["built"], again["refs"]) == (False, [], result["refs"])
    assert "making" not in printed


def test_a_check_says_what_it_would_make_and_makes_nothing(lab, converge):
    result, printed = converge("--check", "--diff")
    assert result["changed"]
    assert result["msg"] == f"would build {', '.join(result['built'])}"
    assert f"+{result['refs']['t/hub']}" in printed
    assert (stored(lab), (lab / "lab").exists()) == ([], False)


def test_a_changed_input_makes_its_image_anew_and_drops_the_old_one(lab, converge):
    before, _ = converge()
    (lab / "hub" / "more").write_text("new")
    after, _ = converge()
    assert after["built"] == [after["refs"]["t/hub"]]
    assert after["removed"] == [before["refs"]["t/hub"]]
    assert stored(lab) == sorted(after["refs"].values())


def test_a_failed_build_leaves_what_was_there_and_says_what_mends_it(lab, converge):
    before, _ = converge()
    (lab / "hub" / "Dockerfile").write_text("fail\n")
    result, _ = converge()
    assert "It failed at step 1 of 1, RUN something." in result["msg"]
    assert "hub_images_user_apt_packages" in result["msg"]
    assert result["log"] == str(lab / "lab" / "build" / "hub.log")
    assert stored(lab) == sorted(before["refs"].values())


def test_a_context_that_is_not_there_is_named(lab, converge):
    (lab / "hub" / "Dockerfile").unlink()
    (lab / "hub").rmdir()
    result, _ = converge()
    assert str(lab / "hub") in result["msg"]
    assert stored(lab) == []
