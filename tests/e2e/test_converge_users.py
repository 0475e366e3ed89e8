"""A converge while people work: what changes starts anew, and their servers run on."""

import pytest
from e2e.runs import run_sh
from e2e.server import docker


@pytest.fixture(scope="module")
def worker(guests):
    """Somebody whose server runs."""
    return guests.working()


@pytest.fixture
def put_back():
    """Converge with the inventory's own settings afterwards."""
    yield
    assert run_sh("hub").code == 0


def test_a_changed_setting_leaves_servers_and_their_kernels_alone(hub, worker, put_back):
    container = docker("inspect", f"jupyter-{worker.name}", "--format", "{{.Id}} {{.State.StartedAt}}")
    with hub.kernel(worker.name) as kernel:
        kernel.run("kept = 'across the change'")
        changed = run_sh("hub", "-e", "hub_config_signup=closed")
        assert changed.recap["changed"] > 0, changed.output
        assert kernel.run("print(kept)") == "across the change"
    assert docker("inspect", f"jupyter-{worker.name}", "--format", "{{.Id}} {{.State.StartedAt}}") == container


def test_a_new_proxy_knows_running_servers_at_once(hub, worker):
    docker("rm", "--force", docker("ps", "--quiet", "--filter", "label=com.docker.compose.service=proxy"))
    repair = run_sh("hub")
    assert repair.recap["changed"] == 1, repair.output
    assert "version" in hub.server_api(worker.name)
