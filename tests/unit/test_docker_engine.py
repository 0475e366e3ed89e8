"""What is found out about an engine, how it is judged, and what is planned."""

import json

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_engine as engine
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_problems as judge
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._problems import error, warning

CONVERGED = {
    "managed": True,
    "running": True,
    "enabled": True,
    "client_state": "ok",
    "docker": "/usr/bin/docker",
    "root_dir": "/var/lib/docker",
    "dockerd": "/usr/sbin/dockerd",
    "dockerd_version": "26.1.5+dfsg1",
    "server_version": "26.1.5+dfsg1",
    "client_version": "28.2.2",
    "compose_version": "2.26.1-4",
    "buildx_version": "0.13.1+ds1",
    "cdi": True,
    "live_restore": True,
    "swarm": False,
    "user_servers": [],
    "packages": {"docker.io": "26.1.5+dfsg1-9", "docker-compose": "2.26.1-4"},
    "dpkg_interrupted": False,
    "files_drifted": [],
    "mirror_found": True,
    "daemon_file": "/etc/docker/daemon.json",
    "daemon_file_problem": "",
    "settings_problem": "",
    "options_differ": False,
    "options_pending": "",
    "engine_recorded": True,
}
SNAP = "/var/snap/docker/common/var-lib-docker"
FOREIGN = CONVERGED | {"managed": False, "options_differ": True}
BARE = FOREIGN | {
    "running": False,
    "enabled": False,
    "docker": "",
    "dockerd": "",
    "dockerd_version": "",
    "server_version": "",
    "client_version": "",
    "compose_version": "",
    "buildx_version": "",
    "packages": {},
}
WISHES = {
    "existing": "use",
    "packages": ["docker.io", "docker-compose"],
    "versioned_packages": ["docker.io"],
    "conflicting_packages": ["docker-ce"],
    "other_source": "docker_ce",
    "version": "",
    "version_epoch": "",
    "wants_cdi": True,
    "wants_live_restore": True,
}
IDLE = engine.Plan(False, False, False, [], [], False, False, False)
FILE = {"path": "/etc/apt/preferences.d/x", "content": "y"}


@pytest.mark.parametrize(
    ("look", "wishes", "plan"),
    [
        pytest.param(CONVERGED, {}, {}, id="as it should be"),
        pytest.param(
            BARE,
            {},
            {"claim": True, "packages": WISHES["packages"], "options": True, "start": True, "enable": True},
            id="bare server",
        ),
        pytest.param(FOREIGN, {}, {"hands_off": True}, id="somebody else's engine"),
        pytest.param(FOREIGN | {"running": False}, {}, {"hands_off": True, "start": True}, id="theirs, stopped"),
        pytest.param(FOREIGN, {"existing": "manage"}, {"claim": True, "options": True}, id="taken over"),
        pytest.param(CONVERGED | {"running": False}, {}, {"start": True}, id="stopped"),
        pytest.param(CONVERGED | {"enabled": False}, {}, {"enable": True}, id="disabled"),
        pytest.param(CONVERGED | {"options_differ": True}, {}, {"options": True}, id="options edited"),
        pytest.param(CONVERGED | {"options_pending": "restart"}, {}, {"options": True}, id="cut off before restart"),
        pytest.param(CONVERGED | {"engine_recorded": False}, {}, {"options": True}, id="started by somebody else"),
        pytest.param(CONVERGED | {"dpkg_interrupted": True}, {}, {"repair_dpkg": True}, id="dpkg cut off"),
        pytest.param(CONVERGED | {"files_drifted": [FILE]}, {}, {"files": [FILE]}, id="pins removed"),
        pytest.param(
            CONVERGED | {"packages": {"docker.io": "26.1.5+dfsg1-9"}},
            {},
            {"packages": ["docker-compose"], "options": True},
            id="package removed",
        ),
        pytest.param(
            CONVERGED,
            {"version": "26.2"},
            {"packages": ["docker.io=26.2*"], "options": True},
            id="older than pinned",
        ),
        pytest.param(CONVERGED, {"version": "26.1"}, {}, id="as pinned"),
        pytest.param(
            FOREIGN | {"packages": {"docker.io": "20.10.24", "docker-compose": "1.29.2"}},
            {"existing": "manage"},
            {"claim": True, "packages": WISHES["packages"], "options": True},
            id="too old, taken over",
        ),
    ],
)
def test_plan(look, wishes, plan):
    assert engine.plan(look, WISHES | wishes) == IDLE._replace(**plan)


