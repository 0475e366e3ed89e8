"""The lab's network, lost while nobody is at work: told by a check, made again by a run."""

import pytest
from e2e.drifts_of_lab import NETWORK
from e2e.managed import services
from e2e.runs import run_sh
from e2e.server import HERE, docker


@pytest.fixture
def quiet_lab(lab):
    """A lab in which nobody works: Docker removes no network that somebody's server is on."""
    people = docker("ps", "--quiet", "--filter", "label=org.gpulab.jupyterhub.user")
    if people:
        pytest.skip("people work in this lab")
    return lab


def stop(lab):
    docker("compose", "down", cwd=lab.data_root)


def cut_off(_lab):
    for service in services():
        docker("network", "disconnect", "--force", NETWORK, HERE.container(service))


@pytest.mark.parametrize("clear", [stop, cut_off])
def test_a_network_that_was_removed_is_made_again(clear, quiet_lab):
    clear(quiet_lab)
    docker("network", "rm", NETWORK)
    check = run_sh("hub", "--check", "--diff")
    assert (check.code, check.recap["changed"]) == (0, 2), check.output
    repair = run_sh("hub")
    assert (repair.code, repair.recap["changed"]) == (0, 2), repair.output
    assert "org.gpulab.jupyterhub:network" in docker("network", "inspect", NETWORK, "--format", "{{.Labels}}")
    assert run_sh("hub").recap["changed"] == 0
