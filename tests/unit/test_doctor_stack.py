"""_doctor_stack: what runs, compared with compose.yml as it lies there."""

import json
from types import MappingProxyType

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_stack as stack

NETWORK = ({"Id": "net1"},)
IMAGES = MappingProxyType({"hub:1": "sha256:hub", "proxy:1": "sha256:proxy"})
COMPOSE = {"services": {"jupyterhub": {"image": "hub:1"}, "proxy": {"image": "proxy:1"}}}


def container(service, image, network="net1", config="same"):
    return {
        "Name": f"/lab-{service}-1",
        "HostConfig": {"RestartPolicy": {"Name": "no"}},
        "Config": {
            "Labels": {
                "com.docker.compose.service": service,
                "com.docker.compose.config-hash": config,
                "com.docker.compose.image": image,
            }
        },
        "Image": image,
        "NetworkSettings": {"Networks": {"lab": {"NetworkID": network, "Aliases": [service]}}},
        "State": {"Status": "running", "Health": {"Status": "healthy"}},
    }


HUB, PROXY = container("jupyterhub", "sha256:hub"), container("proxy", "sha256:proxy")


def engine(containers=(HUB, PROXY), images=IMAGES, network=NETWORK, compose="ok"):
    """Answer as an engine does that has these things."""

    def answer(argv, **_how):
        words = argv[3:]
        if words[0] == "compose":
            text = json.dumps(COMPOSE) if words[-1] == "--format=json" else "jupyterhub same\nproxy same\n"
            return cli.Answer(compose, text, "yaml: line 3: mapping values are not allowed")
        if words[:2] == ["image", "inspect"]:
            found = images.get(words[2])
            return cli.Answer("ok" if found else "failed", json.dumps([{"Id": found, "Config": {}}]), "No such image")
        if words[:2] == ["network", "inspect"]:
            return cli.Answer("ok" if network else "failed", json.dumps(network), "not found")
        return cli.Answer("ok", "a b" if words[0] == "ps" else json.dumps(containers), "")

    return answer


RUNS = {
    "jupyterhub": {"name": "hub-1", "state": "running", "health": "healthy", "networks": ["lab"], "image": "hub:1"},
    "proxy": {"name": "proxy-1", "state": "running", "health": "healthy", "networks": ["lab"], "image": "proxy:1"},
}


@pytest.fixture
def judged(tmp_path):
    """Judge a stack with a compose.yml; the file's owner and mode are not what this is about."""

    def judged(present=True, runs=MappingProxyType(RUNS), **how):
        if present:
            (tmp_path / "compose.yml").write_text("name: jupyterhub\n")
            (tmp_path / "compose.yml").chmod(0o644)
        found = stack.look(cli.Docker("/run/x.sock", engine(**how)), str(tmp_path), "jupyterhub", "lab", runs)
        found["differences"] = [one for one in found["differences"] if "compose.yml is not as" not in one]
        return [*stack.judge(found, runs)]

    return judged


def proxy(**differs):
    return RUNS | {"proxy": RUNS["proxy"] | differs}


@pytest.mark.parametrize(
    ("how", "codes"),
    [
        ({}, []),
        ({"present": False}, ["compose-absent"]),
        ({"compose": "failed"}, ["compose-unusable"]),
        ({"network": []}, ["network-absent"]),
        ({"runs": proxy(networks=["other"])}, ["off-network"]),
        ({"containers": (HUB, container("proxy", "sha256:proxy", config="other"))}, ["stack-differs"]),
        ({"containers": (HUB, container("proxy", "sha256:older"))}, ["stack-differs"]),
        ({"containers": (HUB, PROXY, container("another", "sha256:x"))}, ["stack-differs"]),
        ({"images": {"hub:1": "sha256:hub"}}, ["stack-image-missing"]),
        # A container that is not well differs, but that is told by its own name.
        ({"containers": (HUB,), "runs": proxy(state="exited", networks=[])}, []),
    ],
)
def test_each_difference_gets_its_name(judged, how, codes):
    assert [problem.code for problem in judged(**how)] == codes


def test_a_missing_image_is_told_with_what_can_not_be_done_without_it(judged):
    (problem,) = judged(images={"proxy:1": "sha256:proxy"})
    assert problem.subject == "image hub:1"
    assert "nor can a home of a new user" in problem.evidence


def test_whoever_was_taken_off_the_network_is_put_back_under_the_name_that_the_others_know(judged):
    (problem,) = judged(runs=proxy(networks=[]))
    assert problem.remedy == "docker network connect --alias proxy lab proxy-1"


def test_what_an_engine_does_not_tell_is_not_missing(tmp_path):
    failing = cli.Docker("/run/x.sock", lambda *_argv, **_how: cli.Answer("failed", "", "context deadline exceeded"))
    found = stack.look(failing, str(tmp_path), "jupyterhub", "lab", RUNS)
    assert (found["has_network"], found["missing"]) == (None, {})


INFO = {
    "ServerVersion": "26.1.5",
    "ClientInfo": {"Plugins": [{"Name": "compose", "Version": "2.26.1"}, {"Name": "buildx", "Version": "0.13"}]},
}


def test_an_engine_without_compose_is_told():
    def told(info):
        return stack.engine(stack.at_engine(cli.Docker("/x.sock", lambda _: cli.Answer("ok", json.dumps(info), ""))))

    assert [*told(INFO)] == []
    (problem,) = told(INFO | {"ClientInfo": {}})
    assert (problem.code, problem.evidence) == (
        "engine-insufficient",
        "the Compose plugin is missing; the buildx plugin is missing.",
    )


def test_of_an_engine_that_says_nothing_nothing_is_said():
    assert [*stack.engine(stack.NO_ENGINE)] == []