def test_only_deeds_keep_a_plan_from_being_idle():
    assert IDLE.idle
    assert IDLE._replace(hands_off=True).idle
    assert not IDLE._replace(enable=True).idle


@pytest.mark.parametrize(
    ("look", "wishes", "codes"),
    [
        pytest.param(CONVERGED, {}, [], id="as it should be"),
        pytest.param(BARE, {}, [], id="bare server"),
        pytest.param(FOREIGN, {}, [], id="somebody else's engine"),
        pytest.param(FOREIGN | {"server_version": "20.10.24"}, {}, ["engine-insufficient"], id="theirs, too old"),
        pytest.param(FOREIGN | {"server_version": "20.10.24"}, {"existing": "manage"}, [], id="old, taken over"),
        pytest.param(FOREIGN | {"cdi": False}, {}, ["cdi-off"], id="theirs, without CDI"),
        pytest.param(FOREIGN | {"cdi": False}, {"wants_cdi": False}, [], id="theirs, CDI not wanted"),
        pytest.param(
            BARE | {"client_state": "hung", "mirror_found": False}, {}, ["engine-hung"], id="hides what it is"
        ),
        pytest.param(FOREIGN | {"root_dir": SNAP}, {}, ["engine-confined"], id="theirs, from a snap"),
        pytest.param(
            BARE | {"root_dir": SNAP}, {"existing": "manage"}, ["engine-confined"], id="a snap, to be managed"
        ),
        pytest.param(BARE | {"docker": "/snap/bin/docker"}, {}, ["engine-confined"], id="a snap that is stopped"),
        pytest.param(FOREIGN | {"daemon_file_problem": "x"}, {}, ["daemon-json-malformed"], id="theirs, malformed"),
        pytest.param(CONVERGED | {"daemon_file_problem": "x"}, {}, ["daemon-json-malformed"], id="ours, malformed"),
        pytest.param(CONVERGED | {"settings_problem": "x"}, {}, ["settings-unusable"], id="settings unusable"),
        pytest.param(CONVERGED | {"swarm": True}, {}, ["swarm-live-restore"], id="swarm"),
        pytest.param(CONVERGED | {"swarm": True}, {"wants_live_restore": False}, [], id="swarm, no live-restore"),
        pytest.param(CONVERGED, {"version": "25"}, ["newer-than-pinned"], id="newer than pinned"),
        pytest.param(BARE | {"packages": {"docker-ce": "5:28"}}, {}, ["packages-conflict"], id="conflict"),
        pytest.param(CONVERGED | {"packages": {**CONVERGED["packages"], "docker-ce": "5:28"}}, {}, [], id="moot"),
        pytest.param(BARE, {"packages": []}, ["distribution-unknown"], id="unknown distribution"),
        pytest.param(BARE | {"mirror_found": False}, {}, ["mirror-unknown"], id="unknown mirror"),
        pytest.param(
            CONVERGED | {"user_servers": ["jupyter-a"], "live_restore": False},
            {"version": "27"},
            ["users-running"],
            id="upgrade under users without live-restore",
        ),
        pytest.param(
            CONVERGED | {"user_servers": ["jupyter-a"]}, {"version": "27"}, [], id="upgrade with live-restore"
        ),
    ],
)
def test_problems(look, wishes, codes):
    found = judge.problems(look, WISHES | wishes)
    assert [problem.code for problem in found] == codes
    assert all(all(problem.as_dict().values()) for problem in found)


def test_a_conflict_names_the_engines_packages_and_not_what_comes_with_either():
    look = BARE | {"packages": {"docker-ce": "5:28"}}
    wishes = WISHES | {"packages": ["docker.io", "iptables"], "versioned_packages": ["docker.io"]}
    [found] = judge.problems(look, wishes)
    assert found.evidence == "docker-ce cannot be installed together with docker.io."


