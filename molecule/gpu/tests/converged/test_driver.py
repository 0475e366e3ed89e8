"""After the first converge: the driver of the branch that was asked for is installed, held and loaded."""

import pytest
from e2e.gpu_scenario import CARDS, DRIVER, FABRIC, codes

FILES = [
    "/etc/apt/sources.list.d/gpulab-nvidia-driver.sources",
    "/etc/apt/keyrings/gpulab-nvidia-driver.asc",
    "/etc/apt/preferences.d/gpulab-nvidia-driver",
    "/etc/apt/apt.conf.d/52gpulab-nvidia-driver",
    "/etc/modules-load.d/gpulab-nvidia-driver.conf",
    "/etc/modprobe.d/gpulab-nvidia-driver.conf",
]


@pytest.mark.parametrize("package", [*DRIVER, FABRIC])
def test_the_branch_that_was_asked_for_is_installed_and_held(gpu, package):
    assert gpu.package(package).version == "580.95.05-1"
    assert package in gpu.check_output("apt-mark showhold").split()


def test_a_newer_branch_is_there_and_not_taken(gpu):
    policy = gpu.check_output("apt-cache policy nvidia-driver-cuda")
    assert "Candidate: 580.95.05-1" in policy
    assert "590.48.01-1" in policy


def test_apt_trusts_the_source_by_its_own_key_only(gpu):
    update = gpu.run("apt-get update")
    assert update.succeeded
    assert "http://vendor-site/cuda" in update.stdout
    assert "W:" not in update.stderr


@pytest.mark.parametrize("path", FILES)
def test_files_are_roots_and_readable(gpu, path):
    file = gpu.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_unattended_upgrades_leave_it_alone(gpu):
    kept = gpu.check_output("apt-config dump Unattended-Upgrade::Package-Blacklist")
    assert '"nvidia-"' in kept
    assert '"libnvidia-"' in kept


@pytest.mark.parametrize("daemon", ["nvidia-persistenced", FABRIC])
def test_the_drivers_daemons_run_now_and_with_the_server(gpu, daemon):
    assert gpu.service(daemon).is_running
    assert gpu.service(daemon).is_enabled


def test_the_newest_cuda_that_all_cards_can_do_is_chosen(module):
    assert module("cuda_choice")["cuda"] == "13.0"


def test_nothing_is_wrong_with_the_gpus(module):
    result = module("gpu_info", expect_gpus=len(CARDS))
    assert (result["status"], codes(result)) == ("ok", [])
    assert [card["uuid"] for card in result["gpus"]] == [card["uuid"] for card in CARDS]
    assert (result["driver"]["kernel_version"], result["driver"]["match"]) == ("580.95.05", True)
    assert result["driver"]["flavor"] == "open"
    kinds = ["Hopper", "Hopper", "Ampere", "Ampere", "Ada", "Ada", "Turing", "Ada"]
    assert [card["architecture"] for card in result["pci_gpus"]] == kinds
