"""_hub_look: what the engine and the hub say is picked, paired and cleaned; Docker's command line is recorded."""

import json
import os
from types import SimpleNamespace

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _hub_look as look
from ansible_collections.gpulab.jupyterhub.tests.unit.hub_door import REPLIES

# Recorded from Docker 26.1.
DENIED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/info": dial unix /var/run/docker.sock: connect: permission denied'
)
DOWN = "Cannot connect to the Docker daemon at unix:///nonexist.sock. Is the docker daemon running?"
NO_IMAGE = "Error response from daemon: No such image: jupyter-custom-gpu:latest"
NO_CONTAINER = "Error response from daemon: No such container: bbbb"


def inspected(key, name, labels, network="jupyterhub", **state):
    """Return what `docker inspect` says of a container, in so far as it matters, with a secret in it."""
    return {
        "Id": key * 16,
        "Name": f"/{name}",
        "State": {"Status": "running", "OOMKilled": False, "ExitCode": 0, "Error": "", "StartedAt": "2026"} | state,
        "RestartCount": 0,
        "NetworkSettings": {"Networks": {network: {}}},
        "Config": {"Image": "an-image", "Env": ["JUPYTERHUB_API_TOKEN=very-secret"], "Labels": labels},
    }


PROXY = inspected("aaaa", "jupyterhub-proxy-1", {"com.docker.compose.service": "proxy"})
HUB = inspected(
    "bbbb", "jupyterhub-jupyterhub-1", {"com.docker.compose.service": "jupyterhub"}, Health={"Status": "unhealthy"}
)
ALICE = inspected("cccc", "jupyter-alice", {"org.gpulab.jupyterhub.user": "alice"})
LISTING = "\n".join(
    [
        f"{'aaaa' * 16}\tjupyterhub-proxy-1\tjupyterhub\tstack\t",
        f"{'bbbb' * 16}\tjupyterhub-jupyterhub-1\tjupyterhub\tstack\t",
        f"{'cccc' * 16}\tjupyter-alice\t\tsingleuser\talice",
        f"{'dddd' * 16}\tjupyter-other\tanother-project\t\t",
        f"{'eeee' * 16}\tlab-home-helper\t\thome-helper\talice",
        f"{'ffff' * 16}\tdatabase\t\t\t",
        f"{'9999' * 16}\ttried-by-hand\t\tsingleuser\t",
    ]
)


class Engine:
    """Answers Docker's command line from a table, and keeps what it was asked."""

    def __init__(self, **differs):
        self.asked = []
        self.answers = {
            "info": cli.Answer("ok", json.dumps({"ServerVersion": "26.1.5", "DockerRootDir": "/var/lib/docker"}), ""),
            "ps": cli.Answer("ok", LISTING, ""),
            "container": cli.Answer("ok", json.dumps([PROXY, HUB, ALICE]), ""),
            "image": cli.Answer("ok", json.dumps([{"Config": {"Labels": {look.VERSION_LABEL: "6.1.1"}}}]), ""),
            "logs": cli.Answer("ok", "GET /hub?token=abc123 (1ms)\n", "[E] stuck\n"),
        } | differs

    def __call__(self, argv):
        assert argv[:3] == ["docker", "--host", "unix:///run/x.sock"]
        self.asked.append(argv[3:])
        answer = self.answers[argv[3]]
        return answer.pop(0) if isinstance(answer, list) else answer


def at_engine(**differs):
    engine = Engine(**differs)
    facts = look.at_engine(cli.Docker("/run/x.sock", engine), "jupyterhub", "jupyter-custom-gpu:latest")
    return facts, engine.asked


def test_stack_and_users_are_picked_and_nobody_else():
    facts, asked = at_engine()
    assert sorted(facts["stack"]) == ["jupyterhub", "proxy"]
    assert [container["name"] for container in facts["user_containers"]] == ["jupyter-alice"]
    assert facts["user_containers"][0]["user"] == "alice"
    assert ["container", "inspect", "aaaa" * 16, "bbbb" * 16, "cccc" * 16] in asked
    assert facts["user_image"] == {"name": "jupyter-custom-gpu:latest", "present": True, "jupyterhub": "6.1.1"}


