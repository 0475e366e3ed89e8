"""Packages that all users share: plain pip, from a terminal and from %pip; and nothing there enters a server."""

import shutil

import pytest
from e2e.server import docker

NAME = "peppercorn"
HOSTILE = "import os\nos._exit(7)\n"


@pytest.fixture
def clean(lab):
    """The shared folder without what these tests put into it."""

    def remove():
        for path in [lab.packages / "sitecustomize.py", *lab.packages.glob(f"{NAME}*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for folder in ("jupyter_server", "traitlets"):
            shutil.rmtree(lab.packages / folder, ignore_errors=True)

    remove()
    yield
    remove()


@pytest.fixture(scope="module")
def pair(guests):
    """Two people whose servers run."""
    return guests.working(), guests.working()


def pip(user, *words):
    """Type a pip command in a terminal of a user's; returns what it says."""
    return docker("exec", f"jupyter-{user.name}", "pip", *words)


def release(hub, user):
    """Which release a new kernel of a user's has."""
    with hub.kernel(user.name) as kernel:
        return kernel.run(f"import importlib.metadata as m; print(m.version('{NAME}'))")


def test_what_one_installs_another_upgrades_takes_back_and_removes(hub, pair, clean, lab):
    one, other = pair
    pip(one, "install", f"{NAME}==0.5")
    assert release(hub, other) == "0.5"
    pip(other, "install", "-U", NAME)
    assert release(hub, one) == "0.6"
    with hub.kernel(one.name) as kernel:
        assert f"Successfully installed {NAME}-0.5" in kernel.run(f"%pip install {NAME}==0.5")
    assert release(hub, other) == "0.5"
    pip(other, "uninstall", "--yes", NAME)
    assert list(lab.packages.glob(f"{NAME}*")) == []


def test_a_venv_keeps_its_own(pair, clean, lab):
    one, other = pair
    pip(other, "install", f"{NAME}==0.5")
    script = f"python -m venv ~/v && . ~/v/bin/activate && pip install -q {NAME}==0.6 && pip list --format=freeze"
    own = docker("exec", f"jupyter-{one.name}", "bash", "-c", script + f" && python -c 'import {NAME}; print({NAME})'")
    assert f"{NAME}==0.6" in own
    assert f"/home/{one.name}/v/lib" in own
    assert (lab.packages / f"{NAME}-0.5.dist-info").is_dir()


def test_nothing_in_the_folder_stops_or_enters_a_server(hub, guests, clean, lab):
    (lab.packages / "sitecustomize.py").write_text(HOSTILE)
    for module in ("jupyter_server", "traitlets"):
        (lab.packages / module).mkdir()
        (lab.packages / module / "__init__.py").write_text(HOSTILE)
    user = guests.working()
    assert "version" in hub.server_api(user.name)
    assert hub.server_api(user.name, "/contents")["type"] == "directory"
    # The same folder ends any Python that does look there, so the proof is not empty.
    assert docker("exec", f"jupyter-{user.name}", "sh", "-c", "python -c 0; echo $?").strip() == "7"
