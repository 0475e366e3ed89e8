"""hub_stack_info: whatever Compose, or a person, would call different is told; what is as it shall be is not."""

import copy
import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _file_tree, _hub_stack
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._hub_stack import Found, Wanted, differences
from ansible_collections.gpulab.jupyterhub.plugins.modules import hub_stack_info

NETWORK = {"Id": "net-1"}
SERVICES = {
    "jupyterhub": {"image": "gpulab/hub:1", "restart": "unless-stopped", "depends_on": ["proxy"]},
    "proxy": {"image": "gpulab/proxy:1", "restart": "unless-stopped"},
}
DIGEST = "org.gpulab.jupyterhub.digest"
CONFIG = "/lab/config/config.py"


def image(name, digest="1"):
    """Return what `docker image inspect` says, in so far as it matters."""
    return {"Id": name, "Config": {"Labels": {DIGEST: digest}}}


def container(service, **state):
    """Return what `docker container inspect` says of a service's container, in so far as it matters."""
    labels = {"service": service, "config-hash": f"hash-{service}", "image": f"id-{service}"}
    return {
        "Name": f"/lab-{service}-1",
        "Image": f"id-{service}",
        "State": {"Status": "running", "Health": {"Status": "healthy"}} | state,
        "Config": {"Labels": {f"com.docker.compose.{name}": value for name, value in labels.items()}},
        "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}, "Memory": 0, "PidsLimit": None, "CpusetCpus": ""},
        "NetworkSettings": {"Networks": {"jupyterhub": {"NetworkID": "net-1", "Aliases": [service]}}},
        "lost_mounts": [],
    }


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    # The file is root's on a server, and this test's here.
    monkeypatch.setattr(_hub_stack, "plan", lambda entry: _file_tree.plan(entry.__class__(**vars(entry) | OWNER)))
    (tmp_path / "compose.yml").write_text("name: lab\n")
    (tmp_path / "compose.yml").chmod(0o644)
    owner = (tmp_path / "compose.yml").stat()
    OWNER.update(uid=owner.st_uid, gid=owner.st_gid)
    reads, records = {"jupyterhub": {CONFIG: "abc"}}, {"jupyterhub": str(tmp_path / "read.json")}
    return Wanted(tmp_path / "compose.yml", "name: lab\n", "lab", SERVICES, "jupyterhub", reads, records)


OWNER: dict[str, int] = {}


@pytest.fixture
def found():
    return Found(
        {"jupyterhub": "hash-jupyterhub", "proxy": "hash-proxy"},
        {"gpulab/hub:1": image("id-jupyterhub"), "gpulab/proxy:1": image("id-proxy")},
        [container("jupyterhub"), container("proxy")],
        [copy.deepcopy(NETWORK)],
        {"jupyterhub": {"config.py": "abc"}},
    )


def test_a_stack_as_it_shall_be_has_nothing_to_tell(wanted, found):
    assert differences(wanted, found).all == []


def test_a_service_without_a_health_check_is_well_when_it_runs(wanted, found):
    del found.containers[0]["State"]["Health"]
    assert differences(wanted, found).all == []


def joined(found, number):
    return found.containers[number]["NetworkSettings"]["Networks"]


SEEN_BY_COMPOSE = [
    (lambda f: f.hashes.clear(), "jupyterhub was made from other settings"),
    (lambda f: f.hashes.update(proxy="other"), "proxy was made from other settings"),
    (lambda f: f.images.update({"gpulab/hub:1": image("newer")}), "jupyterhub was made from another image"),
    (lambda f: f.images.update({"gpulab/hub:1": {}}), "jupyterhub was made from another image"),
    (lambda f: f.images.update({"gpulab/hub:1": {"Id": "x", "Config": {}}}), "jupyterhub was made from another image"),
    (lambda f: f.containers.pop(), "the service proxy has no container"),
    (lambda f: f.containers.append(container("proxy")), "the service proxy has 2 containers"),
    (lambda f: f.containers.append(container("extra")), "lab-extra-1 is of no service of the project lab"),
    (lambda f: f.containers[1]["State"].update(Status="exited"), "proxy is exited"),
]


