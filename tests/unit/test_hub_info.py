"""hub_info, as Ansible runs it: against a door that replays a real hub, and an engine that is not there."""

import json

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_info
from ansible_collections.gpulab.jupyterhub.tests.unit.hub_door import serving

TOKEN = "0123456789abcdef-a-token"
INFO = json.dumps({"ServerVersion": "26.1.5", "DockerRootDir": "/nowhere"})


def container(name, service="", **labels):
    """Return what `docker container inspect` says of a container that runs."""
    return {
        "Id": name * 5,
        "Name": f"/{name}",
        "State": {"Status": "running", "ExitCode": 0},
        "NetworkSettings": {"Networks": {"jupyterhub": {}}},
        "Config": {"Image": "an-image", "Labels": {"com.docker.compose.service": service, **labels}},
    }


CONTAINERS = [container("proxy", "proxy"), container("hub", "jupyterhub"), container("jupyter-alice")]
PS = "\n".join(
    [
        "\t".join(["proxy" * 5, "proxy", "jupyterhub", "stack", ""]),
        "\t".join(["hub" * 5, "hub", "jupyterhub", "stack", ""]),
        "\t".join(["jupyter-alice" * 5, "jupyter-alice", "", "singleuser", "alice"]),
    ]
)
ENGINE = {"info": INFO, "ps": PS, "container": json.dumps(CONTAINERS), "image": '[{"Config": {}}]'}


@pytest.fixture
def door():
    """A door that replays what a hub with four users answered; alice's server runs."""
    with serving("known") as server:
        yield server


@pytest.fixture
def run(capsys, tmp_path, door, monkeypatch):
    """Run the module as Ansible does, with an engine that is made up; return its result."""

    def answer(argv):
        return cli.Answer("ok", ENGINE[argv[3]], "")

    def run(engine=answer, **arguments):
        monkeypatch.setattr(hub_info, "Docker", lambda socket: cli.Docker(socket, engine))
        token = tmp_path / "token"
        token.write_text(TOKEN)
        settings = {"url": door.url, "token_file": str(token), "data_root": str(tmp_path), "min_free_gb": 0}
        with patch_module_args(settings | arguments), pytest.raises(SystemExit):
            hub_info.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("check", [False, True])
def test_a_lab_that_is_well_is_told_in_full(run, door, check):
    result = run(_ansible_check_mode=check)
    assert (result["healthy"], result["problems"], result["changed"]) == (True, [], False)
    assert [user["name"] for user in result["users"]] == ["teacher", "alice", "bob", "carol"]
    assert result["users"][1]["servers"] == [""]
    (server,) = result["servers"]
    assert (server["user"], server["ready"], server["container"]["state"]) == ("alice", True, "running")
    assert sorted(result["routes"]) == ["/", "/user/alice/"]
    assert [found["name"] for found in result["containers"]] == ["proxy", "hub", "jupyter-alice"]
    assert door.requests[-1][1]["Authorization"] == f"token {TOKEN}"


def test_versions_are_those_that_hub_and_engine_tell(run):
    assert run()["versions"] == {
        "jupyterhub": "6.1.1",
        "python": "3.11.7",
        "spawner": "jupyterhub.spawner.SimpleLocalProcessSpawner 6.1.1",
        "authenticator": "jupyterhub.auth.DummyAuthenticator 6.1.1",
        "engine": "26.1.5",
        "images": {"proxy": "an-image", "jupyterhub": "an-image", "user": "jupyter-custom-gpu:latest"},
    }


def test_a_class_without_a_version_of_its_own_is_named_alone():
    assert hub_info._class({"class": "labhub.LabSpawner", "version": "unknown"}) == "labhub.LabSpawner"
    assert hub_info._class({}) == ""


def test_what_is_documented_is_what_is_returned(run):
    documented = yaml.safe_load(hub_info.RETURN)
    result = run(failed_hours=1e6)
    assert set(documented) == set(result) - {"changed", "invocation"}
    for name in ("versions", "users", "servers", "containers", "failures"):
        value = result[name] if name == "versions" else result[name][0]
        assert set(documented[name]["contains"]) == set(value)


def test_failures_of_long_ago_are_not_told(run):
    assert run()["failures"] == []
    assert [failure["user"] for failure in run(failed_hours=1e6)["failures"]] == ["alice"]


def test_a_hub_that_keeps_no_records_is_well(run, door):
    door.replies = {**door.replies, "/api/lab/failures": {"status": 404, "headers": {}, "body": {"status": 404}}}
    result = run()
    assert (result["failures"], result["problems"]) == ([], [])


def test_no_token_comes_out(run, door):
    door.replies = {**door.replies, "/api/info": {"status": 500, "headers": {}, "body": {"message": TOKEN}}}
    text = json.dumps(run())
    assert "api-failed" in text
    assert TOKEN not in text


def no_docker(argv):
    """Stand for a server without Docker."""
    return cli.Answer("missing", "", "docker: command not found")


@pytest.mark.parametrize(
    ("fail_on", "broken", "failed"),
    [
        ("never", {"engine": no_docker}, False),
        ("error", {"engine": no_docker}, True),
        ("error", {}, False),
        ("warning", {}, False),
        ("error", {"min_free_gb": 1e9}, False),
        ("warning", {"min_free_gb": 1e9}, True),
    ],
)
def test_a_problem_is_a_failure_only_as_asked(run, fail_on, broken, failed):
    result = run(fail_on=fail_on, **broken)
    assert result.get("failed", False) is failed
    assert ("Mend: " in result.get("msg", "")) is failed


def test_what_the_hub_tells_is_told_even_without_an_engine(run):
    result = run(engine=no_docker)
    assert [problem["code"] for problem in result["problems"]] == ["docker-missing"]
    assert len(result["users"]) == 4
    assert result["servers"][0]["container"] is None


def test_an_address_without_a_lab_is_an_answer_too(run, tmp_path):
    result = run(url="http://127.0.0.1:9", token_file=str(tmp_path / "none"))
    assert [problem["code"] for problem in result["problems"]] == ["door-refused"]
    assert (result["users"], result["servers"], result["routes"], result["healthy"]) == ([], [], {}, False)
