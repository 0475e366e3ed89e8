"""The doctor in a real lab of which something is broken for everybody; and what is in its bundle."""

import os
import subprocess
import tarfile

import pytest
from e2e.examined import examine
from e2e.labclient import LabError, wait_until
from e2e.runs import run_sh
from e2e.server import HERE, docker

IMAGE = "jupyter-custom-gpu:latest"


def is_healthy(service):
    return docker("inspect", "--format={{.State.Health.Status}}", HERE.container(service)) == "healthy"


@pytest.fixture
def mended(lab, hub):
    """Whatever the test breaks of the stack, it is whole afterwards."""
    yield
    docker("compose", "up", "--detach", "--wait", cwd=lab.data_root)
    wait_until(lambda: is_healthy("jupyterhub") and is_healthy("proxy"), "hub and proxy are well", 120)
    hub.call("POST", "/hub/api/proxy")


@pytest.fixture
def untagged():
    """The users' image is there, but not by the name that servers start from."""
    key = docker("image", "inspect", "--format={{.Id}}", IMAGE)
    docker("image", "tag", IMAGE, "gpulab/kept-by-a-test:1")
    docker("image", "rm", "--no-prune", IMAGE)
    yield
    docker("image", "tag", key, IMAGE)
    docker("image", "rm", "--no-prune", "gpulab/kept-by-a-test:1")


@pytest.mark.usefixtures("untagged")
def test_without_the_users_image_the_first_problem_of_the_hand_run_lab(tmp_path):
    found = examine(tmp_path)
    problem = found.only()
    assert (problem["code"], problem["remedy"]) == ("user-image-missing", "./run.sh")
    assert "pull access denied for jupyter-custom-gpu" in problem["evidence"]
    assert f"ERROR image {IMAGE} (user-image-missing)" in found.page


@pytest.mark.usefixtures("mended")
@pytest.mark.parametrize(("service", "code"), [("jupyterhub", "hub-down"), ("proxy", "proxy-down")])
def test_a_service_that_is_stopped(tmp_path, service, code):
    docker("stop", HERE.container(service))
    ended = docker("inspect", "--format={{.State.FinishedAt}}", HERE.container(service))
    found = examine(tmp_path)
    assert found.only()["code"] == code
    assert found.only()["since"] == f"{ended[:10]} {ended[11:16]} UTC"
    assert found.run.code == 2


def is_again_and_again(name):
    return docker("inspect", "--format={{.RestartCount}}", name) != "0"


@pytest.fixture
def crashing(lab, mended):
    """A hub whose configuration somebody has broken, and that was restarted with it."""
    config = lab.data_root / "config/jupyterhub_config.py"
    before = config.read_text()
    config.write_text(before + "raise RuntimeError('broken by a test')\n")
    docker("restart", HERE.container("jupyterhub"))
    wait_until(lambda: is_again_and_again(HERE.container("jupyterhub")), "Docker has started it again", 60)
    yield
    config.write_text(before)
    docker("restart", HERE.container("jupyterhub"))


@pytest.mark.usefixtures("crashing")
def test_a_hub_that_crashes_again_and_again(tmp_path):
    found = examine(tmp_path)
    assert found.only()["code"] == "hub-restarting"
    assert "broken by a test" in found.only()["evidence"]
    assert found.only()["since"]


@pytest.mark.usefixtures("mended")
def test_a_hub_that_was_taken_off_the_network(tmp_path):
    docker("network", "disconnect", "jupyterhub", HERE.container("jupyterhub"))
    found = examine(tmp_path)
    assert found.only()["code"] == "off-network"
    subprocess.run(found.only()["remedy"].split(), check=True)
    assert examine(tmp_path).others() == []


def test_a_users_server_that_failed_the_third_problem_of_the_hand_run_lab(lab, hub, guests, tmp_path):
    guest = guests.working()
    hub.stop(guest.name)
    folder = lab.home(guest.name) / ".jupyter"
    folder.mkdir(exist_ok=True)
    (folder / "jupyter_server_config.py").write_text('c.ServerApp.port = "abc"\n')
    os.chown(folder, lab.home(guest.name).stat().st_uid, -1)
    with pytest.raises(LabError, match="A setting of Jupyter is wrong"):
        hub.start(guest.name)
    found = examine(tmp_path)
    (problem,) = [one for one in found.problems if one["subject"] == f"server of {guest.name}"]
    assert (problem["code"], problem["severity"]) == ("server-failed", "warning")
    assert "Bad config encountered during initialization" in problem["evidence"]
    assert (problem["since"] != "", f"{lab.home(guest.name)}/.jupyter" in problem["remedy"]) == (True, True)


# --- The bundle -------------------------------------------------------------------------------------------------------


def test_no_secret_of_the_lab_is_in_a_bundle(lab, tmp_path):
    run = run_sh("doctor", "-e", f"hub_stack_doctor_bundle={tmp_path}")
    assert run.code == 0, run.output
    (bundle,) = tmp_path.glob("lab-doctor-*.tar.gz")
    with tarfile.open(bundle) as archive:
        texts = {entry.name: archive.extractfile(entry).read().decode() for entry in archive}
    assert len(texts) > 10
    assert any(name.endswith("/jupyterhub.log") and "JupyterHub" in text for name, text in texts.items())
    files = [path for path in (lab.data_root / "secrets").rglob("*") if path.is_file()]
    values = {path.name: path.read_text().strip() for path in files}
    assert len(values) >= 5
    told = [(secret, name) for secret, value in values.items() for name, text in texts.items() if value in text]
    assert told == []


def test_a_place_that_is_not_there_is_refused_before_anything_is_examined(tmp_path):
    run = run_sh("doctor", "-e", f"hub_stack_doctor_bundle={tmp_path}/none")
    assert run.code == 2
    assert f"hub_stack_doctor_bundle: there is no directory {tmp_path}/none on this machine" in run.output
    assert "The lab, " not in run.output
