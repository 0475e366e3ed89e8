"""hub_probe: a lab that is unwell is not walked through; the walk begins on its cue, is read, and leaves nothing."""

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _hub_walk as walks
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._docker_cli import Docker
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_probe
from ansible_collections.gpulab.jupyterhub.tests.unit.hub_door import serving
from ansible_collections.gpulab.jupyterhub.tests.unit.test_hub_info import CONTAINERS, INFO, PS

PARAMS = {
    "compose_project": "jupyterhub",
    "url": "http://127.0.0.1:8000",
    "user": "lab-probe",
    "token_file": "/srv/jupyterhub/secrets/ansible_token",
    "token_uid": 9000,
    "shared_packages": "curated",
    "mounts": ["/home/{username}/shared:rw"],
    "walk_timeout": 60,
}
WELL = {"ok": True, "steps": [{"name": "find_door", "ok": True, "seconds": 0.1}], "problem": None}
PROBLEM = dict.fromkeys(("code", "subject", "evidence", "remedy"), "a word")
CLIENT = """#!/bin/sh
# docker --host SOCKET WORD...
case "$3 $4" in
  run*) echo begun >{here}/walk; read cue || {{ echo left >{here}/walk; exit 1; }}
        echo "$cue" >{here}/walk; cat {here}/report ;;
  "ps --filter") cat {here}/hub-image ;;
  *) cat {here}/"$3" ;;
esac
"""
"""A double of the engine's client: says what the files beside it say, and waits for its cue as the probe does."""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Directory of the double: what it says, and in `walk` how far a walk has come."""
    here = tmp_path / "engine"
    (here / "bin").mkdir(parents=True)
    program = here / "bin/docker"
    program.write_text(CLIENT.format(here=here))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{here}/bin:/usr/bin:/bin")
    said = {"hub-image": "gpulab/hub:abc\n", "report": json.dumps(WELL), "info": INFO, "ps": PS}
    said |= {"container": json.dumps(CONTAINERS), "image": '[{"Config": {}}]'}
    for name, text in said.items():
        (here / name).write_text(text)
    return here


def test_a_walk_begins_on_its_cue_and_its_report_is_read(engine):
    walk = walks.Walk(Docker(), PARAMS)
    assert walk.take() == WELL
    assert (engine / "walk").read_text() == "walk\n"
    walk.leave()


def test_what_got_ready_and_has_no_cue_is_gone_without_a_walk(engine):
    walk = walks.Walk(Docker(), PARAMS)
    walk.leave()
    assert (engine / "walk").read_text() == "left\n"


def test_without_a_hub_nothing_begins(engine):
    (engine / "hub-image").write_text("")
    walk = walks.Walk(Docker(), PARAMS)
    walk.leave()
    assert walk.take()["problem"]["evidence"] == "no hub runs in the Compose project jupyterhub"
    assert not (engine / "walk").exists()


def test_without_docker_there_is_a_reason(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program, path: None)
    assert "docker: command not found" in walks.Walk(Docker(), PARAMS).take()["problem"]["evidence"]


@pytest.fixture
def run(capsys, tmp_path, engine, monkeypatch):
    """Runs the module as Ansible does, against a door that replays what a hub answered."""

    def run(**arguments):
        warnings = []
        # Where the controller's own code is loaded too, Ansible shows warnings there and not in the result.
        monkeypatch.setattr(hub_probe.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
        (tmp_path / "token").write_text("0123456789abcdef-a-token")
        (tmp_path / "home/lab-probe").mkdir(parents=True, exist_ok=True)
        with serving("known") as door:
            settings = {
                "url": door.url,
                "token_file": f"{tmp_path}/token",
                "data_root": str(tmp_path),
                "min_free_gb": 0,
            }
            with patch_module_args(settings | arguments), pytest.raises(SystemExit):
                hub_probe.main()
        assert (tmp_path / "home/lab-probe").exists() == bool(arguments.get("_ansible_check_mode"))
        return json.loads(capsys.readouterr().out) | {"warnings": warnings}

    return run


def test_a_lab_that_is_well_is_walked_through(run, engine):
    result = run()
    assert (result["steps"], result.get("failed")) == (WELL["steps"], None)
    assert (engine / "walk").read_text() == "walk\n"


def test_an_unwell_lab_is_told_and_not_walked_through(run, engine):
    stopped = [entry | {"State": {"Status": "exited", "ExitCode": 1}} for entry in CONTAINERS]
    (engine / "container").write_text(json.dumps(stopped))
    result = run()
    assert result["failed"]
    assert result["msg"].startswith("The lab is not well.\n\n")
    assert (engine / "walk").read_text() == "left\n"


def test_a_check_looks_and_does_not_walk(run, engine):
    assert "left out in check mode" in run(_ansible_check_mode=True)["msg"]
    assert not (engine / "walk").exists()


def test_a_lab_that_is_drained_is_looked_at_and_not_walked_through(run, engine, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/drained.json").write_text('{"since": "2026-12-01T10:00:00Z", "reason": "New drivers."}')
    result = run()
    assert (result.get("failed"), result["drained"]) == (None, True)
    assert [problem["evidence"] for problem in result["problems"]] == [
        "It is drained, since 2026-12-01T10:00:00Z: no server starts. New drivers."
    ]
    assert (engine / "walk").read_text() == "left\n"


def test_a_walk_that_meets_an_error_fails_and_a_warning_only_warns(run, engine):
    (engine / "report").write_text(json.dumps(WELL | {"ok": False, "problem": PROBLEM | {"severity": "error"}}))
    assert run()["failed"]
    (engine / "report").write_text(json.dumps(WELL | {"problem": PROBLEM | {"severity": "warning"}}))
    result = run()
    assert (result.get("failed"), len(result["warnings"])) == (None, 1)


def test_the_walk_runs_without_rights_and_knows_the_token_by_its_file_only():
    command = walks.command(PARAMS, "gpulab/hub:abc")
    assert command[:3] == ["run", "--rm", "--interactive"]
    assert {"--cap-drop=ALL", "--read-only", "--user=9000:9000", "--network=host"} <= set(command)
    assert "--volume=/srv/jupyterhub/secrets/ansible_token:/run/lab-secrets/ansible_token:ro" in command
    assert "/home/lab-probe/shared:rw" in command


@pytest.mark.parametrize(
    ("mode", "mounts"), [("open", ["/opt/packages:rw"]), ("curated", ["/opt/packages:ro"]), ("off", [])]
)
def test_the_walk_is_told_what_to_expect_of_shared_packages(mode, mounts):
    command = walks.command(PARAMS | {"shared_packages": mode}, "gpulab/hub:abc")
    assert command[command.index("--shared-packages") + 1] == mode
    assert [word for word in command if "/opt/packages" in word] == mounts


def test_a_report_is_the_last_line():
    assert walks.read(0, f"a warning\n{json.dumps(WELL)}\n", "") == WELL


@pytest.mark.parametrize(
    ("output", "errors", "evidence"),
    [
        ("", "docker: no such image", "docker: no such image"),
        ("no JSON", "", "no JSON"),
        ("", "", "docker run ended with 125"),
    ],
)
def test_a_walk_that_could_not_begin_is_a_named_problem(output, errors, evidence):
    report = walks.read(125, output, errors)
    assert not report["ok"]
    assert (report["problem"]["code"], report["problem"]["evidence"]) == ("probe-not-run", evidence)


@pytest.mark.parametrize(("user", "stays"), [("lab-probe", False), ("ada", True), ("lab-x/../../ada", True)])
def test_only_the_probes_own_home_is_removed(tmp_path, user, stays):
    home = tmp_path / "home" / user.rpartition("/")[2]
    home.mkdir(parents=True)
    walks.remove_home(tmp_path / "home", user)
    assert home.exists() == stays
