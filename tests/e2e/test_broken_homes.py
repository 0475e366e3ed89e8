"""A home whose dot files are broken: the server starts all the same.

A setting that stops it is told to its user: see `test_failures`.
"""

import os

import pytest
from e2e import terminal


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
