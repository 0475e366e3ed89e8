"""A converge while people work: what changes starts anew, and their servers run on."""

import json

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


# Nothing is wrong with it where the check of the configuration loads it: it fails beside the lab's own database.
FATAL = "import os\nif os.path.exists('/srv/state/jupyterhub.sqlite'): raise RuntimeError('the grader is not there')\n"


def test_a_setting_that_stops_the_hub_is_taken_back(lab, hub, worker):
    config = lab.data_root / "config/jupyterhub_config.py"
    before = config.read_text()
    settings = {"hub_config_extra": {"grader": FATAL}, "hub_stack_start_timeout": 30}
    refused = run_sh("hub", "-e", json.dumps(settings))
    assert refused.code == 2, refused.output
    assert "the grader is not there" in refused.output
    assert "runs as it did before this change" in refused.output
    assert config.read_text() == before
    assert "version" in hub.call("GET", "/hub/api/")
    assert "version" in hub.server_api(worker.name)
    assert run_sh("hub").recap["changed"] == 0