@pytest.mark.parametrize(("break_it", "told"), SEEN_BY_COMPOSE)
def test_what_compose_sees_is_named_and_left_to_it(wanted, found, break_it, told):
    break_it(found)
    differing = differences(wanted, found)
    assert told in "\n".join(differing.services)
    assert differing.overlooked == []


@pytest.mark.parametrize("moved", [{}, image("other", "7"), {"Id": "other", "Config": {"Labels": None}}])
def test_a_container_of_an_image_whose_name_was_taken_stays(wanted, found, moved):
    found.containers[0]["Config"]["Labels"][DIGEST] = "1"
    found.images["gpulab/hub:1"] = moved
    assert differences(wanted, found).all == []
    found.containers[0]["Config"]["Labels"][DIGEST] = "0"
    assert "jupyterhub was made from another image" in differences(wanted, found).all[0]


OVERLOOKED = [
    (0, lambda f: f.containers[0]["State"].update(Status="paused"), "jupyterhub is paused"),
    (1, lambda f: joined(f, 1).clear(), "proxy is not on the network jupyterhub"),
    (1, lambda f: joined(f, 1).update(bridge={"NetworkID": "x"}), "proxy is on the network bridge, where"),
    (1, lambda f: joined(f, 1)["jupyterhub"].update(Aliases=["lab-proxy-1"]), "proxy is not found as proxy on"),
    (0, lambda f: joined(f, 0)["jupyterhub"].update(NetworkID="net-0"), "jupyterhub is not on the network jupyterhub"),
    (1, lambda f: f.containers[1]["HostConfig"].update(Memory=4096), "proxy has a limit that compose.yml does not set"),
    (
        1,
        lambda f: f.containers[1]["HostConfig"]["RestartPolicy"].update(Name="no"),
        "has the restart policy no instead",
    ),
    (0, lambda f: f.containers[0]["lost_mounts"].append("/srv/state"), "keeps a /srv/state that is gone"),
    (0, lambda f: f.records["jupyterhub"].clear(), f"jupyterhub read another {CONFIG} when it started than"),
    (0, lambda f: f.records.update(jupyterhub=None), "jupyterhub has not left on record what it read"),
]


@pytest.mark.parametrize(("number", "break_it", "told"), OVERLOOKED)
def test_what_compose_overlooks_is_named_and_made_anew(wanted, found, number, break_it, told):
    break_it(found)
    differing = differences(wanted, found)
    assert told in "\n".join(differing.services)
    assert (len(differing.services), differing.overlooked) == (1, [list(SERVICES)[number]])


def test_a_network_that_is_gone_is_named_and_whoever_was_on_it_is_made_anew(wanted, found):
    found.networks.clear()
    differing = differences(wanted, found)
    assert differing.networks == ["there is no network jupyterhub"]
    # What others depend on comes first.
    assert differing.overlooked == ["proxy", "jupyterhub"]


def test_what_is_made_anew_anyway_is_not_asked_what_it_read(wanted, found):
    found.hashes.update(jupyterhub="other")
    assert differences(wanted, found._replace(records={})).overlooked == []


@pytest.mark.parametrize("state", [{"Health": {"Status": "unhealthy"}}, {"Status": "restarting"}])
def test_what_is_only_unwell_is_waited_for_and_no_change(wanted, found, state):
    found.containers[1]["State"].update(state)
    differing = differences(wanted, found)
    assert "the container of proxy is " in differing.all[0]
    assert (differing.services, differing.overlooked) == ([], [])


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
    assert str(wanted.path) in "\n".join(differences(wanted, found).files)


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda _f: None, []),
        (lambda f: f.hashes.update(proxy="other"), ["proxy"]),
        (lambda f: f.images.update({"gpulab/hub:1": image("newer")}), ["jupyterhub"]),
        (lambda f: f.networks.clear(), ["jupyterhub", "proxy"]),
        # Nobody uses what does not run, and Compose leaves alone what is only unwell.
        (lambda f: (f.hashes.clear(), f.containers[1]["State"].update(Status="exited")), ["jupyterhub"]),
        (lambda f: f.containers[1]["State"].update(Health={"Status": "unhealthy"}), []),
        (lambda f: f.containers.append(container("extra")), []),
    ],
)
def test_whose_running_container_goes_is_named(wanted, found, break_it, told):
    break_it(found)
    assert sorted(differences(wanted, found).replaced) == told


