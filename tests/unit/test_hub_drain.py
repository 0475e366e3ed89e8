"""hub_drain, as Ansible runs it, against an API that keeps what it is told."""

import json
import threading

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _hub_drain as drain
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_drain
from ansible_collections.gpulab.jupyterhub.tests.unit.roster_hub_double import KEY, RosterHub


@pytest.fixture
def hub():
    """A hub on which bob and carol work."""
    server = RosterHub()
    for name in ("bob", "carol"):
        server.add(name, "a password", servers={"": {}})
    server.add("dave", "a password")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(capsys, hub, tmp_path):
    """Run the module; return its result."""
    (tmp_path / "state").mkdir()
    (tmp_path / "token").write_text(KEY)

    def run(check=False, **arguments):
        settings = {"url": hub.url, "data_root": str(tmp_path), "token_file": f"{tmp_path}/token"}
        with patch_module_args(settings | {"_ansible_check_mode": check} | arguments), pytest.raises(SystemExit):
            hub_drain.main()
        return json.loads(capsys.readouterr().out)

    return run


def test_a_lab_is_drained_kept_so_and_opened_again(run, hub, tmp_path):
    told = run(reason="New drivers.")
    assert (told["changed"], told["servers"]) == (True, ["bob", "carol"])
    assert told["diff"]["before"] == "open\nserver of bob\nserver of carol\n"
    assert told["diff"]["after"] == f"drained since {told['since']}: New drivers.\n"
    assert hub.changes == ["DELETE /users/bob/server", "DELETE /users/carol/server"]
    assert (tmp_path / "state/drained.json").stat().st_mode & 0o777 == 0o644
    again = run(reason="New drivers.")
    assert (again["changed"], again["since"]) == (False, told["since"])
    other = run(reason="Until 14:00.")
    assert (other["changed"], other["since"]) == (True, told["since"])
    assert run(state="open")["changed"]
    assert drain.read(tmp_path) is None
    assert not run(state="open")["changed"]


@pytest.mark.parametrize("state", ["drained", "open"])
def test_a_check_tells_and_does_nothing(run, hub, tmp_path, state):
    if state == "open":
        drain.mark(tmp_path).write_text("{}")
    told = run(check=True, state=state)
    assert (told["changed"], hub.changes) == (True, [])
    assert (drain.read(tmp_path) is None) == (state == "drained")


def test_a_server_that_does_not_stop_is_named_and_the_mark_stays(run, hub, tmp_path, monkeypatch):
    monkeypatch.setattr(drain.HubApi, "send", lambda self, method, path, also: None)
    told = run(wait_timeout=0)
    assert "bob, carol" in told["msg"]
    assert told["failed"]
    assert drain.read(tmp_path) is not None


def test_a_hub_that_is_away_is_told_and_nobody_is_stopped(run, tmp_path):
    told = run(url="http://127.0.0.1:9")
    assert "The hub does not answer as it should" in told["msg"]
    assert drain.read(tmp_path) is None


def test_without_a_token_the_mend_is_told(run, tmp_path):
    assert "is absent" in run(token_file=f"{tmp_path}/none")["msg"]


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"since": "2026"}'])
def test_a_mark_that_nobody_can_read_drains_all_the_same(tmp_path, text):
    drain.mark(tmp_path).parent.mkdir()
    drain.mark(tmp_path).write_text(text)
    (problem,) = drain.judge(drain.read(tmp_path))
    assert (problem.code, problem.severity) == ("hub-drained", "warning")
