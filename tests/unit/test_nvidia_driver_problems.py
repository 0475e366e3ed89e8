"""What stands in the way of a driver, or should be known of it."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_driver_problems as judge
from ansible_collections.gpulab.jupyterhub.tests.unit.nvidia_server import (
    B200,
    H100,
    T4,
    UBUNTU,
    UPGRADED,
    V100,
    WISHES,
    bare,
    fitted,
)


def codes(look, **wishes):
    return [problem.code for problem in judge.problems(look, WISHES | wishes)]


REFUSED = [
    pytest.param(bare(V100), {"branch": 590}, "driver-impossible", id="a branch too new"),
    pytest.param(bare(V100), {"flavor": "open"}, "driver-impossible", id="open, for a card without a GSP"),
    pytest.param(bare(B200), {"flavor": "proprietary"}, "driver-impossible", id="proprietary, for Blackwell"),
    pytest.param(bare(B200), {"branch": 550}, "driver-impossible", id="a branch too old"),
    pytest.param(bare(B200), {"source": "distro"}, "driver-impossible", id="Blackwell with Debian's driver"),
    pytest.param(
        bare(T4), {"branch": 620, "flavor": "proprietary"}, "driver-impossible", id="a branch that is open only"
    ),
    pytest.param(bare(V100, B200), {}, "driver-cards-at-odds", id="cards at odds"),
    pytest.param(bare(T4), {"release": ["Debian", "14"]}, "driver-platform-unknown", id="a release to come"),
    pytest.param(bare(T4) | {"repository_known": False}, {}, "driver-platform-unknown", id="a processor without"),
    pytest.param(bare(T4), {"source": "distro", "branch": 580}, "driver-branch-unavailable", id="not Debian's branch"),
    pytest.param(
        bare(H100) | {"switches": ["0000:b1:00.0"]}, {"source": "distro"}, "fabric-manager-unavailable", id="NVSwitch"
    ),
    pytest.param(bare(T4), {"source": "preinstalled"}, "driver-missing", id="not preinstalled"),
    pytest.param(fitted(T4), {"branch": 580}, "driver-newer", id="a downgrade"),
    pytest.param(
        fitted(T4, packages=["nvidia-dkms-580-open", "nvidia-utils-580"], version="580.1"),
        {"release": UBUNTU, "branch": 570},
        "driver-newer",
        id="a downgrade to packages of other names",
    ),
    pytest.param(bare(T4) | {"other_sources": ["/a"]}, {}, "driver-source-doubled", id="another key for the source"),
    pytest.param(
        fitted(T4, packages=[], managed=False, installer="/usr/bin/nvidia-uninstall"),
        {"existing": "manage"},
        "driver-by-hand",
        id="beside NVIDIA's installer",
    ),
    pytest.param(bare(T4) | {"mirror_found": False}, {"source": "distro"}, "driver-mirror-unknown", id="no mirror"),
    pytest.param(
        fitted(T4, version="570.1", user_servers=["jupyter-ada"]), {"branch": 580}, "driver-in-use", id="under users"
    ),
    pytest.param(
        fitted(T4, user_servers=["jupyter-ada"], driver=UPGRADED), {"reboot": "now"}, "reboot-under-users", id="reboot"
    ),
]


@pytest.mark.parametrize(("look", "wishes", "code"), REFUSED)
def test_what_cannot_be_is_refused_in_words(look, wishes, code):
    found = judge.problems(look, WISHES | wishes)
    assert [problem.code for problem in found] == [code]
    assert judge.refusal(found).startswith("The driver cannot be made ready; nothing was changed.\n\nERROR ")
    assert found[0].remedy


@pytest.mark.parametrize(
    ("look", "wishes", "code"),
    [
        (bare(T4) | {"packages": {}, "kernel_headers": False}, {}, "kernel-foreign"),
        (bare(T4) | {"driver": {**bare(T4)["driver"], "secure_boot": True}}, {}, "secure-boot"),
        (fitted(T4, packages=[], managed=False), {"branch": 580}, "driver-left-alone"),
    ],
)
def test_what_someone_should_know_stops_nothing(look, wishes, code):
    found = judge.problems(look, WISHES | wishes)
    assert [(problem.code, problem.severity) for problem in found] == [(code, "warning")]
    assert judge.refusal(found) == ""


def test_a_server_as_it_should_be_has_no_problem():
    assert codes(fitted(H100, user_servers=["jupyter-ada"])) == []


def test_a_new_driver_under_users_without_one_disturbs_nobody():
    assert codes(bare(H100) | {"user_servers": ["jupyter-ada"]}) == []
