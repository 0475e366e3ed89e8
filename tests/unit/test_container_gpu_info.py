"""container_gpu_info, as Ansible runs it: what it asks an engine that is made up, and what it makes of the answers."""

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.modules import container_gpu_info

ONE, TWO = "GPU-00000000-aaaa", "GPU-00000001-bbbb"


def told(*uuids, code=0, errno=""):
    """Return what the probe prints."""
    gpus = [{"index": n, "uuid": uuid, "name": "T4", "slices": [], "error": 0} for n, uuid in enumerate(uuids)]
    nvml = {"code": code, "text": "", "library": "/usr/lib/libnvidia-ml.so.1", "driver": "550.163.01", "cuda": "12.4"}
    nodes = [{"path": "/dev/nvidiactl", "present": not errno, "errno": errno}]
    return {"device_nodes": nodes, "nvml": nvml | {"gpus": gpus}, "cuda": {"code": 0}, "torch": None}


MADE = {"HostConfig": {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": [f"nvidia.com/gpu={ONE}"]}]}, "Config": {}}


class Engine:
    """An engine that answers by the first word, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.inputs, self.host = [], [], told(ONE, TWO)
        self.answers = {"run": told(ONE), "exec": told(ONE), "container": [MADE], "info": {"CgroupDriver": "systemd"}}

    def __call__(self, argv, stdin="", **_how):
        words = argv[3:]
        self.asked.append(words)
        self.inputs.append(stdin)
        answer = self.answers[words[0]]
        if isinstance(answer, cli.Answer):
            return answer
        return cli.Answer("failed", "", answer) if isinstance(answer, str) else cli.Answer("ok", json.dumps(answer), "")

    def words(self, first):
        return next(words for words in self.asked if words[0] == first)


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def run(engine, capsys, monkeypatch):
    """Run the module as Ansible does; return its result."""
    monkeypatch.setattr(container_gpu_info.cli, "Docker", lambda socket, made=cli.Docker: made(socket, engine))
    monkeypatch.setattr(container_gpu_info.container, "at_host", lambda: engine.host)

    def run(**arguments):
        with patch_module_args(arguments), pytest.raises(SystemExit):
            container_gpu_info.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("check", [False, True])
def test_what_was_seen_is_told_in_full(run, check):
    result = run(image="image", gpus=[ONE], _ansible_check_mode=check)
    result.pop("invocation", None)  # told by ansible-core before 2.21
    assert result == {
        **{"changed": False, "status": "ok", "problems": [], "requested": [ONE], "host_uuids": [ONE, TWO]},
        **{"seen_uuids": [ONE], "uuid_match": True, "injection": "cdi", "survives_daemon_reload": True, "torch": None},
        "device_nodes": [{"path": "/dev/nvidiactl", "present": True, "errno": ""}],
        "nvml": {"code": 0, "text": "", "library": "/usr/lib/libnvidia-ml.so.1"},
        **{"driver": "550.163.01", "cuda": {"version": "12.4", "code": 0}},
    }


def test_a_container_of_an_image_is_shut_off_and_removed(run, engine):
    run(image="image", gpus=[TWO, ONE])
    words = engine.words("run")
    assert {"--rm", "--network=none", "--pull=never", "org.gpulab.jupyterhub=gpu-probe"} <= set(words)
    devices = [after for word, after in zip(words, words[1:], strict=False) if word == "--device"]
    assert devices == [f"nvidia.com/gpu={ONE}", f"nvidia.com/gpu={TWO}"]
    assert "def device_nodes()" in engine.inputs[0]


@pytest.mark.parametrize(("gpus", "expected"), [([ONE, TWO], ["--gpus", f'"device={ONE},{TWO}"']), ([], [])])
def test_the_legacy_hook_is_asked_in_its_own_words(run, engine, gpus, expected):
    engine.answers["run"] = told(*gpus)
    result = run(image="image", gpus=gpus, injection="hook")
    words = engine.words("run")
    assert words[words.index("--entrypoint=/bin/sh") + 1 : words.index("image")] == expected
    assert (result["status"], result["survives_daemon_reload"]) == ("ok", False if gpus else None)


def test_a_container_that_runs_is_looked_at_as_its_own_user(run, engine):
    result = run(container="jupyter-alice")
    assert (result["requested"], result["problems"], result["injection"]) == ([ONE], [], "cdi")
    assert engine.words("exec")[:3] == ["exec", "-i", "jupyter-alice"]
    assert "run" not in [words[0] for words in engine.asked]


@pytest.mark.parametrize(("compute", "asked"), [(True, False), (False, True)])
def test_computing_can_be_left_out(run, engine, compute, asked):
    run(image="image", gpus=[ONE], compute=compute)
    assert ("no-compute" in engine.words("run")) is asked


def test_a_gpu_that_is_gone_is_refused_before_anything_is_started(run, engine):
    result = run(image="image", gpus=["GPU-gone"])
    assert ([problem["code"] for problem in result["problems"]], engine.asked) == (["gpu_unknown"], [])
    assert result["uuid_match"] is False


def test_a_server_that_does_not_tell_is_no_reason_not_to_look(run, engine):
    engine.host = told(code=12)
    result = run(image="image", gpus=[ONE])
    assert (result["host_uuids"], result["problems"]) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": "image", "gpus": ["0"]}, "gpus names what is no UUID: 0."),
        ({"image": "image", "gpus": [ONE, "all"]}, "gpus names what is no UUID: all."),
        ({"image": "image", "fail_on": ["gpu_on_fire"]}, "fail_on names no problem: gpu_on_fire."),
        ({"image": "image", "container": "name"}, "mutually exclusive"),
        ({}, "one of the following is required"),
    ],
)
def test_wrong_arguments_are_refused_in_words(run, engine, arguments, words):
    result = run(**arguments)
    assert (result["failed"], engine.asked) == (True, [])
    assert words in result["msg"]


@pytest.mark.parametrize(("fail_on", "failed"), [([], False), (["wrong_gpu"], False), (["not_injected"], True)])
def test_a_problem_is_a_failure_only_as_asked(run, engine, fail_on, failed):
    engine.answers["exec"] = told(code=999, errno="ENOENT")
    result = run(container="jupyter-alice", gpus=[ONE], fail_on=fail_on)
    assert result.get("failed", False) is failed
    assert ("Mend: The container was made without a GPU" in result.get("msg", "")) is failed
    assert [problem["code"] for problem in result["problems"]] == ["not_injected"]


def test_a_container_that_never_answers_is_removed(run, engine):
    engine.answers |= {"run": cli.Answer("hung", "", "docker run: no answer within 120 seconds"), "rm": []}
    (problem,) = run(image="image", gpus=[ONE])["problems"]
    assert (problem["code"], problem["evidence"]["text"]) == (
        "probe_not_run",
        "docker run: no answer within 120 seconds",
    )
    (name,) = [word.partition("=")[2] for word in engine.words("run") if word.startswith("--name=")]
    assert engine.words("rm") == ["rm", "--force", name]


def test_the_engines_refusal_is_an_answer(run, engine):
    engine.answers["container"] = "Error response from daemon: No such container: jupyter-bob"
    result = run(container="jupyter-bob")
    (problem,) = result["problems"]
    assert (problem["code"], problem["evidence"]["command"]) == ("container_missing", "docker inspect")
    assert (result["nvml"]["code"], result["device_nodes"], result["seen_uuids"]) == (None, [], [])


def test_the_server_is_asked_by_the_probe_itself():
    host = container_gpu_info.container.at_host()
    assert {"device_nodes", "nvml", "cuda", "torch"} == host.keys()
