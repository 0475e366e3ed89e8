"""hub_probe: how the walk is started, read and cleaned up after."""

import json

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_probe

PARAMS = {
    "url": "http://127.0.0.1:8000",
    "user": "lab-probe",
    "token_file": "/srv/jupyterhub/secrets/ansible_token",
    "token_uid": 9000,
    "shared_packages": "curated",
    "mounts": ["/home/{username}/shared:rw"],
    "timeout": 60,
}


def test_the_walk_runs_without_rights_and_knows_the_token_by_its_file_only():
    command = hub_probe.command(PARAMS, "gpulab/hub:abc")
    assert command[:3] == ["docker", "run", "--rm"]
    assert {"--cap-drop=ALL", "--read-only", "--user=9000:9000", "--network=host"} <= set(command)
    assert "--volume=/srv/jupyterhub/secrets/ansible_token:/run/lab-secrets/ansible_token:ro" in command
    assert "/home/lab-probe/shared:rw" in command


@pytest.mark.parametrize(
    ("mode", "mounts"), [("open", ["/opt/packages:rw"]), ("curated", ["/opt/packages:ro"]), ("off", [])]
)
def test_the_walk_is_told_what_to_expect_of_shared_packages(mode, mounts):
    command = hub_probe.command(PARAMS | {"shared_packages": mode}, "gpulab/hub:abc")
    assert command[command.index("--shared-packages") + 1] == mode
    assert [word for word in command if "/opt/packages" in word] == mounts


def test_a_report_is_the_last_line():
    report = {"ok": True, "steps": [], "problem": None}
    assert hub_probe.read(0, f"a warning\n{json.dumps(report)}\n", "") == report


@pytest.mark.parametrize(
    ("output", "errors", "evidence"),
    [
        ("", "docker: no such image", "docker: no such image"),
        ("no JSON", "", "no JSON"),
        ("", "", "docker run ended with 125"),
    ],
)
def test_a_walk_that_could_not_begin_is_a_named_problem(output, errors, evidence):
    report = hub_probe.read(125, output, errors)
    assert not report["ok"]
    assert (report["problem"]["code"], report["problem"]["evidence"]) == ("probe-not-run", evidence)


@pytest.mark.parametrize(("user", "stays"), [("lab-probe", False), ("ada", True), ("lab-x/../../ada", True)])
def test_only_the_probes_own_home_is_removed(tmp_path, user, stays):
    home = tmp_path / "home" / user.rpartition("/")[2]
    home.mkdir(parents=True)
    hub_probe.remove_home(tmp_path / "home", user)
    assert home.exists() == stays