# --- The module, and what it asks the engine ---


@pytest.fixture
def run(wanted, found, monkeypatch, capsys, tmp_path):
    """Runs the module as Ansible does, with an engine whose answers come from a table, or that hangs at some."""
    (tmp_path / "docker.sock").touch()
    asked, hangs_at = [], []

    def engine(argv, stdin=""):
        words = argv[3:]
        asked.append((words, stdin))
        if words[0] in hangs_at:
            return cli.Answer("hung", "", "no answer")
        if words[0] == "network" and not found.networks:
            return cli.Answer("failed", "[]", "Error response from daemon: network jupyterhub not found")
        if words[0] == "ps":
            return cli.Answer("ok", "aaaa\nbbbb\n", "")
        if words[0] == "compose":
            return cli.Answer("ok", "".join(f"{name} {value}\n" for name, value in found.hashes.items()), "")
        if words[0] == "image":
            return cli.Answer("ok", json.dumps([found.images[words[2]]]), "")
        return cli.Answer("ok", json.dumps({"container": found.containers, "network": found.networks}[words[0]]), "")

    def run(answers=engine, check=False, **arguments):
        monkeypatch.setattr(hub_stack_info, "Docker", lambda socket: cli.Docker(socket, run=answers))
        (tmp_path / "read.json").write_text(json.dumps(found.records["jupyterhub"]))
        basics = {"path": str(wanted.path), "compose": wanted.compose, "project": "lab", "services": SERVICES}
        basics |= {"reads": wanted.reads, "records": wanted.records}
        basics |= {"docker_socket": str(tmp_path / "docker.sock"), "_ansible_check_mode": check}
        with patch_module_args(basics | arguments), pytest.raises(SystemExit):
            hub_stack_info.main()
        return json.loads(capsys.readouterr().out)

    run.asked, run.hangs_at = asked, hangs_at
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


def test_what_is_to_be_made_anew_is_told_apart(run, found):
    found.containers[1]["State"]["Status"] = "paused"
    result = run()
    assert result["differences"] == result["services"] == ["the container of proxy is paused"]
    assert result["overlooked"] == ["proxy"]


def test_a_compose_that_refuses_leaves_the_words_to_up(run, found):
    found.hashes.clear()
    assert "proxy was made from other settings" in run()["differences"][0]


def down(_argv, **_how):
    return cli.Answer("down", "", "Cannot connect to the Docker daemon")


def test_no_engine_is_a_failure_with_its_mend_but_for_check_mode(run):
    assert "./run.sh server" in run(down)["msg"]
    assert run(down, check=True)["engine_answers"] is False


def test_an_engine_that_was_stopped_is_told_from_one_that_never_had_a_stack(run, wanted, tmp_path):
    stopped, never = run(down, check=True), run(down, check=True, path=str(tmp_path / "never/compose.yml"))
    assert (stopped["was_there"], never["was_there"]) == (True, False)
    assert "can be told when it does" in stopped["differences"][0]
    assert "would be new" in never["differences"][0]


@pytest.mark.parametrize("state", ["hung", "denied", "failed"])
def test_an_engine_that_does_not_tell_is_not_one_without_a_stack(run, state):
    result = run(lambda _argv, **_how: cli.Answer(state, "", "no answer"), check=True)
    assert result["failed"]
    assert "no answer" in result["msg"]


@pytest.mark.parametrize("what", ["network", "image", "compose"])
def test_what_the_engine_does_not_tell_of_is_not_taken_for_absent(run, what):
    run.hangs_at.append(what)
    result = run()
    assert result["failed"]
    assert "no answer" in result["msg"]


def test_what_is_absent_is_told(run, found):
    found.networks.clear()
    assert "there is no network jupyterhub" in run()["differences"]
