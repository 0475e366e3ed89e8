"""_doctor_names: a real name server on this machine, those that do not answer, and what the containers see."""

import json
import socket
import subprocess
import sys
import threading

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_names as names


def asked(servers, proxy="172.18.0.2"):
    return {
        "servers": {address: {"rcode": rcode, "why": ""} for address, rcode in servers.items()},
        "names": {"proxy": {"address": proxy, "why": "" if proxy else "Name or service not known"}},
    }


WELL = {"server": asked({"192.0.2.53": 0}), "lab": asked({"127.0.0.11": 0})}


@pytest.mark.parametrize(
    ("differs", "codes"),
    [
        ({}, []),
        ({"server": None}, []),
        ({"lab": None}, []),
        ({"server": asked({})}, []),
        ({"server": asked({"192.0.2.53": 5})}, []),
        ({"server": asked({"192.0.2.53": None})}, ["names-no-answer"]),
        ({"server": asked({"192.0.2.53": None, "192.0.2.54": 0})}, ["names-slow"]),
        ({"lab": asked({"127.0.0.11": 0}, proxy="")}, ["names-lab-broken"]),
        ({"lab": asked({"127.0.0.11": 2})}, ["names-not-in-containers"]),
        ({"lab": asked({"127.0.0.11": None})}, ["names-not-in-containers"]),
        # The containers ask whom the server asks: one cause, one problem.
        ({"server": asked({"192.0.2.53": None}), "lab": asked({"127.0.0.11": 2})}, ["names-no-answer"]),
    ],
)
def test_what_is_broken_gets_its_name(differs, codes):
    assert [problem.code for problem in names.judge(WELL | differs, "jupyterhub")] == codes


def test_the_network_to_look_at_is_the_labs():
    (problem,) = names.judge(WELL | {"lab": asked({"127.0.0.11": 0}, proxy="")}, "campus-lab")
    assert "docker network inspect campus-lab shows" in problem.remedy


def test_what_was_not_seen_is_told_as_that():
    assert names.told(WELL) == ("192.0.2.53 answers the server and the containers", "")
    assert names.told(WELL | {"server": None})[1] == "asking took too long"
    assert "names no name server" in names.told(WELL | {"server": asked({})})[1]


@pytest.fixture(params=[0, 1], ids=["to everything", "but to the root"])
def name_server(request):
    """A name server that refuses questions, which is an answer, after as many as it drops; return its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def serve():
            for _try in range(request.param):
                line.recvfrom(4096)
            question, where = line.recvfrom(4096)
            line.sendto(question[:2] + bytes.fromhex("81850001000000000000") + question[12:], where)

        threading.Thread(target=serve, daemon=True).start()
        yield line.getsockname()[1]


def run(resolv, port):
    program = names._ASK.replace("/etc/resolv.conf", str(resolv)).replace("53)", f"{port})")
    done = subprocess.run([sys.executable, "-c", program, "no.such.host.invalid"], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_a_refusal_is_an_answer_and_silence_is_none(tmp_path, name_server):
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("# mine\nsearch lab\nnameserver 127.0.0.1\nnameserver 127.0.0.2\n")
    found = run(resolv, name_server)
    assert found["servers"]["127.0.0.1"] == {"rcode": 5, "why": ""}
    assert found["servers"]["127.0.0.2"]["rcode"] is None
    assert found["names"]["no.such.host.invalid"]["address"] == ""


def test_a_server_without_resolv_conf_has_none_to_ask(tmp_path):
    assert run(tmp_path / "none", 53)["servers"] == {}


def test_the_containers_are_asked_through_the_hub_if_it_runs():
    told = []

    def answer(argv, **_how):
        told.append(argv[3:])
        return cli.Answer("ok", json.dumps(WELL["lab"]), "")

    docker = cli.Docker("/run/x.sock", answer)
    assert names.look(docker, {"name": "hub", "state": "running"})["lab"] == WELL["lab"]
    assert told[0][:3] == ["exec", "--env=RES_OPTIONS=timeout:1 attempts:1", "hub"]
    assert names.look(docker, {"name": "hub", "state": "exited"})["lab"] is None
    assert names.look(docker, None)["lab"] is None
    assert len(told) == 1


def test_an_engine_that_fails_gives_no_answer():
    docker = cli.Docker("/run/x.sock", lambda *_argv, **_how: cli.Answer("failed", "", "exec failed"))
    assert names.look(docker, {"name": "hub", "state": "running"})["lab"] is None
