"""docker_daemon_options and docker_daemon, run as Ansible runs them, on files of their own."""

import json
import os
from pathlib import Path

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_look as look
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_process as process
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_record as record
from ansible_collections.gpulab.jupyterhub.plugins.modules import docker_daemon
from ansible_collections.gpulab.jupyterhub.tests.unit.docker_server import DOWN, ENGINE, UP, Server, run_module


@pytest.fixture
def server(tmp_path, monkeypatch, capsys):
    return Server(tmp_path, monkeypatch, capsys)


def test_the_first_converge_writes_and_the_second_does_not(server):
    first, second = server.converge(), server.converge()
    assert (first["changed"], second["changed"]) == (True, False)
    assert server.options() == first["options"] == {"live-restore": True, "features": {"cdi": True}}


def test_check_mode_tells_and_leaves(server):
    server.daemon_file.write_text('{"debug": true}')
    result = server.converge(check=True)
    assert result["changed"]
    assert '"live-restore": true' in result["diff"][0]["after"]
    assert server.options() == {"debug": True}
    assert not server.record_file.exists()


def test_a_hand_written_file_is_merged_and_copied_aside(server):
    server.daemon_file.write_text('{"debug": true, "live-restore": false}')
    result = server.converge()
    assert server.options()["debug"] is True
    assert server.options()["live-restore"] is True
    assert Path(result["backup_file"]).read_text() == '{"debug": true, "live-restore": false}'


def test_formatting_by_hand_is_no_drift(server):
    server.converge()
    compact = json.dumps(server.options())
    server.daemon_file.write_text(compact)
    assert not server.converge()["changed"]
    assert server.daemon_file.read_text() == compact


def test_what_is_wanted_no_longer_goes(server):
    server.converge(registry_mirrors=["https://m"])
    server.converge()
    assert "registry-mirrors" not in server.options()


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("{", {}, "not valid JSON at line 1, column 2"),
        ("{}", {"daemon_options": {"live-restore": False}}, "docker_engine_live_restore wants true"),
    ],
)
def test_a_refusal_changes_nothing(server, text, settings, said):
    server.daemon_file.write_text(text)
    result = server.converge(**settings)
    assert result["failed"]
    assert said in result["msg"]
    assert server.daemon_file.read_text() == text
    assert not server.record_file.exists()


def test_options_that_dockerd_refuses_are_not_installed(server, tmp_path):
    dockerd = tmp_path / "dockerd"
    dockerd.write_text("#!/bin/sh\necho no such option in http://u:p@x >&2\nexit 1\n")
    dockerd.chmod(0o755)
    server.engine = DOWN | {"dockerd": str(dockerd)}
    result = server.converge()
    assert "dockerd refuses" in result["msg"]
    assert "http://***@x" in result["msg"]
    assert not server.daemon_file.exists()


def test_passwords_stay_out_of_the_diff_and_of_other_peoples_reach(server):
    server.daemon_file.write_text("{}")
    server.daemon_file.chmod(0o644)
    result = server.converge(http_proxy="http://user:secret@proxy:3128")
    assert "secret" not in json.dumps(result["diff"])
    assert server.daemon_file.stat().st_mode & 0o777 == 0o600


PROXY = {"http_proxy": "http://user:secret@proxy:3128"}


@pytest.mark.parametrize(
    ("name", "settings", "mode", "mended"),
    [
        pytest.param("daemon_file", {}, 0o666, 0o644, id="anybody may write"),
        pytest.param("daemon_file", {}, 0o640, 0o640, id="closer than need be"),
        pytest.param("daemon_file", PROXY, 0o644, 0o600, id="anybody may read a password"),
        pytest.param("record_file", PROXY, 0o644, 0o600, id="or read it in the record"),
    ],
)
def test_a_file_that_was_opened_to_others_is_closed_again(server, name, settings, mode, mended):
    server.converge(**settings)
    path = getattr(server, name)
    path.chmod(mode)
    check = server.converge(check=True, **settings)
    assert path.stat().st_mode & 0o777 == mode
    result = server.converge(**settings)
    assert path.stat().st_mode & 0o777 == mended
    assert (check["changed"], result["changed"]) == (mode != mended, mode != mended)
    assert (result["effect"], result["options_written"]) == ("", False)
    assert (f"mode: {mended:04o}" in json.dumps(check["diff"])) is (mode != mended)
    assert "secret" not in json.dumps(check["diff"])


