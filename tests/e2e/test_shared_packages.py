"""Who may change the packages that all users share: hub_config_shared_packages, on the lab of this machine."""

import json

import pytest
from e2e.runs import run_sh
from e2e.server import HERE, docker, typed

NAME = "peppercorn"
PLACE = "/opt/packages"
SEEN = f"""
import json, os, sys
mounts = [line.split()[4] for line in open("/proc/self/mountinfo")]
print(json.dumps([{PLACE!r} in mounts, {PLACE!r} in sys.path, "PIP_TARGET" in os.environ, os.path.exists({PLACE!r})]))
"""


@pytest.fixture(scope="module")
def early(guests):
    """Somebody whose server has run since before the setting was changed."""
    return guests.working()


@pytest.fixture(scope="module")
def converge():
    """Converge and prove the lab with another setting; afterwards, with the inventory's own."""

    def run(setting):
        done = run_sh("site", "-e", json.dumps({"hub_config_shared_packages": setting}))
        assert done.code == 0, done.output

    yield run
    assert run_sh().code == 0


@pytest.fixture(scope="module")
def installed(early):
    """A package that was shared before the setting was changed, in its older release."""
    typed(early.name, f"pip install {NAME}==0.5")
    yield
    typed(early.name, f"pip uninstall --yes {NAME}")


@pytest.fixture(scope="module")
def curator(hub, guests, lab):
    """An admin of the hub, other than the lab's own."""
    person = guests.member()
    HERE.as_admin().call("POST", f"/hub/api/users/{person.name}", json={"admin": True})
    return person


def server_of(user):
    return docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", f"jupyter-{user.name}")


@pytest.mark.usefixtures("installed")
def test_curated_packages_are_everybodys_to_use_and_the_admins_to_change(hub, early, guests, converge, curator):
    began = server_of(early)
    converge("curated")
    hub.start(curator.name)
    user = guests.working()
    said = typed(user.name, f"pip install -U {NAME}")
    assert "read-only for you: its admins install there" in said
    assert "python -m venv ~/venv" in said
    assert "read-only for you" in typed(user.name, f"pip uninstall --yes {NAME}")
    assert "Read-only file system" in typed(user.name, f"touch {PLACE}/x")
    with hub.kernel(user.name) as kernel:
        assert "read-only for you" in kernel.run(f"%pip install -U {NAME}")
        assert release(kernel) == "0.5"
    assert "Successfully installed" in typed(curator.name, f"pip install -U {NAME}")
    with hub.kernel(user.name) as kernel:
        assert release(kernel) == "0.6"
    assert server_of(early) == began
    assert typed(early.name, f"touch {PLACE}/x && rm {PLACE}/x") == "0"


@pytest.mark.usefixtures("installed")
def test_packages_that_are_off_are_nowhere(hub, early, guests, converge):
    began = server_of(early)
    # What YAML makes of off without quotes.
    converge(False)
    user = guests.working()
    with hub.kernel(user.name) as kernel:
        assert json.loads(kernel.run(SEEN)) == [False, False, False, False]
        assert "This lab has no shared packages" in kernel.run(f"%pip install {NAME}")
    for words in (f"pip install {NAME}", f"pip install --target {PLACE} {NAME}"):
        said = typed(user.name, words)
        assert "This lab has no shared packages" in said
        assert "python -m venv ~/venv" in said
    own = f"python -m venv ~/v && . ~/v/bin/activate && pip install -q {NAME}==0.6 && python -c 'import {NAME}'"
    assert typed(user.name, own) == "0"
    assert server_of(early) == began
    with hub.kernel(early.name) as kernel:
        assert release(kernel)


def release(kernel):
    """Which release of the package a kernel imports."""
    return kernel.run(f"import importlib.metadata as m; print(m.version('{NAME}'))")
