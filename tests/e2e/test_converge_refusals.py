"""Bad input is answered in words that name the setting and the mend, and nothing is changed."""

import fcntl
import json
import socket
from threading import Timer

import pytest
from e2e.runs import ROOT, run_sh


@pytest.fixture
def taken_port():
    """A port that a program of somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refused():
    """Run the site with settings that cannot be, and return what was said."""

    def run(**settings):
        result = run_sh("site", "-e", json.dumps(settings))
        assert result.code == 2, result.output
        assert result.recap["changed"] == 0
        return result.output

    return run


def test_a_port_that_is_taken(refused, taken_port):
    said = refused(hub_stack_port=taken_port)
    assert "hub_stack_port" in said
    assert str(taken_port) in said


def test_a_data_root_that_is_a_file(refused, tmp_path):
    (tmp_path / "lab").write_text("mine")
    assert "lab_data_root" in refused(lab_data_root=str(tmp_path / "lab"))
    assert (tmp_path / "lab").read_text() == "mine"


def test_a_data_root_that_is_not_writable(refused):
    assert "lab_data_root" in refused(lab_data_root="/proc/lab")


def test_a_lab_that_another_inventory_keeps_elsewhere(refused, lab, tmp_path):
    said = " ".join(refused(lab_data_root=str(tmp_path / "lab")).split())
    assert "stack-elsewhere" in said
    assert f"Set lab_data_root: {lab.data_root} to keep that lab" in said
    assert not (tmp_path / "lab").exists()


def test_too_little_room(refused):
    said = refused(hub_stack_min_free_gb=10_000_000)
    assert "lab_data_root" in said
    assert "GB are needed" in said


def test_an_archive_with_the_wrong_digest(refused, tmp_path):
    (tmp_path / "base.tar").write_text("no image")
    said = refused(
        hub_images_base_source="archive",
        hub_images_base_archive=str(tmp_path / "base.tar"),
        hub_images_base_archive_sha256="0" * 64,
    )
    assert "hub_images_base_archive_sha256" in said


def test_a_misspelt_setting(refused):
    assert "Did you mean hub_stack_port?" in refused(hub_stack_prot=8000)


def test_a_second_run_beside_the_first():
    with (ROOT / ".run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = run_sh("verify")
    assert result.code == 1
    assert "another ./run.sh is at work in this directory" in result.output


def test_a_run_waits_for_what_an_interrupted_one_has_left():
    with (ROOT / ".run.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ends = Timer(2, fcntl.flock, [lock, fcntl.LOCK_UN])
        ends.start()
        result = run_sh("venv")
        ends.join()
    assert result.code == 0, result.output


def test_a_playbook_that_does_not_exist():
    result = run_sh("vreify")
    assert result.code == 2
    assert "there is no playbook 'vreify'" in result.output
    assert "./run.sh verify" in result.output
