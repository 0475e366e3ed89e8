"""_doctor_since: when a problem began, as far as anything tells."""

import json

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_since as doctor_since
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._problems import error

HUB = {
    "name": "hub-1",
    "id": "0123456789ab",
    "state": "exited",
    "started": "2026-11-24T20:00:00.123456789Z",
    "finished": "2026-11-24T21:00:00Z",
    "failing_since": "2026-11-24T20:30:00.5+00:00",
}


def event(action, at, key="id1", **attributes):
    return {"action": action, "time": at, "id": key, "attributes": attributes}


FACTS = {
    "stack": {"jupyterhub": HUB},
    "user_containers": [],
    "failures": [
        {"user": "ada", "server": "", "when": "2026-11-24T19:00:00Z"},
        {"user": "ada", "server": "big", "when": "2026-11-24T18:00:00Z"},
        {"user": "ada", "server": "", "when": "2026-11-24T17:00:00Z"},
    ],
    "database": {"changed": 1000.0},
    "events": [
        event("die", 5.0, name="hub-1"),
        event("destroy", 40.0, **{"com.docker.compose.service": "proxy"}),
        event("die", 50.0, **{"org.gpulab.jupyterhub.user": "ada"}),
        event("die", 60.0, name="hub-1"),
        event("pause", 70.0, name="hub-1"),
        event("disconnect", 80.0, name="jupyterhub", container="0123456789abcdef"),
        event("disconnect", 90.0, name="jupyterhub", container="another"),
    ],
}


@pytest.mark.parametrize(
    ("code", "subject", "state", "expected"),
    [
        ("hub-down", "container hub-1", "exited", "2026-11-24T21:00:00"),
        ("hub-starting", "container hub-1", "running", "2026-11-24T20:00:00.123456"),
        ("hub-unhealthy", "container hub-1", "running", "2026-11-24T20:30:00.5"),
        ("hub-restarting", "container hub-1", "restarting", 5.0),
        ("hub-paused", "container hub-1", "paused", 70.0),
        ("off-network", "container hub-1", "running", 80.0),
        ("hub-away", "http://127.0.0.1:8000", "running", "2026-11-24T20:00:00.123456"),
        ("proxy-absent", "service proxy", "exited", 40.0),
        ("user-image-missing", "image jupyter-custom-gpu:latest", "exited", 0.0),
        ("server-without-container", "server of ada (big)", "exited", 50.0),
        ("server-failed", "server of ada", "exited", "2026-11-24T19:00:00"),
        ("server-failed", "server of ada (big)", "exited", "2026-11-24T18:00:00"),
        ("server-failed", "server of nobody", "exited", 0.0),
        ("database-absent", "database /lab/x.sqlite", "exited", 1000.0),
        ("database-damaged", "database /lab/x.sqlite", "exited", 0.0),
        ("memory-low", "the server's memory", "exited", 0.0),
    ],
)
def test_a_problem_began_when_what_it_is_about_did(code, subject, state, expected):
    facts = FACTS | {"stack": {"jupyterhub": HUB | {"state": state}}}
    found = doctor_since.since(error(code, subject, "", ""), facts)
    wanted = doctor_since.seconds(expected + "Z") if isinstance(expected, str) else expected
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T02:01:00+02:00", 60.0),
        ("1970-01-01T00:01:00.250000000Z", 60.25),
        ("0001-01-01T00:00:00Z", 0.0),
        ("", 0.0),
        ("yesterday", 0.0),
    ],
)
def test_times_of_docker_and_the_hub_are_understood(text, expected):
    assert doctor_since.seconds(text) == expected


def test_the_engines_events_are_picked_from_what_it_prints():
    line = {"Action": "die", "timeNano": 5_000_000_000, "Actor": {"ID": "a", "Attributes": {"name": "hub-1"}}}
    docker = cli.Docker("/run/x.sock", lambda *_argv, **_how: cli.Answer("ok", json.dumps(line) + "\n", ""))
    assert doctor_since.at_events(docker) == [event("die", 5.0, "a", name="hub-1")]


@pytest.mark.parametrize("answer", [cli.Answer("failed", "", ""), cli.Answer("ok", "no JSON", "")])
def test_without_events_nothing_is_known(answer):
    assert doctor_since.at_events(cli.Docker("/run/x.sock", lambda *_argv, **_how: answer)) == []
