# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Which packages NVIDIA's driver comes in, and where from, by source and distribution; all without X. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ._gpu_cards import OPEN

NVIDIA, DISTRO = "nvidia", "distro"


class Release(NamedTuple):
    """A distribution and its major version, as `setup` names them: Debian and 13, Ubuntu and 24."""

    distribution: str
    major: str


class Repository(NamedTuple):
    """A directory of NVIDIA's CUDA repository, and the name of the key that signs it."""

    directory: str
    key: str


#: From NVIDIA's own list of the keys of its repositories.
REPOSITORIES = {
    Release("Debian", "12"): Repository("debian12", "3bf863cc.pub"),
    Release("Debian", "13"): Repository("debian13", "8793F200.pub"),
    Release("Ubuntu", "22"): Repository("ubuntu2204", "3bf863cc.pub"),
    Release("Ubuntu", "24"): Repository("ubuntu2404", "3bf863cc.pub"),
    Release("Ubuntu", "26"): Repository("ubuntu2604", "8793F200.pub"),
}
_SITE = "https://developer.download.nvidia.com/compute/cuda/repos"
# NVIDIA's names for processors, by Debian's.
_PROCESSORS = {"amd64": "x86_64", "arm64": "sbsa"}

#: The one branch that Debian itself has.
DEBIAN_BRANCHES = {"12": 535, "13": 550}
# Which of those that Ubuntu itself has is taken where nothing else decides.
_UBUNTU_BRANCH = 580
#: Packages whose versions are their own, or lag behind the driver's.
OWN_VERSIONS = ("nvidia-persistenced", "nvidia-modprobe")
# The first branch whose packages have no number in their names in NVIDIA's repository for Ubuntu.
_WITHOUT_NUMBERS = 590
# The first whose fabric manager has none there.
_FABRIC_WITHOUT_NUMBER = 580


def repository(release: Release, processor: str) -> str:
    """Return the address of NVIDIA's repository for a release; empty where NVIDIA has none.

    :param processor: as Debian calls it.
    """
    if release not in REPOSITORIES or processor not in _PROCESSORS:
        return ""
    return f"{_SITE}/{REPOSITORIES[release].directory}/{_PROCESSORS[processor]}"


def key(release: Release, address: str) -> str:
    """Return the address of the key of a repository, NVIDIA's own or a copy of it; empty if it is not known."""
    return f"{address}/{REPOSITORIES[release].key}" if address and release in REPOSITORIES else ""


def branch_of(source: str, release: Release) -> int:
    """Return the branch that a source has for a release unless another is asked for; 0 for the newest there is."""
    if source != DISTRO:
        return 0
    return _UBUNTU_BRANCH if release.distribution == "Ubuntu" else DEBIAN_BRANCHES.get(release.major, 0)


def packages(source: str, release: Release, branch: int, flavor: str) -> list[str]:
    """Name the packages of the driver; none where the source has none for the release.

    :param branch: 0 for the newest.
    :param flavor: of the kernel module.
    """
    if release not in REPOSITORIES:
        return []
    names = _DEBIAN if release.distribution == "Debian" else _UBUNTU
    return names[source](branch, flavor == OPEN)


def fabric_manager(source: str, release: Release, branch: int) -> str:
    """Name the package of the fabric manager; empty where the source has none."""
    if source == DISTRO and release.distribution == "Debian":
        return ""
    is_numbered = source == DISTRO or 0 < branch < _FABRIC_WITHOUT_NUMBER
    return f"nvidia-fabricmanager-{branch}" if is_numbered else "nvidia-fabricmanager"


def _debian_nvidia(_branch: int, is_open: bool) -> list[str]:
    module = "nvidia-kernel-open-dkms" if is_open else "nvidia-kernel-dkms"
    return [module, "nvidia-driver-cuda", "nvidia-persistenced", "nvidia-modprobe"]


def _debian_distro(_branch: int, is_open: bool) -> list[str]:
    module = "nvidia-open-kernel-dkms" if is_open else "nvidia-kernel-dkms"
    return [module, "nvidia-smi", "libcuda1", "libnvidia-cfg1", "nvidia-persistenced", "nvidia-modprobe"]


def _ubuntu_nvidia(branch: int, is_open: bool) -> list[str]:
    number = f"-{branch}" if branch and branch < _WITHOUT_NUMBERS else ""
    return [f"nvidia-dkms{number}{'-open' if is_open else ''}", f"libnvidia-compute{number}", f"nvidia-utils{number}"]


def _ubuntu_distro(branch: int, is_open: bool) -> list[str]:
    return [f"nvidia-headless-{branch}-server{'-open' if is_open else ''}", f"nvidia-utils-{branch}-server"]


_DEBIAN = {NVIDIA: _debian_nvidia, DISTRO: _debian_distro}
_UBUNTU = {NVIDIA: _ubuntu_nvidia, DISTRO: _ubuntu_distro}


# One kernel, the same without a signature, further modules for it, or what debuggers want.
_NO_FLAVOR = re.compile(r"^(\d|unsigned-|extra-)|-dbg$")


def headers(installed: Iterable[str]) -> list[str]:
    """Name the packages that bring the headers of every kernel to come, which DKMS builds against.

    :param installed: names of packages; of `linux-image-amd64` and its like, not of those of one kernel.
    """
    flavors = [name.removeprefix("linux-image-") for name in installed if name.startswith("linux-image-")]
    return sorted(f"linux-headers-{flavor}" for flavor in flavors if not _NO_FLAVOR.search(flavor))
