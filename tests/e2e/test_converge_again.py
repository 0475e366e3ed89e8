"""The same playbook again: nothing to do, nothing to tell."""

import subprocess

import pytest
from e2e.runs import run_sh
from e2e.server import docker

HUB = ("--filter", "label=com.docker.compose.service=jupyterhub", "--format", "{{.Image}}")


def test_a_second_run_changes_nothing_and_says_where_the_lab_is(lab):
    run = run_sh()
    assert run.code == 0, run.output
    assert run.recap["changed"] == 0, run.output
    assert "http://127.0.0.1:8000" in run.output
    assert f"{lab.data_root}/secrets/admin_password" in run.output


def test_a_check_of_a_converged_lab_has_nothing_to_tell():
    run = run_sh("site", "--check", "--diff")
    assert run.code == 0, run.output
    assert run.recap["changed"] == 0, run.output


@pytest.fixture
def foreign_hub():
    """A hub that runs from another image of the lab's; the one that the settings ask for is there, too."""
    digest = "0123456789ab"
    image = f"gpulab/hub:{digest}"
    text = f"FROM {docker('ps', *HUB)}\nLABEL org.gpulab.jupyterhub.digest={digest}\n"
    build = ["docker", "build", "-q", "-t", image, "-"]
    subprocess.run(build, input=text, text=True, check=True, capture_output=True, timeout=120)
    run = run_sh("hub", "-e", f"hub_stack_hub_image={image}", "-e", "hub_images_prune=false")
    assert run.code == 0, run.output
    assert docker("ps", *HUB) == image
    return image


def test_a_run_leaves_no_image_that_it_has_superseded(foreign_hub):
    run = run_sh("hub")
    assert run.code == 0, run.output
    assert docker("image", "ls", "--quiet", foreign_hub) == ""
