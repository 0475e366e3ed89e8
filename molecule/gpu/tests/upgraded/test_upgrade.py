"""Another branch is asked for: refused where it cannot be, or is installed and waits for a reboot."""

import json

import pytest
from e2e.gpu_scenario import codes

NEWER = "nvidia_driver_branch=590"
USERS = "docker run --detach --name jupyter-ada --label org.gpulab.jupyterhub=singleuser"


def refusal(run):
    """Return what a run said that failed and changed nothing, in one line."""
    assert (run.code, run.changes["gpu"]) == (2, 0), run.said
    return " ".join(run.said.split())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"nvidia_driver_branch": 450}, "driver-impossible"),
        ({"nvidia_driver_branch": 570}, "driver-newer"),
        ({"nvidia_driver_branch": 1}, "1 is no branch of NVIDIA's driver"),
        ({"nvidia_driver_branch": 620, "nvidia_driver_flavor": "proprietary"}, "from 620 on the module is open only"),
        ({"nvidia_container_toolkit_version": "1.16"}, "toolkit-newer"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(converge, settings, words):
    assert words in refusal(converge(f"--extra-vars={json.dumps(settings)}"))


def test_a_branch_that_the_repository_lacks_is_not_replaced_by_another(gpu, converge):
    run = converge(f"--extra-vars={json.dumps({'nvidia_driver_branch': 600})}")
    assert run.code == 2
    assert "The driver's packages could not be installed" in " ".join(run.said.split())
    assert gpu.package("nvidia-driver-cuda").version == "580.95.05-1"
    assert converge().changes["gpu"] == 1
    assert converge().changes["gpu"] == 0


def test_a_key_that_cannot_be_fetched_is_told_with_its_mend(gpu, converge):
    gpu.check_output("truncate -s 0 /etc/apt/keyrings/gpulab-nvidia-driver.asc")
    said = refusal(converge("--extra-vars", "nvidia_driver_repository_key=http://vendor-site/nothing"))
    assert "The key of the repository could not be fetched" in said
    assert "set nvidia_driver_repository_url to a copy that it reaches" in said
    assert "set nvidia_driver_bundle, or nvidia_driver_source to preinstalled or none." in said
    assert converge().changes["gpu"] == 1


def test_nothing_is_installed_under_servers_of_users(gpu, converge, image):
    gpu.check_output(f"{USERS} {image} sleep infinity")
    try:
        said = refusal(converge("--extra-vars", NEWER))
        assert "driver-in-use" in said
        assert "jupyter-ada" in said
    finally:
        gpu.check_output("docker rm --force jupyter-ada")


def test_a_driver_that_is_not_loaded_yet_is_said_to_wait(gpu, converge, module):
    run = converge("--extra-vars", NEWER)
    assert run.code == 0, run.said
    assert "the server has to be rebooted" in " ".join(run.said.split())
    assert gpu.package("nvidia-driver-cuda").version == "590.48.01-1"
    result = module("gpu_info")
    assert codes(result)[0] == "version_mismatch"
    assert result["driver"]["reboot_required"] is True
    assert converge("--extra-vars", NEWER).changes["gpu"] == 0


def test_a_reboot_under_servers_of_users_is_refused(gpu, converge, image):
    gpu.check_output(f"{USERS} {image} sleep infinity")
    try:
        wishes = {"nvidia_driver_branch": 590, "nvidia_driver_reboot": "now"}
        said = refusal(converge(f"--extra-vars={json.dumps(wishes)}"))
        assert "reboot-under-users" in said
        waits = converge(f"--extra-vars={json.dumps(wishes | {'nvidia_driver_reboot': 'when_idle'})}")
        assert waits.code == 0, waits.said
        assert "Servers of users run: jupyter-ada." in " ".join(waits.said.split())
    finally:
        gpu.check_output("docker rm --force jupyter-ada")
