"""hub_user, as Ansible runs it, against an API that keeps what it is told, and real files."""

import json
import os
import threading

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_user
from ansible_collections.gpulab.jupyterhub.tests.unit.roster_hub_double import COMMON, KEY, TOKEN, RosterHub

GIVEN = "a password that was given"


@pytest.fixture
def hub():
    """A hub with an admin, and with bob, whose server runs."""
    server = RosterHub()
    server.add("bob", "bob's own password", groups=["vision"], servers={"": {}})
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def root(tmp_path):
    """The lab's data root, with a home of bob's."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/ansible_token").write_text(TOKEN)
    (tmp_path / "home/bob").mkdir(parents=True)
    (tmp_path / "home/bob/file").write_text("mine")
    os.chown(tmp_path / "home/bob", 20000, 9100)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch, hub, root):
    """Run the module with a roster; return its result, and fail if a secret is in it."""

    def engine(argv):
        answers = {"ps": "jupyterhub-jupyterhub-1\n", "exec": json.dumps({"token": KEY})}
        return cli.Answer("ok", answers[argv[3]], "")

    def run(*rows, engine=engine, **arguments):
        warnings = []
        monkeypatch.setattr(hub_user, "Docker", lambda socket: cli.Docker(socket, engine))
        # Where the controller's own code is loaded too, Ansible shows warnings there and not in the result.
        monkeypatch.setattr(hub_user.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
        settings = {"users": list(rows), "url": hub.url, "data_root": str(root)} | arguments
        with patch_module_args(settings), pytest.raises(SystemExit):
            hub_user.main()
        output = capsys.readouterr().out
        assert [secret for secret in (GIVEN, KEY, TOKEN) if secret in output.partition('"invocation"')[0]] == []
        return json.loads(output) | {"warnings": warnings}

    return run


def state(hub):
    """What the hub holds, as a thing of its own."""
    return json.loads(json.dumps([hub.users, hub.accounts, hub.passwords]))


def test_a_roster_is_kept_and_the_second_run_changes_nothing(run, hub, root):
    rows = [
        {"name": "alice", "admin": True, "email": "alice@uni.example"},
        {"name": "bob", "groups": ["speech"]},
        {"name": "carol", "password": GIVEN},
    ]
    result = run(*rows)
    assert result["changed"]
    assert [(user["name"], user["generated"]) for user in result["users"]] == [
        ("alice", True),
        ("bob", False),
        ("carol", False),
    ]
    assert (hub.users["alice"]["admin"], hub.users["bob"]["groups"]) == (True, ["speech"])
    assert hub.passwords["carol"] == GIVEN
    hub.changes.clear()
    assert run(*rows)["changed"] is False
    assert hub.changes == []


def test_a_generated_password_is_in_a_file_of_roots_and_nowhere_else(run, hub, root):
    result = run({"name": "alice"}, _ansible_diff=True)
    file = root / "secrets/users/alice"
    assert file.read_text() == hub.passwords["alice"] + "\n"
    assert len(hub.passwords["alice"]) == 20
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert hub.passwords["alice"] not in json.dumps(result)
    assert "password: a new one\n" in result["diff"][0]["after"]


def test_a_password_that_is_in_its_file_already_is_taken_again(run, hub, root):
    run({"name": "alice"})
    before = hub.passwords["alice"]
    del hub.users["alice"], hub.accounts["alice"], hub.passwords["alice"]
    run({"name": "alice"})
    assert hub.passwords["alice"] == before


@pytest.mark.parametrize(("update", "kept"), [("always", GIVEN), ("on_create", "bob's own password")])
def test_a_password_that_a_user_has_changed(run, hub, update, kept):
    result = run({"name": "bob", "password": GIVEN, "update_password": update})
    assert hub.passwords["bob"] == kept
    assert result["changed"] is (update == "always")


def test_check_mode_changes_nothing_and_tells_the_same(run, hub, root):
    rows = [
        {"name": "alice", "groups": ["vision"]},
        {"name": "admin", "password": GIVEN},
        {"name": "bob", "state": "absent", "home": "remove"},
    ]
    before = state(hub)
    would = run(*rows, _ansible_check_mode=True, _ansible_diff=True)
    assert (state(hub), hub.changes) == (before, [])
    assert not (root / "secrets/users").exists()
    assert (root / "home/bob/file").exists()
    did = run(*rows, _ansible_diff=True)
    assert (would["users"], would["diff"], would["stopped"]) == (did["users"], did["diff"], ["bob"])


def test_a_user_who_is_removed_is_stopped_first_and_keeps_the_home(run, hub, root):
    result = run({"name": "bob", "state": "absent"})
    assert hub.changes[:2] == ["DELETE /users/bob/server", "DELETE /users/bob"]
    assert {"bob"} & {*hub.users, *hub.accounts} == set()
    assert result["stopped"] == ["bob"]
    assert "server of bob was stopped" in str(result["warnings"])
    assert (root / "home/bob/file").read_text() == "mine"
    assert run({"name": "bob", "state": "absent"})["changed"] is False


def test_a_home_goes_when_told_also_later(run, root):
    run({"name": "bob", "state": "absent"})
    assert run({"name": "bob", "state": "absent", "home": "remove"})["changed"]
    assert [path.name for path in (root / "home").iterdir()] == [".removed-bob-20000"]
    assert run({"name": "bob", "state": "absent", "home": "remove"})["changed"] is False


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (lambda file: file.chmod(0o644), "mode 0644"),
        (lambda file: os.chown(file, 4242, 4242), "mode 0600, owner 4242"),
    ],
)
def test_a_password_file_that_others_may_read_is_closed(run, root, deed, told):
    run({"name": "dave"})
    file = root / "secrets/users/dave"
    whole = (file.stat().st_mode, file.stat().st_uid, file.stat().st_gid)
    deed(file)
    result = run({"name": "dave"})
    assert told in result["diff"][0]["before"]
    assert (file.stat().st_mode, file.stat().st_uid, file.stat().st_gid) == whole
    assert not run({"name": "dave"})["changed"]


def test_a_password_file_goes_with_its_user_and_is_closed_before(run, hub, root):
    run({"name": "alice"})
    file = root / "secrets/users/alice"
    file.chmod(0o644)
    assert run({"name": "alice"})["users"][0]["changed"] == ["password file"]
    assert file.stat().st_mode & 0o777 == 0o600
    run({"name": "alice", "state": "absent"})
    assert not file.exists()


def test_every_wrong_row_is_told_and_none_is_carried_out(run, hub):
    before = state(hub)
    result = run({"name": "alice"}, {"name": "Eve!"}, {"name": "alice"}, {"name": "admin", "state": "absent"})
    assert result["failed"]
    assert [fault.partition(":")[0] for fault in result["faults"]] == ["row 2 (Eve!)", "row 3 (alice)", "row 4 (admin)"]
    assert (state(hub), hub.changes) == (before, [])


def test_what_only_the_hub_can_refuse_is_told_before_anything_is_done(run, hub):
    rows = [{"name": "alice"}, {"name": "carol", "password": COMMON}, {"name": "dave", "password": COMMON}]
    result = run(*rows)
    assert [fault.partition(":")[0] for fault in result["faults"]] == ["row 2 (carol)", "row 3 (dave)"]
    assert "most common ones" in result["msg"]
    assert hub.changes == []


def test_the_last_admin_is_not_removed(run, hub):
    hub.add("boss", "the boss's password", admin=True)
    hub.accounts["admin"]["authorized"] = False
    result = run({"name": "boss", "admin": False})
    assert "without an admin" in result["msg"]
    assert hub.users["boss"]["admin"]


def test_a_hub_that_does_not_answer_is_told_with_the_mend(run):
    result = run({"name": "alice"}, url="http://127.0.0.1:9")
    assert "The hub does not answer: 127.0.0.1:9: Connection refused" in result["msg"]
    assert "./run.sh" in result["msg"]


def test_before_there_is_a_hub_a_check_tells_what_would_be_made(run, root):
    result = run({"name": "alice"}, url="http://127.0.0.1:9", _ansible_check_mode=True)
    assert result["users"][0]["changed"] == ["account", "authorized"]
    assert "No hub that knows rosters runs here yet" in str(result["warnings"])


def no_token(root):
    (root / "secrets/ansible_token").unlink()


def another_token(root):
    (root / "secrets/ansible_token").write_text("a token that the hub will have read only after the run")


@pytest.mark.parametrize(
    ("drift", "arguments", "why"),
    [
        (no_token, {}, "The hub does not tell of its users: GET /hub/api/users"),
        (another_token, {}, "The hub does not tell of its users: GET /hub/api/users"),
        (lambda root: None, {"url": "http://127.0.0.1:9"}, "The hub does not answer: 127.0.0.1:9"),
    ],
)
def test_a_check_claims_nothing_of_a_hub_that_a_run_would_put_right_first(run, hub, root, drift, arguments, why):
    drift(root)
    (root / "state").mkdir()
    (root / "state/hub-read.json").write_text("{}")
    result = run({"name": "alice"}, _ansible_check_mode=True, **arguments)
    assert (result["changed"], result["users"], result.get("diff")) == (False, [], [])
    assert why in str(result["warnings"])
    assert why in run({"name": "alice"}, **arguments)["msg"]
    assert hub.changes == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (cli.Answer("ok", "", ""), "no hub runs in the Compose project jupyterhub"),
        (cli.Answer("failed", "", "the hub has no admin admin: restart the hub"), "no admin admin"),
    ],
)
def test_without_a_key_nothing_is_changed(run, hub, answer, told):
    result = run({"name": "alice"}, engine=lambda argv: answer)
    assert told in result["msg"]
    assert hub.changes == []


def test_the_key_outlasts_every_server_that_takes_its_time_to_stop(run, hub):
    names, asked = ["bob", "carol", "dave"], []

    def engine(argv):
        asked.append(argv)
        return cli.Answer("ok", {"ps": "hub\n", "exec": json.dumps({"token": KEY})}[argv[3]], "")

    for name in names:
        hub.add(name, f"{name}'s own password", servers={"": {}})
    run(*({"name": name, "state": "absent"} for name in names), engine=engine)
    (seconds,) = (int(argv[argv.index("--seconds") + 1]) for argv in asked if "--seconds" in argv)
    assert seconds >= len(names) * hub_user.STOP_SECONDS


def test_a_hub_that_fails_half_way_is_told_with_how_far_it_came(run, hub, monkeypatch):
    del hub.users["bob"]
    hub.users["bob"] = {"name": "bob", "admin": False, "groups": ["gone from the double"], "servers": {}}
    monkeypatch.setattr(hub, "groups", None)
    result = run({"name": "alice"}, {"name": "bob", "groups": ["speech"]})
    assert result["msg"].startswith("row 2 (bob): ")
    assert "1 of 2 users were put right before" in result["msg"]
    assert [user["name"] for user in result["users"]] == ["alice"]


def test_the_examples_are_rosters(run):
    rows = [row for task in yaml.safe_load(hub_user.EXAMPLES) for row in task["gpulab.jupyterhub.hub_user"]["users"]]
    rows = [row | ({"password": GIVEN} if "password" in row else {}) for row in rows]
    assert "failed" not in run(*rows)
