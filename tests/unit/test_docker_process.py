"""The process of dockerd, played by a program of that name that serves on a socket, or does not."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_process as process

SERVING = """\
import pathlib, signal, socket, sys, time
address, pidfile = sys.argv[1:3]
pathlib.Path(pidfile).write_text(str(__import__("os").getpid()))
signal.signal(signal.SIGHUP, lambda *_: print("reloaded", flush=True))
with socket.socket(socket.AF_UNIX) as server:
    server.bind(address)
    server.listen()
    while True:
        connection, _address = server.accept()
        connection.recv(100)
        connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
        connection.close()
"""
FAILING = 'import sys; print("level=info starting"); print("failed to start daemon: no such option"); sys.exit(1)'
SILENT = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def place(tmp_path):
    """A place for a daemon's socket, pidfile and log, and a maker of programs called dockerd."""

    class Place:
        address, pidfile, log = (str(tmp_path / name) for name in ("s", "pid", "log"))

        def program(self, code):
            path = tmp_path / "dockerd"
            path.write_text(f"#!{sys.executable} -I\n{code}")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
            return [str(path), self.address, self.pidfile]

    return Place()


@pytest.fixture
def serving(place):
    """The pid of a daemon that serves; it is gone afterwards."""
    pid = process.start(place.program(SERVING), place.address, place.log, 20)
    yield pid
    if process.running_pid(place.pidfile) == pid:
        os.kill(pid, signal.SIGKILL)


def test_a_started_daemon_serves_in_a_session_of_its_own(place, serving):
    assert process.answers(place.address)
    assert process.running_pid(place.pidfile) == serving
    assert os.getsid(serving) == serving


def test_a_daemon_is_told_to_reload(place, serving):
    process.reload(serving)
    assert process.wait_for(lambda: "reloaded" in Path(place.log).read_text(encoding="utf-8"), 10)


def test_a_stopped_daemon_is_gone(place, serving):
    process.stop(serving, 20)
    assert not process.answers(place.address)


def test_flags_leave_out_the_file_of_options(tmp_path):
    (tmp_path / "7").mkdir()
    command = ["/usr/sbin/dockerd", "-H", "fd://", "--config-file", "/a", "--config-file=/b", "--mtu=9"]
    (tmp_path / "7" / "cmdline").write_text("\0".join(command) + "\0")
    assert process.flags(7, str(tmp_path)) == ["-H", "fd://", "--mtu=9"]


def test_no_process_has_no_flags_and_no_identity():
    assert (process.flags(0), process.identity(0)) == ([], "")


def test_the_identity_of_a_process_stays_and_is_its_own():
    parent, own = process.identity(os.getppid()), process.identity(os.getpid())
    assert own == process.identity(os.getpid()) != parent


def test_a_daemon_that_ends_is_an_error_with_its_last_words(place):
    with pytest.raises(process.DaemonError, match="ended with status 1.*\nfailed to start daemon: no such option$"):
        process.start(place.program(FAILING), place.address, place.log, 20)


def test_a_daemon_that_does_not_serve_in_time_is_an_error_and_ended(place):
    with pytest.raises(process.DaemonError, match="is silent after 1 s"):
        process.start(place.program(SILENT), place.address, place.log, 1)


def test_a_daemon_that_does_not_end_in_time_is_left_alone(place):
    with subprocess.Popen(place.program(STUBBORN), stdout=subprocess.PIPE) as daemon:
        daemon.stdout.readline()
        with pytest.raises(process.DaemonError, match="still runs 1 s after SIGTERM"):
            process.stop(daemon.pid, 1)
        daemon.kill()


@pytest.mark.parametrize(
    "content",
    [None, "", "junk", "999999999", str(os.getpid())],
    ids=["none", "empty", "junk", "nobody", "somebody else"],
)
def test_a_stale_pidfile_names_nobody(tmp_path, content):
    pidfile = tmp_path / "pid"
    if content is not None:
        pidfile.write_text(content)
    assert process.running_pid(str(pidfile)) == 0


def test_no_answer_without_a_socket(tmp_path):
    assert not process.answers(str(tmp_path / "none"))


def test_waiting_ends():
    assert not process.wait_for(lambda: False, 0.2)