def test_another_labs_users_are_not_this_labs():
    other = inspected("cccc", "jupyter-alice", {"org.gpulab.jupyterhub.user": "alice"}, network="other-lab")
    facts, _asked = at_engine(container=cli.Answer("ok", json.dumps([PROXY, HUB, other]), ""))
    assert facts["user_containers"] == []


def test_without_a_hub_every_users_container_may_be_this_labs():
    facts, _asked = at_engine(container=cli.Answer("ok", json.dumps([ALICE]), ""))
    assert [container["name"] for container in facts["user_containers"]] == ["jupyter-alice"]


def test_only_the_log_of_an_ill_container_is_read_and_its_secrets_are_blanked():
    facts, asked = at_engine()
    assert [words for words in asked if words[0] == "logs"] == [["logs", "--tail", "15", "jupyterhub-jupyterhub-1"]]
    assert facts["stack"]["jupyterhub"]["log"] == "GET /hub?token=*** (1ms)\n[E] stuck"


def test_no_environment_of_a_container_is_kept():
    assert "very-secret" not in json.dumps(at_engine()[0])


@pytest.mark.parametrize("error", [DENIED, DOWN])
def test_an_engine_that_does_not_answer_is_told_and_asked_no_more(error):
    state = cli.state_of(1, error)
    facts, asked = at_engine(info=cli.Answer(state, "{}", error))
    assert facts["engine"]["state"] == state
    assert facts["engine"]["detail"] == error
    assert len(asked) == 1


def test_a_client_that_ends_well_without_an_engine_is_not_believed():
    facts, _asked = at_engine(info=cli.Answer("ok", json.dumps({"ServerVersion": "", "ServerErrors": [DOWN]}), ""))
    assert (facts["engine"]["state"], facts["engine"]["detail"]) == ("down", DOWN)


def test_a_missing_image_is_told_as_missing_and_a_silent_engine_is_not():
    assert at_engine(image=cli.Answer("failed", "[]", NO_IMAGE))[0]["user_image"]["present"] is False
    assert at_engine(image=cli.Answer("hung", "", ""))[0]["user_image"]["present"] is None


def test_a_container_that_goes_meanwhile_hides_no_other():
    left = "aaaa" * 16 + "\n" + "cccc" * 16
    facts, asked = at_engine(
        ps=[cli.Answer("ok", LISTING, ""), cli.Answer("ok", left, "")],
        container=[cli.Answer("failed", "[]", NO_CONTAINER), cli.Answer("ok", json.dumps([PROXY, ALICE]), "")],
    )
    assert ["container", "inspect", "aaaa" * 16, "cccc" * 16] in asked
    assert (list(facts["stack"]), len(facts["user_containers"])) == (["proxy"], 1)


def test_a_server_without_any_container_is_asked_for_none():
    facts, asked = at_engine(ps=cli.Answer("ok", "", ""))
    assert (facts["stack"], facts["user_containers"]) == ({}, [])
    assert "container" not in [words[0] for words in asked]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (DENIED, "denied"),
        (DOWN, "down"),
        ("failed to connect to the docker API at unix:///var/run/docker.sock", "down"),
        ("The command 'docker' could not be found in this WSL 2 distro.", "missing"),
        (NO_IMAGE, "failed"),
    ],
)
def test_dockers_words_tell_why_it_failed(text, state):
    assert cli.state_of(1, text) == state


def test_a_command_that_is_not_there_is_missing(tmp_path, monkeypatch):
    assert cli.command(["no-such-docker", "ps"]) == cli.Answer("missing", "", "no-such-docker: command not found")


def test_a_hung_engine_is_waited_for_once():
    asked = []

    def answer(argv, **_how):
        asked.append(argv)
        return cli.Answer("hung" if argv == ["docker", "ps"] else "ok", "", "")

    run = cli.Impatient(answer)
    assert [run(["docker", word]).state for word in ("info", "ps", "images", "ps")] == ["ok", "hung", "hung", "hung"]
    assert len(asked) == 2
    assert run.hung.state == "hung"