def test_a_file_that_was_given_away_is_roots_again(server):
    server.converge()
    os.chown(server.daemon_file, 4242, 4242)
    server.daemon_file.write_text("{}")
    assert server.converge()["changed"]
    assert (server.daemon_file.stat().st_uid, server.daemon_file.stat().st_gid) == look.OWNER


def test_a_running_engine_restarts_once(server):
    server.engine = UP
    assert server.converge()["effect"] == "restart"
    assert server.converge()["effect"] == "restart"
    server.engine = UP | {"identity": "boot/2/2"}
    assert server.converge()["effect"] == ""


def test_a_reload_is_due_until_it_is_on_record(server, monkeypatch):
    server.engine = UP
    server.converge()
    monkeypatch.setattr(process, "running_pid", lambda _pidfile: 1)
    monkeypatch.setattr(process, "identity", lambda _pid: ENGINE)
    server.converge(state="loaded")
    assert server.converge(daemon_options={"debug": True})["effect"] == "reload"
    assert server.converge(daemon_options={"debug": True})["effect"] == "reload"
    server.converge(state="loaded")
    assert server.converge(daemon_options={"debug": True})["effect"] == ""


def test_putting_back_what_the_engine_never_lost_has_no_effect(server, monkeypatch):
    server.engine = UP
    server.converge()
    monkeypatch.setattr(process, "running_pid", lambda _pidfile: 1)
    monkeypatch.setattr(process, "identity", lambda _pid: ENGINE)
    server.converge(state="loaded")
    server.daemon_file.write_text("{}")
    result = server.converge()
    assert (result["changed"], result["effect"]) == (True, "")


def test_a_replaced_program_needs_a_restart(server):
    server.converge()
    server.engine = UP | {"dockerd_version": "27.0"}
    assert server.converge()["effect"] == "restart"


@pytest.mark.parametrize(
    ("live_restore_now", "settings", "because"),
    [
        (True, {}, ""),
        (True, {"live_restore": False, "cdi": False}, "no live-restore"),
        (False, {}, "no live-restore"),
        (True, {"data_root": "/elsewhere"}, "data-root"),
    ],
)
def test_a_restart_that_would_stop_users_is_refused(server, live_restore_now, settings, because):
    server.engine = UP | {"user_servers": ["jupyter-alice"], "live_restore": live_restore_now}
    result = server.converge(**settings)
    assert server.daemon_file.exists() is not bool(because)
    if because:
        assert f"(jupyter-alice), because of: {because}" in result["msg"]


def test_a_claim_is_made_once_and_kept(server):
    assert server.converge(check=True, state="claimed")["changed"]
    assert not server.record_file.exists()
    assert server.converge(state="claimed")["changed"]
    assert not server.converge(state="claimed")["changed"]
    assert record.load(str(server.record_file)) == record.NOTHING


@pytest.mark.parametrize("text", ["", "{", "[]", '{"options": 5}', '{"options": {}}'])
def test_a_damaged_record_still_says_whose_the_engine_is(tmp_path, text):
    path = tmp_path / "record.json"
    path.write_text(text)
    assert record.load(str(path)) == record.NOTHING


def test_a_record_reads_back(tmp_path):
    path = tmp_path / "record.json"
    written = record.Record({"a": 1}, {"a": 1, "h": 2}, ENGINE)
    path.write_text(written.text())
    assert record.load(str(path)) == written


@pytest.mark.parametrize(
    ("state", "pid", "serving", "steps"),
    [
        ("started", 0, False, ["start"]),
        ("started", 1, True, []),
        ("started", 0, True, []),
        ("restarted", 0, False, ["start"]),
        ("restarted", 1, True, ["stop", "start"]),
        ("reloaded", 1, True, ["reload"]),
        ("reloaded", 0, False, []),
        ("stopped", 1, True, ["stop"]),
        ("stopped", 0, False, []),
    ],
)
def test_the_steps_to_a_state(state, pid, serving, steps):
    assert docker_daemon.steps(state, pid, serving) == steps


def test_docker_daemon_in_check_mode_starts_nothing(tmp_path, capsys):
    paths = {name: str(tmp_path / name) for name in ("socket", "pidfile", "log_file")}
    result = run_module(docker_daemon, capsys, {"state": "started", **paths}, check=True)
    assert result["changed"]
    assert not any(tmp_path.iterdir())
