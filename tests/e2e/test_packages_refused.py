"""Packages that cannot be installed: whoever asked for one reads why, and nothing is left of it."""

import pytest
from e2e.server import docker, typed
from e2e.wheels import COMPILED, LARGE, SMALL

ABSENT = "gpulab-e2e-nobody-has-made-this"
IN_A_SMALL_FOLDER = f"""
pip install {SMALL}==1.0 && pip install {LARGE}
echo "left: $(ls -d /opt/packages/{LARGE}* | wc -l)"
pip install {SMALL}==2.0 && {SMALL}
"""


@pytest.fixture(scope="module")
def user(guests, offered):
    return guests.working()


def test_a_package_that_nobody_has_made(user):
    said = typed(user.name, f"pip install {ABSENT}")
    assert "No matching distribution found" in said
    assert "There is no such package or release for this Python" in said


def test_a_package_that_has_to_be_compiled(lab, user):
    said = typed(user.name, f"pip install ~/shared/{SMALL}/{COMPILED}-1.0.tar.gz")
    assert "the lab has no compiler" in said
    assert "--only-binary" in said
    assert list(lab.packages.glob(f"{COMPILED}*")) == []


def test_a_package_that_fills_the_disk_leaves_room_again(offered):
    environment = {"PIP_TARGET": "/opt/packages", "PYTHONPATH": "/opt/packages", "PIP_NO_INDEX": "1"}
    environment |= {"PIP_FIND_LINKS": "/wheels", "HOME": "/tmp"}  # noqa: S108 - in a container of its own
    options = ["--network=none", "--user=20000:9100", "--cap-drop=ALL", f"--volume={offered}:/wheels:ro"]
    options += ["--tmpfs=/opt/packages:exec,size=4m,mode=2775,gid=9100"]
    options += [f"--env={name}={value}" for name, value in environment.items()]
    said = docker("run", "--rm", *options, "jupyter-custom-gpu:latest", "bash", "-c", f"exec 2>&1\n{IN_A_SMALL_FOLDER}")
    assert "No space left on device" in said
    assert "The disk is full, so this is not installed" in said
    assert "left: 0" in said
    assert said.endswith(f"{SMALL} 2.0")
