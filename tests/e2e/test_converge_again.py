"""The same playbook again: nothing to do, nothing to tell; what has drifted is named, then put right."""

import pytest
from e2e.runs import run_sh
from e2e.server import docker


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
def loosened(lab):
    """A configuration that somebody edited, and a secret that anyone may read."""
    config, secret = lab.data_root / "config/jupyterhub_config.py", lab.data_root / "secrets/cookie_secret"
    before = config.read_text()
    config.write_text(before + "c.JupyterHub.debug_db = True\n")
    secret.chmod(0o644)
    return {"config": config, "before": before, "secret": secret}


def test_drift_is_told_by_a_check_and_put_right_by_a_run(loosened):
    hub = docker("ps", "-q", "--filter", "label=com.docker.compose.service=jupyterhub")
    check = run_sh("site", "--check", "--diff")
    assert "-c.JupyterHub.debug_db = True" in check.output
    assert "-mode: 0644" in check.output
    assert loosened["secret"].read_text() not in check.output
    assert oct(loosened["secret"].stat().st_mode & 0o777) == "0o644"
    repair = run_sh("hub")
    assert repair.recap["changed"] == 1, repair.output
    assert loosened["config"].read_text() == loosened["before"]
    assert oct(loosened["secret"].stat().st_mode & 0o777) == "0o600"
    # What the hub had read was right all along, so nobody had to wait for a new one.
    assert docker("ps", "-q", "--filter", "label=com.docker.compose.service=jupyterhub") == hub


@pytest.mark.parametrize("service", ["jupyterhub", "proxy"])
def test_a_removed_service_comes_back_alone(service):
    services = ["jupyterhub", "proxy"]
    before = {name: docker("ps", "-q", "--filter", f"label=com.docker.compose.service={name}") for name in services}
    docker("rm", "--force", before[service])
    repair = run_sh("hub")
    assert repair.recap["changed"] == 1, repair.output
    after = {name: docker("ps", "-q", "--filter", f"label=com.docker.compose.service={name}") for name in services}
    assert [name for name in services if before[name] != after[name]] == [service]
