"""The lab as whoever ran it by hand checks it: with docker on the server."""

import json

import pytest
from e2e.labclient import START_TIMEOUT, wait_until
from e2e.server import docker

USER_IMAGE = "jupyter-custom-gpu:latest"
PATHS = "import sys; print([p for p in sys.path if '/opt/packages' in p])"


@pytest.fixture(scope="module")
def worker(guests):
    return guests.working()


def test_docker_ps_shows_the_user(worker):
    listed = docker("ps", "--filter", f"name=^jupyter-{worker.name}$", "--format", "{{.Names}} {{.Image}}")
    assert listed == f"jupyter-{worker.name} {USER_IMAGE}"


def test_shared_packages_are_on_the_path(worker):
    assert docker("exec", f"jupyter-{worker.name}", "python", "-c", PATHS) == "['/opt/packages']"


def test_user_image_is_the_labs_own(worker):
    labels = json.loads(docker("image", "inspect", USER_IMAGE, "--format", "{{json .Config.Labels}}"))
    assert "org.gpulab.jupyterhub.digest" in labels
    running = docker("inspect", f"jupyter-{worker.name}", "--format", "{{.Image}}")
    assert running == docker("image", "inspect", USER_IMAGE, "--format", "{{.Id}}")


def test_compose_shows_two_healthy_services(lab):
    listed = docker("compose", "ps", "--format", "{{.Service}} {{.Health}}", cwd=lab.data_root)
    assert sorted(listed.splitlines()) == ["jupyterhub healthy", "proxy healthy"]


def test_container_goes_with_its_server(hub, guests):
    worker = guests.working()
    hub.stop(worker.name)
    assert docker("ps", "--all", "--quiet", "--filter", f"name=^jupyter-{worker.name}$") == ""


def test_hub_restart_disturbs_nobody(lab, hub, worker):
    with hub.kernel(worker.name) as kernel:
        kernel.run("kept = 'across the restart'")
        docker("compose", "restart", "jupyterhub", cwd=lab.data_root)
        assert kernel.run("print(kept)") == "across the restart"
        wait_until(lambda: hub.request("GET", "/hub/health").ok, "the hub answers again", START_TIMEOUT)
        assert hub.user(worker.name)["servers"][""]["ready"]
        assert "version" in hub.server_api(worker.name)
        assert kernel.run("print(kept)") == "across the restart"


@pytest.mark.parametrize(("what", "megabytes"), [("hub", 450), ("singleuser", 600)])
def test_images_are_no_larger_than_promised(what, megabytes):
    images = docker("image", "ls", "--quiet", "--filter", f"label=org.gpulab.jupyterhub={what}").split()
    sizes = [int(docker("image", "inspect", image, "--format", "{{.Size}}")) for image in images]
    assert sizes
    assert max(sizes) <= megabytes * 1_000_000
