"""lab_doctor, as Ansible runs it: a door that replays a real hub, engines that are made up or broken."""

import json
import socket
import sqlite3

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_examine as examine
from ansible_collections.gpulab.jupyterhub.plugins.modules import lab_doctor
from ansible_collections.gpulab.jupyterhub.tests.unit.hub_door import serving
from ansible_collections.gpulab.jupyterhub.tests.unit.test_hub_info import ENGINE, TOKEN

INFO = json.dumps(
    {
        "ServerVersion": "26.1.5",
        "DockerRootDir": "/nowhere",
        "ClientInfo": {"Plugins": [{"Name": "compose", "Version": "2.26"}, {"Name": "buildx", "Version": "0.13"}]},
    }
)
SEEN = {"servers": {"192.0.2.53": {"rcode": 0, "why": ""}}, "names": {"proxy": {"address": "172.18.0.2", "why": ""}}}


@pytest.fixture
def door():
    with serving("known") as server:
        yield server


@pytest.fixture
def root(tmp_path):
    """A data root whose secret is the hub's token, and whose database is whole."""
    for name in ("secrets", "config", "state"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "secrets/ansible_token").write_text(TOKEN)
    (tmp_path / "config/jupyterhub_config.py").write_text("c = get_config()\n")
    base = sqlite3.connect(tmp_path / "state/jupyterhub.sqlite")
    base.execute("CREATE TABLE users (name TEXT)")
    base.close()
    return tmp_path


def well(argv, **_how):
    """Stand for an engine on which a lab runs that has drifted in nothing."""
    if argv[0] != "docker":
        return cli.Answer("missing", "", f"{argv[0]}: command not found")
    kind = argv[3]
    if kind == "compose":
        return cli.Answer("ok", json.dumps({"services": {}}), "")
    answers = ENGINE | {"info": INFO, "exec": json.dumps(SEEN), "network": '[{"Id": "net"}]', "events": ""}
    return cli.Answer("ok", answers.get(kind, ""), "")


@pytest.fixture
def run(capsys, root, door, monkeypatch):
    """Run the module as Ansible does, on a server that is well but for what the test breaks; return its result."""
    monkeypatch.setattr(examine.names, "_here", lambda: SEEN)
    monkeypatch.setattr(examine.stack, "look", lambda *_: None)
    monkeypatch.setattr(examine, "DAEMON_JSON", str(root / "daemon.json"))
    uid = (root / "state").stat().st_uid

    def run(engine=well, **arguments):
        monkeypatch.setattr(lab_doctor, "command", engine)
        places = {"url": door.url, "token_file": f"{root}/secrets/ansible_token", "data_root": str(root)}
        with patch_module_args(places | {"min_free_gb": 0, "hub_uid": uid} | arguments), pytest.raises(SystemExit):
            lab_doctor.main()
        return json.loads(capsys.readouterr().out)

    return run


def codes(result):
    return [problem["code"] for problem in result["problems"]]


def state(result, layer):
    return next(row["state"] for row in result["checks"] if row["layer"] == layer)


def test_a_lab_that_is_well_has_no_problem(run):
    result = run()
    assert (result["healthy"], result["changed"], codes(result)) == (True, False, [])
    assert {row["state"] for row in result["checks"]} <= {"ok", "unknown"}
    assert "evidence" not in result


def test_what_is_documented_is_what_is_returned(run, root):
    (root / "state/jupyterhub.sqlite").unlink()
    documented = yaml.safe_load(lab_doctor.RETURN)
    result = run(evidence=True)
    assert set(documented) == set(result) - {"changed", "invocation"}
    for name in ("problems", "checks"):
        assert set(documented[name]["contains"]) == set(result[name][0])


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (cli.Answer("missing", "", "docker: command not found"), "docker-missing"),
        (cli.Answer("down", "", "Cannot connect to the Docker daemon"), "engine-down"),
        (cli.Answer("hung", "", "docker: no answer within 20 seconds"), "engine-hung"),
        (cli.Answer("denied", "", "permission denied"), "engine-denied"),
    ],
)
def test_without_an_engine_the_rest_is_looked_at_all_the_same(run, answer, code):
    asked = []

    def engine(argv, **_how):
        asked.append(argv)
        return answer

    result = run(engine)
    assert codes(result) == [code]
    assert state(result, "stack") == "unknown"
    assert state(result, "database") == "ok"
    assert len(asked) == 1


def test_an_engine_that_begins_to_hang_is_waited_for_once(run):
    hung = []

    def engine(argv, **how):
        if argv[3] in ("exec", "events"):
            hung.append(argv)
            return cli.Answer("hung", "", "docker exec: no answer within 30 seconds")
        return well(argv, **how)

    assert codes(run(engine)) == ["engine-hung"]
    assert len(hung) == 1


def test_a_server_on_which_nothing_was_ever_installed(run, tmp_path):
    missing = cli.Answer("missing", "", "docker: command not found")
    nothing = {"data_root": str(tmp_path / "none"), "token_file": str(tmp_path / "none/token")}
    result = run(lambda *_argv, **_how: missing, url="http://127.0.0.1:9", **nothing)
    assert codes(result) == ["docker-missing"]
    assert state(result, "database") == "unknown"
    assert "GB free" in next(row["words"] for row in result["checks"] if row["layer"] == "disk")


def test_a_cause_is_told_without_what_follows(run, root, door):
    (root / "state/jupyterhub.sqlite").write_bytes(b"no database at all" * 100)
    door.replies = {"/health": {"status": 503, "headers": {}, "body": ""}}
    assert codes(run()) == ["database-damaged"]


def test_problems_come_the_worst_first_with_layer_and_since(run, root):
    (root / "state/jupyterhub.sqlite").unlink()
    (root / "daemon.json").write_text("{")
    result = run(asked_at=1.0)
    assert [(one["code"], one["layer"]) for one in result["problems"]] == [
        ("daemon-json-malformed", "engine"),
        ("database-absent", "database"),
        ("clock-differs", "clock"),
    ]
    gone = result["problems"][1]
    assert gone["since_seconds"] == (root / "state").stat().st_mtime
    assert gone["since"].endswith(" UTC")
    assert result["problems"][0]["since"] == ""


def test_no_secret_comes_out_even_if_a_log_holds_it(run, root):
    def engine(argv, **how):
        if argv[3] == "logs":
            return cli.Answer("ok", f"the hub said {TOKEN}", "")
        found = well(argv, **how)
        return found._replace(out=found.out.replace('"running"', '"exited"')) if argv[3] == "container" else found

    text = json.dumps(run(engine, evidence=True))
    assert "hub-down" in text
    assert TOKEN not in text


def test_where_secrets_cannot_be_read_no_text_leaves_the_server(run, root):
    (root / "secrets/another").symlink_to(root / "gone")
    assert list(run(evidence=True)["evidence"]) == ["nothing.txt"]


def test_a_socket_that_takes_questions_and_never_answers(run, tmp_path):
    """The real client, if there is one, against a socket on which nobody speaks."""
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(tmp_path / "s"))
        line.listen()
        result = run(lambda argv, **_how: cli.command(argv, timeout=1), docker_socket=str(tmp_path / "s"))
    assert codes(result) in (["engine-hung"], ["docker-missing"])