def test_a_refusal_names_setting_and_mend_and_leaves_warnings_out():
    newer = error("newer", "docker_engine_version", "It is newer.", "Raise it.")
    off = warning("off", "docker_engine_cdi", "It is off.", "Turn it on.")
    assert judge.refusal([off]) == ""
    assert judge.refusal([off, newer]) == (
        "The engine cannot be made ready; nothing was changed.\n\n"
        "ERROR docker_engine_version (newer)\n  It is newer.\n  Mend: Raise it."
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"docker": ""}, ["the command `docker` is missing"]),
        ({"compose_version": ""}, ["the Compose plugin is missing"]),
        ({"compose_version": "v2.19.1"}, ["the Compose plugin is v2.19.1, and 2.20 is the oldest that will do"]),
        ({"compose_version": "v2.20.0"}, []),
        ({"buildx_version": ""}, ["the buildx plugin is missing"]),
        ({"server_version": "24.0.9"}, ["the Docker engine is 24.0.9, and 25 is the oldest that will do"]),
        ({"server_version": "", "dockerd_version": "27.0"}, []),
    ],
)
def test_shortcomings(change, said):
    assert engine.shortcomings(CONVERGED | change) == said


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5:28.1.1-1~debian.12~bookworm", (28, 1, 1)),
        ("26.1.5+dfsg1-9+deb13u1", (26, 1, 5)),
        ("v2.20.0", (2, 20, 0)),
        ("27", (27,)),
        ("", ()),
        ("unknown", ()),
    ],
)
def test_version(text, numbers):
    assert engine.version(text) == numbers


@pytest.mark.parametrize(
    ("wanted", "found", "order"),
    [("26.1", "26.1.5-9", 0), ("26.1.6", "26.1.5-9", -1), ("26.1.4", "26.1.5-9", 1), ("28", "5:28.1.1-1", 0)],
)
def test_pinned(wanted, found, order):
    assert engine.pinned(wanted, found) == order


def test_a_pinned_package_of_docker_is_named_with_its_epoch():
    wishes = WISHES | {"version": "28.1", "version_epoch": "5:"}
    assert engine.packages_to_install(BARE, wishes) == ["docker.io=5:28.1*", "docker-compose"]


def test_info_of_a_running_engine():
    plugins = [{"Name": "buildx", "Version": "0.13.1"}, {"Name": "compose", "Version": "2.26.1"}]
    text = json.dumps(
        {
            "ServerVersion": "26.1.5",
            "CDISpecDirs": ["/etc/cdi"],
            "LiveRestoreEnabled": True,
            "Swarm": {"LocalNodeState": "inactive"},
            "DockerRootDir": "/var/lib/docker",
            "ContainersRunning": 2,
            "ClientInfo": {"Version": "28.2.2", "Plugins": plugins},
        }
    )
    assert engine.parse_info(text) == {
        "running": True,
        "server_version": "26.1.5",
        "client_version": "28.2.2",
        "compose_version": "2.26.1",
        "buildx_version": "0.13.1",
        "cdi": True,
        "live_restore": True,
        "swarm": False,
        "root_dir": "/var/lib/docker",
        "containers_running": 2,
    }


@pytest.mark.parametrize(
    ("text", "client"),
    [
        pytest.param("", "", id="no client"),
        pytest.param(
            '{"ServerVersion": "", "Swarm": null, "ClientInfo": {"Version": "28", "Plugins": null}}', "28", id="down"
        ),
    ],
)
def test_info_without_an_engine(text, client):
    found = engine.parse_info(text)
    assert (found["running"], found["client_version"], found["compose_version"]) == (False, client, "")


@pytest.mark.parametrize(
    ("text", "found"), [("Docker version 26.1.5+dfsg1, build 411e817\n", "26.1.5+dfsg1"), ("", "")]
)
def test_dockerd_version(text, found):
    assert engine.parse_dockerd_version(text) == found
