"""hub_stack_info: whatever Compose, or a person, would call different is told; what is as it shall be is not."""

import copy
import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _file_tree, _hub_stack
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._hub_stack import Found, Wanted, differences, replaced
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_stack_info

NETWORK = {"Id": "net-1"}


def container(service, **state):
    """Return what `docker container inspect` says of a service's container, in so far as it matters."""
    labels = {"service": service, "config-hash": f"hash-{service}", "image": f"id-{service}"}
    return {
        "Image": f"id-{service}",
        "State": {"Status": "running", "Health": {"Status": "healthy"}} | state,
        "Config": {"Labels": {f"com.docker.compose.{name}": value for name, value in labels.items()}},
        "NetworkSettings": {"Networks": {"jupyterhub": {"NetworkID": "net-1"}}},
    }


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    # The file is root's on a server, and this test's here.
    monkeypatch.setattr(_hub_stack, "plan", lambda entry: _file_tree.plan(entry.__class__(**vars(entry) | OWNER)))
    (tmp_path / "compose.yml").write_text("name: lab\n")
    (tmp_path / "compose.yml").chmod(0o644)
    owner = (tmp_path / "compose.yml").stat()
    OWNER.update(uid=owner.st_uid, gid=owner.st_gid)
    images = {"jupyterhub": "gpulab/hub:1", "proxy": "gpulab/proxy:1"}
    return Wanted(tmp_path / "compose.yml", "name: lab\n", "lab", images, "jupyterhub")


OWNER: dict[str, int] = {}


@pytest.fixture
def found():
    return Found(
        {"jupyterhub": "hash-jupyterhub", "proxy": "hash-proxy"},
        {"gpulab/hub:1": "id-jupyterhub", "gpulab/proxy:1": "id-proxy"},
        [container("jupyterhub"), container("proxy")],
        [copy.deepcopy(NETWORK)],
    )


def test_a_stack_as_it_shall_be_has_nothing_to_tell(wanted, found):
    assert differences(wanted, found) == []


def test_a_service_without_a_health_check_is_well_when_it_runs(wanted, found):
    del found.containers[0]["State"]["Health"]
    assert differences(wanted, found) == []


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda f: f.hashes.clear(), "jupyterhub was made from other settings"),
        (lambda f: f.hashes.update(proxy="other"), "proxy was made from other settings"),
        (lambda f: f.image_ids.update({"gpulab/hub:1": "newer"}), "jupyterhub was made from another image"),
        (lambda f: f.image_ids.update({"gpulab/hub:1": ""}), "jupyterhub was made from another image"),
        (lambda f: f.containers.pop(), "the service proxy has 0 containers"),
        (lambda f: f.containers.append(container("proxy")), "the service proxy has 2 containers"),
        (lambda f: f.containers.append(container("extra")), "the service extra does not belong"),
        (lambda f: f.containers[0]["State"].update(Status="paused"), "jupyterhub is paused"),
        (lambda f: f.containers[1]["State"].update(Health={"Status": "unhealthy"}), "proxy is running and unhealthy"),
        (lambda f: f.containers[1]["State"].update(Health={"Status": "starting"}), "proxy is running and starting"),
        (lambda f: f.containers[1]["NetworkSettings"]["Networks"].clear(), "proxy is not on the network jupyterhub"),
        (lambda f: f.networks.clear(), "there is no network jupyterhub"),
        (lambda f: f.networks[0].update(Id="net-2"), "jupyterhub is not on the network jupyterhub"),
    ],
)
def test_what_differs_is_named(wanted, found, break_it, told):
    break_it(found)
    assert told in "\n".join(differences(wanted, found))


@pytest.mark.parametrize(
    "break_it",
    [
        lambda path: path.write_text("name: other\n"),
        lambda path: path.chmod(0o600),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_file_that_differs_is_named(wanted, found, break_it):
    break_it(wanted.path)
    assert str(wanted.path) in "\n".join(differences(wanted, found))


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda _f: None, []),
        (lambda f: f.hashes.update(proxy="other"), ["proxy"]),
        (lambda f: f.image_ids.update({"gpulab/hub:1": "newer"}), ["jupyterhub"]),
        (lambda f: f.networks.clear(), ["jupyterhub", "proxy"]),
        # Nobody uses what does not run, and Compose leaves alone what is only unwell.
        (lambda f: (f.hashes.clear(), f.containers[1]["State"].update(Status="exited")), ["jupyterhub"]),
        (lambda f: f.containers[1]["State"].update(Health={"Status": "unhealthy"}), []),
        (lambda f: f.containers.append(container("extra")), []),
    ],
)
def test_whose_running_container_goes_is_named(wanted, found, break_it, told):
    break_it(found)
    assert replaced(wanted, found) == told


# --- The module, and what it asks the engine ---


@pytest.fixture
def run(wanted, found, monkeypatch, capsys, tmp_path):
    """Runs the module as Ansible does, with an engine whose answers come from a table."""
    (tmp_path / "docker.sock").touch()
    asked = []

    def engine(argv, stdin=""):
        words = argv[3:]
        asked.append((words, stdin))
        if words[0] == "ps":
            return cli.Answer("ok", "aaaa\nbbbb\n", "")
        if words[0] == "compose":
            return cli.Answer("ok", "".join(f"{name} {value}\n" for name, value in found.hashes.items()), "")
        if words[0] == "image":
            return cli.Answer("ok", json.dumps([{"Id": found.image_ids[words[2]]}]), "")
        return cli.Answer("ok", json.dumps({"container": found.containers, "network": found.networks}[words[0]]), "")

    def run(answers=engine, check=False, **arguments):
        monkeypatch.setattr(hub_stack_info, "Docker", lambda socket: cli.Docker(socket, run=answers))
        basics = {"path": str(wanted.path), "compose": wanted.compose, "project": "lab", "images": wanted.images}
        basics |= {"docker_socket": str(tmp_path / "docker.sock"), "_ansible_check_mode": check}
        with patch_module_args(basics | arguments), pytest.raises(SystemExit):
            hub_stack_info.main()
        return json.loads(capsys.readouterr().out)

    run.asked = asked
    return run


def test_the_module_finds_a_quiet_lab_quiet(run):
    result = run()
    assert (result["differences"], result["replaced"], result["has_network"]) == ([], [], True)


def test_the_socket_s_group_goes_into_the_file_and_to_compose(run, tmp_path):
    gid = (tmp_path / "docker.sock").stat().st_gid
    result = run(compose="group: '{socket_gid}'\n")
    assert result["compose"] == f"group: '{gid}'\n"
    assert [stdin for words, stdin in run.asked if words[0] == "compose"] == [result["compose"]]
    assert result["differences"] == [f"{tmp_path}/compose.yml is not as it shall be"]


def test_a_compose_that_refuses_leaves_the_words_to_up(run, found):
    found.hashes.clear()
    assert "jupyterhub was made from other settings" in run()["differences"][0]


def down(_argv, **_how):
    return cli.Answer("down", "", "Cannot connect to the Docker daemon")


def test_no_engine_is_a_failure_with_its_mend_but_for_check_mode(run):
    assert "./run.sh server" in run(down)["msg"]
    assert run(down, check=True)["engine_answers"] is False
