"""A job keeps its log, says how far it is, waits for its like, and stops when nobody asks for it any more."""

import fcntl
import json
import os
import sys
import threading

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_job
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._buildlog import BootstrapLog
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_job import Abandoned, Job


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setattr(_image_job, "_BEAT", 0.05)
    return Job(tmp_path / "build", "hub")


def python(text):
    return [sys.executable, "-c", text]


def test_the_log_and_the_exit_code(job):
    with job.alone():
        code = job.run(
            python("import sys; print('a\\rb'); print('c', file=sys.stderr); sys.exit(3)"), BootstrapLog(), {}
        )
    assert code == 3
    assert sorted(job.log.read_text().split()) == ["a", "b", "c"]


def test_the_command_gets_its_environment_and_its_input(job, tmp_path):
    (tmp_path / "input").write_text("given")
    with job.alone():
        job.run(python("import os; print(os.environ['X'], input())"), BootstrapLog(), {"X": "1"}, tmp_path / "input")
    assert job.log.read_text().strip() == "1 given"


def test_it_says_how_far_it_is_while_it_runs(job, tmp_path):
    """The command itself looks at what is said about it, until it sees its own words."""
    said = tmp_path / "build" / ".hub.progress"
    look = (
        "import pathlib, time\n"
        "print('I: baking...', flush=True)\n"
        f"said = pathlib.Path({str(said)!r})\n"
        "while not said.exists() or 'baking' not in said.read_text(): time.sleep(0.01)\n"
        "print(said.read_text())"
    )
    with job.alone():
        job.run(python(look), BootstrapLog(), {})
    assert json.loads(job.log.read_text().splitlines()[-1])["words"].startswith("baking, ")
    assert not said.exists()


def test_it_stops_when_nobody_asks_any_more(job, tmp_path):
    with job.alone():
        os.utime(tmp_path / "build" / ".hub.lock", (0, 0))
        # It would outlast the test.
        with pytest.raises(Abandoned):
            job.run(python("import time; time.sleep(10**6)"), BootstrapLog(), {})


def test_a_command_that_does_not_stop_when_told_is_killed(job, tmp_path, monkeypatch):
    """Or it would hold the lock, for which every later run waits."""
    monkeypatch.setattr(_image_job, "_GRACE", 0.1)
    lock, outlived = tmp_path / "build" / ".hub.lock", tmp_path / "outlived"
    stubborn = (
        "import os, pathlib, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"os.utime({str(lock)!r}, (0, 0))\n"
        "time.sleep(10)\n"
        f"pathlib.Path({str(outlived)!r}).touch()"
    )
    with job.alone(), pytest.raises(Abandoned):
        job.run(python(stubborn), BootstrapLog(), {})
    assert not outlived.exists()


def test_a_second_run_waits_for_the_first(tmp_path):
    order = []

    def second():
        with Job(tmp_path, "hub").alone():
            order.append("second")

    with Job(tmp_path, "hub").alone():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_temporary_directory_is_private_empty_and_goes(job, tmp_path):
    left = tmp_path / "build" / ".hub.tmp"
    left.mkdir()
    (left / "of a run that was killed").write_text("")
    with job.alone() as temporary:
        assert list(temporary.iterdir()) == []
        assert temporary.stat().st_mode & 0o777 == 0o700
    assert not left.exists()


def test_jobs_of_other_images_do_not_wait(tmp_path):
    with Job(tmp_path, "hub").alone(), (tmp_path / ".proxy.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