@pytest.mark.parametrize(
    ("streak", "since"),
    [(0, ""), (1, "3"), (2, "2"), (3, "1"), (4, "")],
)
def test_a_health_check_tells_since_when_it_fails_while_docker_remembers(streak, since):
    health = {"Status": "unhealthy", "FailingStreak": streak, "Log": [{"Start": at} for at in "123"]}
    assert look.parse_container(inspected("bbbb", "hub", {}, Health=health))["failing_since"] == since


@pytest.mark.parametrize(
    ("host", "has"),
    [({}, False), ({"DeviceRequests": None, "Devices": []}, False), ({"DeviceRequests": [{"Count": -1}]}, True)],
)
def test_whether_a_container_was_given_devices_is_known(host, has):
    assert look.parse_container(inspected("cccc", "jupyter-alice", {}) | {"HostConfig": host})["devices"] is has


def test_a_command_that_hangs_is_given_up():
    answer = cli.command(["sleep", "60"], timeout=0.1)
    assert (answer.state, answer.err) == ("hung", "sleep 60: no answer within 0.1 seconds")


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("GET /hub?token=abc&x=1", "GET /hub?token=***&x=1"),
        ("Authorization: token abc", "Authorization: token ***"),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("Authorization: Basic bWU6cHc=", "Authorization: Basic ***"),
        ("Failed to connect to db: postgresql://hub:pw@db/x", "Failed to connect to db: postgresql://***@db/x"),
        ("Cookie: jupyterhub-session-id=abc; _xsrf=def", "Cookie: ***"),
        ("api_key=abc passwd=abc", "api_key=*** passwd=***"),
        ("{'password': 'a b c', 'a': 1}", "{'password': ***, 'a': 1}"),
        ("a token was refused", "a token was refused"),
        ("\x1b[32minfo\x1b[39m: a\tb\r\n\x1b]0;title\x07c", "info: a\tb\n0;titlec"),
    ],
)
def test_secrets_in_a_log_are_blanked_and_nothing_else(text, blanked):
    assert look.redacted(text) == blanked


@pytest.mark.parametrize(
    ("content", "token", "state"), [("abc\n", "abc", "ok"), (" \n", "", "empty"), (b"\xff\xfe", "", "unreadable")]
)
def test_a_token_is_read_as_one_line(tmp_path, content, token, state):
    path = tmp_path / "token"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, facts = look.at_token(str(path))
    assert (found, facts["state"]) == (token, state)


def test_a_token_file_that_is_none_is_told(tmp_path):
    assert look.at_token(str(tmp_path / "none"))[1]["state"] == "absent"
    assert look.at_token(str(tmp_path))[1] == {
        "file": str(tmp_path),
        "state": "unreadable",
        "detail": "Is a directory",
    }


def test_a_server_is_paired_with_its_container():
    users = REPLIES["known"]["/api/users?offset=0&limit=200"]["body"]["items"]
    (found,) = look.servers(users, [look.parse_container(ALICE)])
    assert (found["user"], found["ready"], found["container"]["name"]) == ("alice", True, "jupyter-alice")


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ({"name": "", "state": {"object_name": "odd-alice"}}, "odd-alice"),
        ({"name": "", "state": None}, "jupyter-alice"),
        ({"name": "gpu", "state": {"pid": 1}}, "jupyter-alice--gpu"),
    ],
)
def test_a_container_is_named_as_its_spawner_recorded_it(server, name):
    assert look.container_name("alice", server) == name


def test_a_file_system_is_measured_once(tmp_path):
    (tmp_path / "a").mkdir()
    found = SimpleNamespace(f_bavail=2 * 262144, f_blocks=10 * 262144, f_frsize=4096)
    paths = [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "none"), ""]
    assert look.at_disks(paths, lambda _: found) == [{"path": str(tmp_path), "free_gb": 2.0, "total_gb": 10.0}]
    assert look.at_disks([os.sep])[0]["total_gb"] > 0
