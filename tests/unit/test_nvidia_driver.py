"""Which driver a server shall have, and what has to be done for it."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_driver as driver
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_driver_problems as judge
from ansible_collections.gpulab.jupyterhub.tests.unit.nvidia_server import (
    BOOKWORM,
    H100,
    OPEN_DEBIAN,
    T4,
    UBUNTU,
    UNKNOWN,
    UPGRADED,
    V100,
    WISHES,
    bare,
    fitted,
)

# --- What it shall be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "wishes", "branch", "packages"),
    [
        ([H100], {}, 0, OPEN_DEBIAN),
        ([H100], {"flavor": "proprietary"}, 0, ["nvidia-kernel-dkms", *OPEN_DEBIAN[1:]]),
        pytest.param([V100], {}, 580, ["nvidia-kernel-dkms", *OPEN_DEBIAN[1:]], id="the last branch for an old card"),
        pytest.param([V100, H100], {}, 580, ["nvidia-kernel-dkms", *OPEN_DEBIAN[1:]], id="one that serves both"),
        pytest.param([UNKNOWN], {}, 0, OPEN_DEBIAN, id="a card of days to come"),
        ([H100], {"branch": 580}, 580, OPEN_DEBIAN),
        (
            [T4],
            {"source": "distro"},
            550,
            ["nvidia-open-kernel-dkms", "nvidia-smi", "libcuda1", "libnvidia-cfg1", *OPEN_DEBIAN[2:]],
        ),
        (
            [V100],
            {"source": "distro", "release": BOOKWORM},
            535,
            ["nvidia-kernel-dkms", "nvidia-smi", "libcuda1", "libnvidia-cfg1", *OPEN_DEBIAN[2:]],
        ),
        ([T4], {"release": UBUNTU}, 0, ["nvidia-dkms-open", "libnvidia-compute", "nvidia-utils"]),
        (
            [V100],
            {"release": UBUNTU},
            580,
            ["nvidia-dkms-580", "libnvidia-compute-580", "nvidia-utils-580"],
        ),
        (
            [T4],
            {"release": UBUNTU, "branch": 580},
            580,
            ["nvidia-dkms-580-open", "libnvidia-compute-580", "nvidia-utils-580"],
        ),
        (
            [T4],
            {"release": UBUNTU, "source": "distro"},
            580,
            ["nvidia-headless-580-server-open", "nvidia-utils-580-server"],
        ),
        ([T4], {"release": ["Debian", "14"]}, 0, []),
        ([T4], {"source": "preinstalled"}, 0, []),
    ],
)
def test_the_driver_is_chosen_by_the_cards_and_the_wishes(numbers, wishes, branch, packages):
    choice = driver.choose(bare(*numbers), WISHES | wishes)
    assert (choice.branch, choice.packages) == (branch, packages)


# --- What has to be done ----------------------------------------------------------------------------------------------


def plan(look, **wishes):
    """Return what is planned, without what is not."""
    return {key: value for key, value in driver.plan(look, WISHES | wishes)._asdict().items() if value}


def test_a_bare_server_gets_the_driver_and_headers():
    look = bare(H100)
    del look["packages"]["linux-headers-amd64"]
    assert plan(look) == {"packages": ["linux-headers-amd64", *OPEN_DEBIAN]}


def test_the_kernel_that_runs_gets_its_own_headers_where_the_newest_has_others():
    look = bare(H100) | {"kernel_headers": False}
    assert plan(look)["packages"] == ["linux-headers-6.12.1-amd64", *OPEN_DEBIAN]


def test_where_a_branch_is_wanted_no_other_is_taken():
    wanted = ["nvidia-kernel-dkms=580.*", "nvidia-driver-cuda=580.*", "nvidia-persistenced", "nvidia-modprobe"]
    assert plan(bare(V100)) == {"packages": wanted}


@pytest.mark.parametrize(
    ("change", "planned"),
    [
        ({}, {}),
        ({"held": OPEN_DEBIAN[1:]}, {"selections": [{"name": OPEN_DEBIAN[0], "selection": "hold"}]}),
        ({"dpkg_interrupted": True}, {"repair_dpkg": True}),
        ({"files_drifted": [{"path": "/a"}]}, {"files": [{"path": "/a"}]}),
        ({"kernels_without_module": ["6.13"]}, {"kernels": ["6.13"]}),
        ({"services": {"a": "stopped", "b": "running", "c": "absent"}}, {"services": ["a"]}),
        (
            {"driver": {"kernel_version": "", "userspace_version": "590.48.01", "reboot_required": False}},
            {"load": True},
        ),
        ({"driver": UPGRADED}, {"reboot": True}),
    ],
)
def test_what_drifted_is_put_right_and_nothing_else(change, planned):
    assert plan(fitted(H100, **change)) == planned


def test_packages_that_shall_not_be_held_are_released():
    planned = plan(fitted(H100), hold=False)
    assert planned == {"selections": [{"name": name, "selection": "install"} for name in OPEN_DEBIAN]}


def test_an_older_branch_is_replaced():
    look = fitted(H100, version="570.1")
    assert plan(look, branch=580)["packages"] == ["nvidia-kernel-open-dkms=580.*", "nvidia-driver-cuda=580.*"]


def test_another_branch_of_ubuntu_has_other_packages():
    packages = ["nvidia-dkms-570-open", "libnvidia-compute-570", "nvidia-utils-570"]
    look = fitted(T4, version="570.1", packages=packages)
    wanted = ["nvidia-dkms-580-open=580.*", "libnvidia-compute-580=580.*", "nvidia-utils-580=580.*"]
    assert plan(look, release=UBUNTU, branch=580)["packages"] == wanted


ALONE = [
    pytest.param(bare(), {}, id="no card"),
    pytest.param(bare(H100), {"source": "none"}, id="source none"),
    pytest.param(fitted(H100, packages=[], managed=False), {}, id="somebody else's driver"),
    pytest.param(
        fitted(H100, packages=[], installer="/usr/bin/nvidia-uninstall"), {}, id="NVIDIA's installer came after a run"
    ),
    pytest.param(fitted(H100, managed=False), {}, id="somebody else's driver, of the same packages"),
    pytest.param(fitted(H100, packages=["nvidia-modprobe"], managed=False), {}, id="and of one that is the same"),
    pytest.param(fitted(H100), {"source": "preinstalled"}, id="preinstalled"),
]


@pytest.mark.parametrize(("look", "wishes"), ALONE)
def test_what_is_left_alone(look, wishes):
    assert plan(look | {"files_drifted": [{"path": "/a"}]}, **wishes) == {"hands_off": True}
    assert judge.problems(look, WISHES | wishes) == []


def test_a_module_that_has_outlived_its_driver_is_nobodys():
    look = bare(H100)
    look["driver"]["kernel_version"] = "590.48.01"
    assert plan(look)["packages"] == OPEN_DEBIAN


def test_somebody_elses_driver_is_replaced_on_demand():
    assert plan(fitted(H100, packages=[], managed=False), existing="manage")["packages"] == OPEN_DEBIAN


# --- NVSwitch ---------------------------------------------------------------------------------------------------------

SWITCHES = {"switches": ["0000:b1:00.0"]}
FABRIC = "nvidia-fabricmanager"


@pytest.mark.parametrize(
    ("wishes", "package"),
    [
        ({}, FABRIC),
        ({"branch": 580}, f"{FABRIC}=580.*"),
        ({"branch": 570}, f"{FABRIC}-570=570.*"),
        ({"branch": 570, "release": UBUNTU}, f"{FABRIC}-570=570.*"),
        ({"source": "distro", "release": UBUNTU}, f"{FABRIC}-580"),
    ],
)
def test_cards_that_switches_join_get_the_fabric_manager_too(wishes, package):
    assert plan(bare(H100) | SWITCHES, **wishes)["packages"][-1] == package
    assert not any(FABRIC in name for name in plan(bare(H100), **wishes)["packages"])


@pytest.mark.parametrize(
    ("there", "planned"),
    [
        ({}, [f"{FABRIC}=590.48.01*"]),
        ({FABRIC: "590.44.01-1"}, [f"{FABRIC}=590.48.01*"]),
        ({FABRIC: "590.48.01-1"}, []),
    ],
)
def test_the_fabric_manager_is_of_exactly_the_drivers_version(there, planned):
    look = fitted(H100, **SWITCHES)
    look["packages"] |= there
    assert plan(look).get("packages", []) == planned


def test_an_older_branch_is_replaced_with_its_fabric_manager():
    look = fitted(H100, version="580.1", packages=[*OPEN_DEBIAN, FABRIC], **SWITCHES)
    assert plan(look, branch=590)["packages"] == [f"{name}=590.*" for name in (*OPEN_DEBIAN[:2], FABRIC)]


# --- A bundle ---------------------------------------------------------------------------------------------------------

PINNED = ["nvidia-kernel-open-dkms=580.*", "nvidia-driver-cuda=580.*", *OPEN_DEBIAN[2:]]
HEADERS = ["linux-headers-amd64", "linux-headers-6.12.1-amd64"]


@pytest.mark.parametrize(
    ("look", "wishes", "packages"),
    [
        (fitted(H100), {}, [*HEADERS, *OPEN_DEBIAN]),
        pytest.param(fitted(H100), {"branch": 580}, [*HEADERS, *PINNED], id="whatever is installed"),
        pytest.param(bare(), {"branch": 580}, [*HEADERS, *PINNED], id="made where there is no card"),
        pytest.param(bare() | {"packages": {}}, {"branch": 580}, PINNED, id="nor a kernel of its own"),
        pytest.param(bare(), {}, [], id="a lab without GPUs"),
        (bare(H100), {"source": "preinstalled"}, []),
        (bare(H100), {"release": ["Debian", "14"]}, []),
    ],
)
def test_what_a_bundle_shall_have_is_what_a_bare_server_would_get(look, wishes, packages):
    assert driver.to_bundle(look, WISHES | wishes) == packages
