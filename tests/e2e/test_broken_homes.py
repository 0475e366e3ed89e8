"""A home whose dot files are broken: the server starts all the same; one that is full, and its user reads why not.

A setting that stops it is told to its user: see `test_failures`.
"""

import os
import subprocess

import pytest
from e2e import terminal
from e2e.labclient import LabError


@pytest.fixture(scope="module")
def person(guests):
    """Somebody who has worked here before."""
    return guests.working()


@pytest.fixture
def write(lab, person):
    """Writes dot files as the person would; afterwards they are gone."""
    home, written = lab.home(person.name), []
    owner = home.stat()

    def put(path, text):
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for made in (file, *file.relative_to(home).parents[:-1]):
            os.chown(home / made, owner.st_uid, owner.st_gid)
        written.append(file)

    yield put
    for file in written:
        file.unlink()


def restart(hub, person):
    hub.stop(person.name)
    hub.start(person.name)


def test_a_bashrc_that_ends_the_shell_is_told_in_a_terminal_that_works(hub, person, write):
    write(".bashrc", "exit 3\n")
    restart(hub, person)
    with terminal.opened(hub, person.name) as screen:
        screen.until("Your ~/.bashrc ended this terminal with status 3")
        assert person.name in screen.run("mv ~/.bashrc ~/bashrc.broken && whoami && touch ~/.bashrc")
    with terminal.opened(hub, person.name) as screen:
        assert "ended this terminal" not in screen.run("rm ~/bashrc.broken") + screen.text


@pytest.mark.parametrize(
    ("path", "text"),
    [("startup/00-mine.py", "import nobody_has_this\n"), ("ipython_config.py", "c.InteractiveShell.colors = (\n")],
)
def test_broken_files_of_ipython_stop_no_kernel(hub, person, write, path, text):
    write(f".ipython/profile_default/{path}", text)
    restart(hub, person)
    with hub.kernel(person.name) as kernel:
        assert kernel.run("print(6 * 7)") == "42"


def test_a_file_of_jupyter_that_cannot_be_read_is_passed_over(hub, person, write):
    write(".jupyter/jupyter_server_config.py", "c.ServerApp.port = (\n")
    restart(hub, person)
    assert hub.server_api(person.name, "/contents")["type"] == "directory"


@pytest.fixture
def full(lab, guests, hub):
    """Somebody whose home is a file system of its own, as where each has so much and no more, with no byte left."""
    guest = guests.working()
    hub.stop(guest.name)
    home = lab.home(guest.name)
    owner = home.stat()
    size = f"size=1m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "home-of-a-test", home], check=True)
    with (home / "results.bin").open("wb", buffering=0) as results, pytest.raises(OSError, match="No space left"):
        while True:
            results.write(bytes(4096))
    os.chown(home / "results.bin", owner.st_uid, owner.st_gid)
    yield guest
    hub.stop(guest.name)
    subprocess.run(["umount", home], check=True)


def test_a_home_that_is_full_is_told_and_what_is_in_it_stays(lab, hub, full):
    with pytest.raises(LabError, match="There is no space left for your files"):
        hub.start(full.name)
    results = lab.home(full.name) / "results.bin"
    assert results.stat().st_size > 0
    results.unlink()
    hub.start(full.name)
