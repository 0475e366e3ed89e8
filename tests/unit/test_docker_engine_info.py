"""docker_engine_info, run as Ansible runs it, on files of its own and a client that a test writes."""

import json
import os

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _apt_look as apt
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_look as look
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_process as process
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_record as record
from ansible_collections.gpulab.jupyterhub.plugins.modules import docker_engine_info
from ansible_collections.gpulab.jupyterhub.tests.unit.docker_server import ENGINE, Server, run_module

AT_ENGINE = look.at_engine
CLIENT = {"Version": "28", "Plugins": [{"Name": "compose", "Version": "2.26"}, {"Name": "buildx", "Version": "0.13"}]}
SERVES = {
    "ServerVersion": "26.1",
    "CDISpecDirs": ["/etc/cdi"],
    "LiveRestoreEnabled": True,
    "ContainersRunning": 1,
    "ClientInfo": CLIENT,
}


@pytest.fixture
def server(tmp_path, monkeypatch, capsys):
    return Server(tmp_path, monkeypatch, capsys)


@pytest.fixture
def look_at(server, tmp_path, monkeypatch, capsys):
    """Looks at an engine whose command line client is a script of the test's."""
    for name in ("SOCKET", "PIDFILE"):
        monkeypatch.setattr(process, name, str(tmp_path / name))
    monkeypatch.setattr(look, "at_engine", AT_ENGINE)
    monkeypatch.setattr(look, "_SBIN", [str(tmp_path)])
    monkeypatch.setattr(look, "_PATIENCE", 0.3)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def engine_info(info, ps="echo jupyter-ada", files=(), **settings):
        script = f"#!/bin/sh\ncase $3 in\ninfo) {info};;\nps) {ps};;\nesac\n"
        for name, text in {"docker": script, "dockerd": "#!/bin/sh\necho Docker version 26.1, build 0\n"}.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        arguments = {"packages": ["docker.io"], "service_manager": "none", "files": files, "settings": settings}
        return run_module(docker_engine_info, capsys, arguments)

    return engine_info


def says(info):
    """The shell command of a client that reports this."""
    return f"echo '{json.dumps(info)}'"


def test_an_engine_that_suffices_is_used_as_it_is(look_at):
    result = look_at(says(SERVES))
    assert (result["sufficient"], result["refusal"], result["problems"]) == (True, "", [])
    assert (result["plan"]["idle"], result["engine"]["user_servers"]) == (True, ["jupyter-ada"])


def test_a_bundle_shall_have_the_engine_whatever_is_installed(look_at, monkeypatch):
    monkeypatch.setattr(apt, "known", lambda _module, names: (dict.fromkeys(names, "28.1"), []))
    result = look_at(says(SERVES))
    assert (result["plan"]["packages"], result["to_bundle"]) == ([], ["docker.io"])


def test_problems_are_told_in_the_form_of_the_collection(look_at, monkeypatch):
    warned = []
    monkeypatch.setattr(docker_engine_info.AnsibleModule, "warn", lambda _module, text: warned.append(text))
    result = look_at(says(SERVES | {"ServerVersion": "20.10", "CDISpecDirs": []}))
    assert [(p["code"], p["severity"]) for p in result["problems"]] == [
        ("engine-insufficient", "error"),
        ("cdi-off", "warning"),
    ]
    assert all(set(p) == {"code", "severity", "subject", "evidence", "remedy"} for p in result["problems"])
    assert "ERROR docker_engine_existing (engine-insufficient)\n" in result["refusal"]
    assert [text.partition(" The ")[0] for text in warned] == ["docker_engine_cdi:"]


def test_a_client_without_an_engine_is_no_problem(look_at):
    result = look_at(says({"ServerErrors": ["Cannot connect to the Docker daemon"], "ClientInfo": CLIENT}) + "; exit 1")
    assert (result["problems"], result["plan"]["start"]) == ([], True)
    assert result["engine"]["compose_version"] == "2.26"


def test_an_engine_that_never_answers_is_given_up(look_at):
    result = look_at("exec sleep 60")
    assert [p["code"] for p in result["problems"]] == ["engine-hung"]


def test_an_engine_that_hides_its_users_is_left_alone(look_at):
    result = look_at(says(SERVES), ps="echo no such filter >&2; exit 1")
    assert result["failed"]
    assert "does not tell which users' servers run: no such filter. Mend: " in result["msg"]


def test_a_setting_that_cannot_be_used_is_named(look_at, server):
    server.record_file.write_text(record.NOTHING.text())
    result = look_at(says(SERVES), build_cache_size="20 gigs")
    assert [p["code"] for p in result["problems"]] == ["settings-unusable"]
    assert "docker_engine_build_cache_size is '20 gigs'" in result["refusal"]


def test_a_file_of_apt_that_has_drifted_is_planned(look_at, server, tmp_path):
    server.record_file.write_text(record.NOTHING.text())
    (tmp_path / "file").write_text("as it shall be")
    (tmp_path / "file").chmod(0o644)
    for wanted, planned in (("as it shall be", []), ("else", ["else"]), ("", [""])):
        files = look_at(says(SERVES), files=[{"path": str(tmp_path / "file"), "content": wanted}])["plan"]["files"]
        assert [file["content"] for file in files] == planned


@pytest.mark.parametrize("name", ["daemon_file", "record_file"])
def test_a_file_of_the_engine_that_belongs_to_somebody_else_is_drift(look_at, server, name):
    server.daemon_file.write_text('{"live-restore": true, "features": {"cdi": true}}')
    server.record_file.write_text(record.NOTHING.text())
    server.record_file.chmod(0o600)
    assert not look_at(says(SERVES))["plan"]["options"]
    os.chown(getattr(server, name), 4242, 4242)
    assert look_at(says(SERVES))["plan"]["options"]


def test_a_lost_file_is_no_restart_to_an_engine_that_somebody_else_started(look_at, server, monkeypatch):
    server.daemon_file.write_text('{"live-restore": true, "features": {"cdi": true}}')
    server.record_file.write_text(record.Record({}, {}, "boot/2/2").text())
    server.record_file.chmod(0o600)
    monkeypatch.setattr(process, "running_pid", lambda _pidfile: 1)
    monkeypatch.setattr(process, "identity", lambda _pid: ENGINE)
    assert look_at(says(SERVES))["plan"]["options"], "the next run records what that engine has read"
    server.converge(state="loaded")
    assert look_at(says(SERVES))["plan"]["idle"]
    server.daemon_file.unlink()
    assert look_at(says(SERVES))["engine"]["options_pending"] == ""
