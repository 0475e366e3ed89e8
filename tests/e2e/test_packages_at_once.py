"""Shared packages that several people change at once, or begin to change and do not."""

import fcntl
import json
import subprocess
from contextlib import contextmanager

import pytest
from e2e import terminal, wheels
from e2e.labclient import wait_until
from e2e.server import docker, typed
from e2e.wheels import INSTALL, LARGE, SMALL

WHOLE = f"""
import json
from pathlib import Path
from labpip.mend import truth
folder = Path("/opt/packages")
print(json.dumps({{info.name: truth(folder, info) for info in folder.glob("{LARGE}-*.dist-info")}}))
"""


@pytest.fixture(scope="module")
def pair(guests, offered):
    """Two people whose servers run, and who have one of the packages."""
    one, other = guests.working(), guests.working()
    assert "Successfully installed" in typed(one.name, f"{INSTALL} {LARGE}==1.0 {SMALL}==1.0")
    return one, other


def whole(user):
    """Say how much of each description of the large package is true, on a user's server."""
    return json.loads(docker("exec", f"jupyter-{user.name}", "/opt/lab/bin/python", "-I", "-c", WHOLE))


@contextmanager
def held(lab):
    """Hold the lock that each pip takes, as a pip of somebody else's does."""
    with (lab.packages / ".pip.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start(user, command):
    """Type a command, and do not wait for it."""
    words = ("docker", "exec", f"jupyter-{user.name}", "bash", "-c", f"{command} 2>&1")
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_a_script_of_ones_package_runs_in_anothers_terminal(hub, pair):
    with terminal.opened(hub, pair[1].name) as screen:
        assert f"{SMALL} 1.0" in screen.run(SMALL)


def test_two_who_install_at_once_both_get_what_they_asked_for(lab, pair):
    commands = (f"{INSTALL} -U {LARGE}", f"{INSTALL} {SMALL}==2.0")
    with held(lab):
        started = [start(user, command) for user, command in zip(pair, commands, strict=True)]
        first = [process.stdout.readline() for process in started]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert ["waiting for it" in line for line in first] == [True, True]
    assert [process.returncode for process in started] == [0, 0], said
    assert whole(pair[0]) == {f"{LARGE}-2.0.dist-info": 1.0}
    assert f"{SMALL} 2.0" in typed(pair[0].name, SMALL)


def test_ctrl_c_gives_up_waiting_for_another(lab, hub, pair):
    with terminal.opened(hub, pair[0].name) as screen:
        with held(lab):
            screen.keys(f"{INSTALL} {LARGE}==1.0\r")
            screen.until("waiting for it")
            screen.keys(terminal.CTRL_C)
            screen.until("nothing was changed")
        assert whole(pair[0]) == {f"{LARGE}-2.0.dist-info": 1.0}


def test_ctrl_c_while_pip_installs_leaves_folder_whole_and_lock_free(lab, hub, pair):
    one, other = pair
    module, described = lab.packages / LARGE / f"m{wheels.MODULES // 10:04}.py", lab.packages / f"{LARGE}-2.0.dist-info"
    assert described.is_dir()
    with terminal.opened(hub, one.name) as screen:
        screen.keys(f"{INSTALL} {LARGE}==1.0\r")
        wait_until(lambda: not described.exists() and module.exists(), "pip writes the other release", 60, pause=0.01)
        screen.keys(terminal.CTRL_C)
        screen.until("what it would have replaced is back")
        assert "1" in screen.run("echo $?")
    assert whole(other) == {described.name: 1.0}
    assert list(lab.packages.glob("~*")) == []
    said = typed(other.name, f"{INSTALL} {LARGE}==1.0")
    assert "waiting" not in said
    assert whole(one) == {f"{LARGE}-1.0.dist-info": 1.0}
