"""_doctor_evidence: a secret is planted in everything that goes into a bundle, and in no text that comes out."""

import json

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_evidence as evidence

SECRETS = {"0123456789abcdef": "cookie_secret", "Vz8-tqpX+admin": "admin_password", "first-of-ada": "users/ada"}
FORMS = [
    "https_proxy=http://ada:pass-in-a-url@proxy:3128",
    "postgresql://hub:pass-in-a-url@db/hub",
    "Cookie: jupyterhub-hub-login=pass-in-a-url",
    "client_secret = 'pass-in-a-url'",
    "-----BEGIN PRIVATE KEY-----\npass-in-a-url\n-----END PRIVATE KEY-----",
]
PLANTED = "\n".join([*SECRETS, *FORMS])
HUB = {"name": "hub-1", "service": "jupyterhub"}
FACTS = {
    "stack": {"jupyterhub": HUB},
    "user_containers": [{"name": "jupyter-ada"}],
    "events": [{"action": "die", "attributes": {"name": PLANTED}}],
}


@pytest.fixture
def root(tmp_path):
    for name in ("compose.yml", "config/jupyterhub_config.py", "state/server-failures.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"# begin\n{PLANTED}\n# end\n")
    with (tmp_path / "config/jupyterhub_config.py").open("a") as config:
        config.write("c.LabSpawner.environment = {'LICENCE': 'in-an-environment'}\n")
    return tmp_path


def answer(argv, **_how):
    """Stand for every command: a secret is in whatever it prints."""
    if argv[3:5] == ["container", "inspect"]:
        env = [f"JUPYTERHUB_API_TOKEN={PLANTED}", "LICENCE=in-an-environment"]
        return cli.Answer("ok", json.dumps([{"Config": {"Env": env, "Cmd": [PLANTED]}, "Name": "hub-1"}]), "")
    return cli.Answer("ok", f"begin {PLANTED}\nend", PLANTED)


def collect(root, run=answer):
    return evidence.collect(cli.Docker("/run/x.sock", run), run, FACTS, str(root), SECRETS)


def test_nothing_that_was_planted_comes_out(root, monkeypatch):
    # The server's own files too: an engine's options may hold a proxy with a password.
    monkeypatch.setattr(evidence, "_DAEMON_JSON", root / "compose.yml")
    monkeypatch.setattr(evidence, "_SERVER", (str(root / "compose.yml"),))
    texts = collect(root)
    planted = {name for name, text in texts.items() if "***" in text}
    assert planted == set(texts)
    assert {"compose.yml", "jupyterhub_config.py", "server-failures.jsonl", "jupyterhub.log"} <= planted
    assert {"docker-info.json", "docker-inspect.json", "docker-events.json", "engine.log", "daemon.json"} <= planted
    whole = "\n".join(texts.values())
    assert [secret for secret in [*SECRETS, "pass-in-a-url", "in-an-environment"] if secret in whole] == []


def test_what_is_of_use_comes_out(root):
    texts = collect(root)
    assert (texts["compose.yml"].startswith("# begin\n"), texts["compose.yml"].endswith("# end\n")) == (True, True)
    assert json.loads(texts["docker-inspect.json"])[0]["Name"] == "hub-1"
    assert "MemTotal" in texts["server.txt"]


def test_without_an_engine_and_a_lab_there_is_still_the_server(tmp_path):
    down = cli.Answer("down", "", "Cannot connect to the Docker daemon")
    texts = collect(tmp_path, lambda *_argv, **_how: down)
    assert texts["docker-ps.txt"] == "Cannot connect to the Docker daemon"
    assert texts["compose.yml"] == f"{tmp_path}/compose.yml: No such file or directory"


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        (cli.Answer("ok", "dockerd said so", ""), "dockerd said so"),
        (cli.Answer("ok", "-- No entries --\n", ""), "its own file"),
        (cli.Answer("missing", "", "journalctl: command not found"), "its own file"),
    ],
)
def test_the_engines_log_is_found_with_a_service_manager_or_without(root, monkeypatch, journal, expected):
    (root / "docker.log").write_text("its own file")
    monkeypatch.setattr(evidence, "_ENGINE_LOG", root / "docker.log")
    texts = collect(root, lambda argv, **_how: journal if argv[0] == "journalctl" else answer(argv))
    assert texts["engine.log"] == expected


def test_of_a_long_log_the_end_is_kept(root):
    long = cli.Answer("ok", "a line\n" * 100_000 + "the end", "")
    text = collect(root, lambda *_argv, **_how: long)["docker-ps.txt"]
    assert (len(text), text.endswith("the end")) == (300_000, True)


def test_no_environment_is_kept_at_any_depth():
    entry = {"Config": {"Env": ["A=b"], "x": [{"environment": {"A": "b"}, "y": 1}]}, "z": "Env"}
    assert evidence.without_env(entry) == {"Config": {"x": [{"y": 1}]}, "z": "Env"}
