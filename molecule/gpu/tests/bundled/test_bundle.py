"""On the server without a way out: driver and toolkit came from the bundle, are kept, and left nothing else behind."""

import pytest
from e2e.gpu_scenario import CARDS, DRIVER, FABRIC, TOOLKIT


@pytest.fixture(scope="module")
def isolated(server):
    """The server without a way out, as root."""
    return server("gpu-isolated")


def test_only_the_server_that_made_the_bundle_has_a_way_out(has_way_out):
    assert (has_way_out("vendor-site"), has_way_out("gpu-isolated")) == (True, False)


@pytest.mark.parametrize("package", [*DRIVER, FABRIC, *TOOLKIT])
def test_every_package_came_and_is_held(isolated, package):
    assert isolated.package(package).is_installed
    assert package in isolated.check_output("apt-mark showhold").split()


def test_the_toolkit_has_found_the_cards_that_the_driver_tells_of(isolated):
    specification = isolated.file("/etc/cdi/nvidia.yaml").content_string
    assert all(card["uuid"] in specification for card in CARDS)


def test_apt_has_no_source_of_them_and_nothing_of_the_bundle_stays(isolated):
    for place in ("/etc/apt/sources.list.d", "/etc/apt/keyrings", "/var/cache", "/var/lib/apt/lists"):
        assert isolated.run(f"ls {place} | grep gpulab").stdout == ""
    assert isolated.run("apt-get check").rc == 0


def test_the_server_that_made_it_is_as_it_was(server):
    builder = server("vendor-site")
    assert not builder.package(DRIVER[0]).is_installed
    assert builder.run("find /etc/apt /var/tmp /var/lib/apt/lists -name '*gpulab*'").stdout == ""


def test_again_changes_nothing_and_fetches_nothing(play):
    run = play("bundled.yml")
    assert (run.code, run.changes) == (0, {"vendor-site": 0, "gpu-isolated": 0}), run.said


def test_what_the_bundle_lacks_is_refused_by_name_before_anything_changes(play):
    run = play("bundled.yml", "--limit=gpu-isolated", "--extra-vars=nvidia_driver_branch=590")
    said = " ".join(run.said.split())
    assert (run.code, run.changes) == (2, {"gpu-isolated": 0}), run.said
    assert "has no nvidia-kernel-open-dkms=590.*" in said
    assert "the same nvidia_driver_branch and nvidia_driver_bundle_packages" in said
    assert "nvidia_driver_bundle: ''" in said
