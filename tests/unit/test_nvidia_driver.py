"""Which driver a server shall have, and what has to be done for it."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_cards as cards
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_driver as driver
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_driver_problems as judge
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_packages as names

V100, T4, A100, H100, B200, UNKNOWN = "1db6", "1eb8", "20b5", "2330", "2901", "3fff"
DEBIAN, BOOKWORM = ["Debian", "13"], ["Debian", "12"]
UBUNTU = ["Ubuntu", "24"]

WISHES = {
    "source": "nvidia",
    "branch": 0,
    "flavor": "auto",
    "existing": "use",
    "hold": True,
    "reboot": "never",
    "release": DEBIAN,
}
OPEN_DEBIAN = ["nvidia-kernel-open-dkms", "nvidia-driver-cuda", "nvidia-persistenced", "nvidia-modprobe"]
UPGRADED = {
    "kernel_version": "580.1",
    "userspace_version": "590.48.01",
    "reboot_required": True,
    "secure_boot": None,
}
KERNEL = {"linux-image-amd64": "6.12", "linux-headers-amd64": "6.12", "linux-image-6.12.1-amd64": "6.12"}


def bare(*numbers):
    """A server with these cards, and with nothing else of NVIDIA's."""
    return {
        "cards": [
            {
                "address": f"0000:0{n}:00.0",
                "device_id": number,
                "architecture": cards.architecture(number),
                "driver": "",
            }
            for n, number in enumerate(numbers)
        ],
        "driver": {"kernel_version": "", "userspace_version": "", "reboot_required": False, "secure_boot": None},
        "installed_version": "",
        "kernel": "6.12.1-amd64",
        "packages": dict(KERNEL),
        "held": [],
        "managed": False,
        "installer": "",
        "files_drifted": [],
        "other_sources": [],
        "repository_known": True,
        "mirror_found": True,
        "dpkg_interrupted": False,
        "kernel_headers": True,
        "kernels_without_module": [],
        "persistenced": "absent",
        "user_servers": [],
    }


def fitted(*numbers, version="590.48.01", packages=tuple(OPEN_DEBIAN), **instead):
    """A server whose driver is the role's, and as it should be."""
    look = bare(*numbers)
    look["packages"] |= dict.fromkeys(packages, f"{version}-1")
    look["driver"] |= {"kernel_version": version, "userspace_version": version}
    more = {"installed_version": version, "held": [*packages], "managed": True, "persistenced": "running"}
    return look | more | instead


def codes(look, **wishes):
    return [problem.code for problem in judge.problems(look, WISHES | wishes)]


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


@pytest.mark.parametrize(
    ("installed", "headers"),
    [
        (["linux-image-amd64", "linux-image-6.12.1-amd64"], ["linux-headers-amd64"]),
        (["linux-image-cloud-amd64"], ["linux-headers-cloud-amd64"]),
        (["linux-image-6.8.0-1009-aws", "linux-image-aws"], ["linux-headers-aws"]),
        (["linux-image-unsigned-6.8.0-45-generic", "linux-image-extra-virtual", "linux-image-amd64-dbg"], []),
        (["bash"], []),
    ],
)
def test_headers_come_for_every_kernel_to_come(installed, headers):
    assert names.headers(installed) == headers


@pytest.mark.parametrize(
    ("release", "processor", "address", "key"),
    [
        (DEBIAN, "amd64", "debian13/x86_64", "8793F200.pub"),
        (BOOKWORM, "arm64", "debian12/sbsa", "3bf863cc.pub"),
        (UBUNTU, "amd64", "ubuntu2404/x86_64", "3bf863cc.pub"),
    ],
)
def test_nvidias_repository_by_release_and_processor(release, processor, address, key):
    found = names.repository(names.Release(*release), processor)
    assert found.endswith(f"/cuda/repos/{address}")
    assert names.key(names.Release(*release), found) == f"{found}/{key}"
    assert names.key(names.Release(*release), "http://copy") == f"http://copy/{key}"


def test_nvidia_has_no_repository_for_others():
    assert names.repository(names.Release("Debian", "14"), "amd64") == ""
    assert names.repository(names.Release("Debian", "13"), "riscv64") == ""
    assert names.key(names.Release("Debian", "14"), "http://copy") == ""


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
        ({"persistenced": "stopped"}, {"persistenced": True}),
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
    assert codes(look, **wishes) == []


def test_somebody_elses_driver_is_replaced_on_demand():
    assert plan(fitted(H100, packages=[], managed=False), existing="manage")["packages"] == OPEN_DEBIAN


# --- What stands in the way -------------------------------------------------------------------------------------------

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
