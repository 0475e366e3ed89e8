"""What NVIDIA's driver comes in, and where from."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_packages as names
from ansible_collections.gpulab.jupyterhub.tests.unit.nvidia_server import BOOKWORM, DEBIAN, UBUNTU


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
