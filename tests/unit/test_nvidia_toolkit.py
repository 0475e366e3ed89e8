"""What a server lacks of the container toolkit, and of its CDI specification."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_toolkit as toolkit

WISHES = {
    "source": "nvidia",
    "existing": "use",
    "version": "",
    "hold": True,
    "repository_url": "",
    "repository_key": "",
    "repository_key_content": None,
    "from_bundle": False,
    "expected_gpus": [],
}
CARD = {"address": "0000:01:00.0", "device_id": "2330", "architecture": "Hopper", "driver": "nvidia"}
SPEC = {"path": toolkit.SPECIFICATION, "error": "", "kind": "nvidia.com/gpu", "devices": ["GPU-1", "MIG-1", "all"]}
SLICED = {"uuid": "GPU-1", "mig_mode": "enabled", "mig_devices": []}
ALL = dict.fromkeys(toolkit.PACKAGES, "1.18.0-1")


def server(**instead):
    """A server whose toolkit is as it should be."""
    whole = {
        "cards": [CARD],
        "gpus": [{"uuid": "GPU-1", "mig_mode": "disabled", "mig_devices": [{"uuid": "MIG-1"}]}],
        "version": "1.18.0",
        "specs": [SPEC],
        "stale": {},
        "mig": [],
        "mig_problems": [],
        "packages": ALL,
        "held": [*ALL],
        "files_drifted": [],
        "dpkg_interrupted": False,
        "other_sources": [],
        "managed": True,
    }
    return whole | instead


def plan(look, **wishes):
    return {key: value for key, value in toolkit.plan(look, WISHES | wishes)._asdict().items() if value}


def names(suffix=""):
    return [f"{name}{suffix}" for name in toolkit.PACKAGES]


HELD = [{"name": name, "selection": "install"} for name in toolkit.PACKAGES]


@pytest.mark.parametrize(
    ("change", "wishes", "planned"),
    [
        ({}, {}, {}),
        ({"cards": []}, {}, {}),
        ({"packages": {}, "specs": []}, {"source": "none"}, {}),
        ({"packages": {}, "held": []}, {}, {"packages": names()}),
        ({"packages": {}, "held": []}, {"version": "1.17"}, {"packages": names("=1.17*")}),
        pytest.param(
            {"packages": {toolkit.PACKAGES[0]: "1.9.0-1"}}, {}, {"packages": names("=1.9.0-1*")}, id="one of them alone"
        ),
        pytest.param(
            {"packages": ALL | {toolkit.PACKAGES[1]: "1.9.0-1"}},
            {},
            {"packages": names("=1.18.0-1*")},
            id="two versions",
        ),
        ({"held": []}, {}, {"selections": [{**row, "selection": "hold"} for row in HELD]}),
        ({}, {"hold": False}, {"selections": HELD}),
        ({"files_drifted": [{"path": "/a"}]}, {}, {"files": [{"path": "/a"}]}),
        ({"dpkg_interrupted": True}, {}, {"repair_dpkg": True}),
        ({"specs": []}, {}, {"specification": "there is none"}),
        ({"specs": [SPEC | {"path": "/var/run/cdi/nvidia.yaml"}]}, {}, {"specification": "there is none"}),
        ({"specs": [SPEC | {"error": "cut off"}]}, {}, {"specification": "cut off"}),
        ({"stale": {toolkit.SPECIFICATION: ["a", "b"]}}, {}, {"specification": "a; b"}),
        pytest.param({"specs": [], "gpus": []}, {}, {}, id="no driver yet"),
        pytest.param({"specs": [], "gpus": [SLICED]}, {}, {}, id="MIG without slices, after a reboot"),
        pytest.param(
            {"specs": [SPEC | {"devices": ["0", "all"]}]},
            {},
            {"specification": "it has no UUID GPU-1, MIG-1"},
            id="names that are indices",
        ),
        pytest.param({"specs": [SPEC | {"path": "/etc/cdi/own.yaml"}]}, {}, {}, id="somebody's own specification"),
        pytest.param(
            {"specs": [SPEC | {"path": "/etc/cdi/other.yaml", "kind": "other.com/card"}]},
            {},
            {"specification": "there is none"},
            id="a specification of other things",
        ),
        pytest.param(
            {"managed": False, "held": [], "files_drifted": [{"path": "/a"}], "specs": []},
            {"version": "1.17"},
            {"specification": "there is none"},
            id="somebody else's",
        ),
        pytest.param({"managed": False, "held": []}, {"existing": "manage", "hold": False}, {}, id="taken over"),
        pytest.param(
            {"packages": {}, "held": [], "files_drifted": [{"path": "/a"}], "specs": []},
            {"source": "preinstalled"},
            {"specification": "there is none"},
            id="preinstalled",
        ),
    ],
)
def test_what_is_lacking_is_planned_and_nothing_else(change, wishes, planned):
    assert plan(server(**change), **wishes) == planned


@pytest.mark.parametrize(
    ("change", "wishes", "code"),
    [
        ({}, {"version": "1.17"}, "toolkit-newer"),
        ({}, {"version": "1.17.8"}, "toolkit-newer"),
        ({"version": ""}, {"source": "preinstalled"}, "toolkit-missing"),
        ({"other_sources": ["/etc/apt/sources.list.d/nvidia.list"]}, {}, "toolkit-source-doubled"),
    ],
)
def test_what_cannot_be_is_refused_in_words(change, wishes, code):
    found = toolkit.problems(server(**change), WISHES | wishes)
    assert [problem.code for problem in found] == [code]
    assert toolkit.refusal(found).startswith(
        "The container toolkit cannot be made ready; nothing was changed.\n\nERROR "
    )


@pytest.mark.parametrize("wishes", [{}, {"version": "1.18"}, {"version": "1.18.0"}, {"version": "1.19"}])
def test_a_version_that_is_there_or_to_come_is_refused_by_nobody(wishes):
    assert toolkit.problems(server(), WISHES | wishes) == []


@pytest.mark.parametrize(
    ("expected", "gpus", "gone"),
    [
        (["GPU-1", "MIG-1"], None, ""),
        (["GPU-1", "GPU-2", "MIG-3"], None, "GPU-2, MIG-3 is given to users, and this server has GPU-1, MIG-1."),
        pytest.param(["GPU-2"], [], "", id="the driver tells of none"),
    ],
)
def test_a_gpu_that_users_shall_get_and_that_is_gone_is_a_warning(expected, gpus, gone):
    look = server() if gpus is None else server(gpus=gpus)
    found = toolkit.problems(look, WISHES | {"expected_gpus": expected})
    assert [problem.severity for problem in found] == ["warning"] * bool(gone)
    assert all(gone in problem.evidence for problem in found)
    assert toolkit.refusal(found) == ""


def test_somebody_elses_toolkit_with_a_source_of_its_own_is_no_problem():
    theirs = {"managed": False, "other_sources": ["/etc/apt/sources.list.d/nvidia.list"]}
    assert toolkit.problems(server(**theirs), WISHES | {"version": "1.17"}) == []
    found = toolkit.problems(server(**theirs), WISHES | {"existing": "manage"})
    assert [problem.code for problem in found] == ["toolkit-source-doubled"]


def test_a_specification_beside_which_the_roles_would_clash_is_told():
    look = server(specs=[SPEC | {"path": "/etc/cdi/own.yaml"}, SPEC | {"path": "/var/run/cdi/nvidia.yaml"}])
    (problem,) = toolkit.problems(look, WISHES)
    assert (problem.code, problem.severity, problem.subject) == ("cdi-elsewhere", "warning", "/etc/cdi/own.yaml")


def test_where_it_comes_from():
    held = {file["path"]: file["content"] for file in toolkit.files(WISHES)}
    assert f"URIs: {toolkit.SITE}/stable/deb/$(ARCH)/\nSuites: /\n" in held[toolkit.SOURCES]
    assert (held[toolkit.KEY], held[toolkit.PREFERENCES]) == (None, "")
    own = toolkit.files(WISHES | {"repository_url": "http://copy/deb/", "version": "1.18"})
    held = {file["path"]: file["content"] for file in own}
    assert "URIs: http://copy/deb/$(ARCH)/\n" in held[toolkit.SOURCES]
    assert "Pin: version 1.18*\n" in held[toolkit.PREFERENCES]


@pytest.mark.parametrize(
    ("wishes", "key"),
    [
        ({}, f"{toolkit.SITE}/gpgkey"),
        ({"repository_url": "http://copy/deb/"}, "http://copy/deb/gpgkey"),
        ({"repository_url": "http://copy/deb", "repository_key": "http://keys/a"}, "http://keys/a"),
    ],
)
def test_where_its_key_comes_from(wishes, key):
    assert toolkit.key(WISHES | wishes) == key


@pytest.mark.parametrize(
    ("change", "check", "generates"),
    [
        ({}, False, False),
        ({"specs": []}, False, True),
        ({"specs": []}, True, True),
        pytest.param({"specs": [], "version": ""}, True, False, id="a bare server, in a check"),
        pytest.param({"mig": [{"uuid": "GPU-1"}]}, False, True, id="after slices"),
        pytest.param({"mig": [{"uuid": "GPU-1"}], "specs": []}, True, False, id="slices to come, in a check"),
    ],
)
def test_the_specification_is_generated_where_it_can_be(change, check, generates):
    look = server(**change)
    assert toolkit.plan(look, WISHES).generates(look, check) is generates


# --- A bundle ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "pin"), [("", "*"), ("1.17", "1.17*")])
def test_from_a_bundle_it_has_no_source_and_is_known_for_the_roles_by_its_pin(version, pin):
    texts = {
        file["path"]: file["content"] for file in toolkit.files(WISHES | {"from_bundle": True, "version": version})
    }
    assert (texts[toolkit.SOURCES], texts[toolkit.KEY]) == ("", "")
    assert f"Pin: version {pin}\n" in texts[toolkit.PREFERENCES]


@pytest.mark.parametrize(
    ("cards", "wishes", "packages"),
    [
        ([CARD], {}, names()),
        ([CARD], {"version": "1.17"}, names("=1.17*")),
        pytest.param([], {"version": "1.17"}, names("=1.17*"), id="made where there is no card"),
        pytest.param([], {}, [], id="a lab without GPUs"),
        ([CARD], {"source": "preinstalled"}, []),
    ],
)
def test_what_a_bundle_shall_have_is_what_cards_would_get(cards, wishes, packages):
    found = toolkit.to_bundle(cards, WISHES | wishes)
    assert found["packages"] == packages
    assert [file["path"] for file in found["files"]] == [*toolkit.OURS] * bool(packages)
