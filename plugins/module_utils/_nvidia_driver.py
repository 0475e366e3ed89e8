# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Which driver a server's cards shall have, and what has to be done for it. Pure.

`nvidia_driver_info` looks, `_nvidia_driver_problems` judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from . import _nvidia_packages as names
from ._gpu_cards import OPEN, driver_for

Look = dict[str, Any]
Wishes = dict[str, Any]

PREINSTALLED, NONE = "preinstalled", "none"


class Choice(NamedTuple):
    """A driver: the branch, 0 for the newest, the flavour of its kernel module, and the packages it comes in."""

    branch: int
    flavor: str
    packages: list[str]


class Plan(NamedTuple):
    """What a converge has to do; every field but the first empty or false on a server that is as it should be."""

    hands_off: bool = False
    repair_dpkg: bool = False
    files: Sequence[dict[str, Any]] = ()
    packages: Sequence[str] = ()
    selections: Sequence[dict[str, str]] = ()
    kernels: Sequence[str] = ()
    load: bool = False
    services: Sequence[str] = ()
    reboot: bool = False

    @property
    def installs(self) -> bool:
        """Whether packages, or what tells apt of them, have to change."""
        return bool(self.repair_dpkg or self.files or self.packages)

    @property
    def settles(self) -> bool:
        """Whether there is something to do once the packages are as they shall be."""
        return bool(self.selections or self.kernels or self.load or self.services or self.reboot)


def choose(look: Look, wishes: Wishes) -> Choice:
    """Decide on a driver: what is asked for, and else what is for the cards that are there."""
    release = names.Release(*wishes["release"])
    fit = driver_for(card["device_id"] for card in look["cards"])
    # A card that is not known is a new one, and those want the open module.
    flavor = wishes["flavor"] if wishes["flavor"] != "auto" else fit.flavors[0] if fit else OPEN
    branch = wishes["branch"] or names.branch_of(wishes["source"], release) or (fit.last if fit else 0)
    if wishes["source"] not in (names.NVIDIA, names.DISTRO):
        return Choice(branch, flavor, [])
    packages = names.packages(wishes["source"], release, branch, flavor)
    if packages and look["switches"]:
        packages += [name for name in [names.fabric_manager(wishes["source"], release, branch)] if name]
    return Choice(branch, flavor, packages)


def branch_of(version: str) -> int:
    """Return the branch of a driver, or of a package of one: 580 of 580.95.05; 0 of what is no version."""
    number = version.rpartition(":")[2].partition(".")[0]
    return int(number) if number.isdigit() else 0


def has_driver(look: Look) -> bool:
    """Tell whether there is a driver, wherever it came from; a module stays loaded when its driver is removed."""
    return bool(look["driver"]["userspace_version"] or look["installed_version"])


def is_foreign(look: Look, choice: Choice) -> bool:
    """Tell whether there is a driver that the role has not brought; others install the same packages.

    NVIDIA's own installer may have come after a run that wrote its files, and got no further.
    """
    by_hand = look["installer"] and not any(name in look["packages"] for name in choice.packages)
    return has_driver(look) and bool(not look["managed"] or by_hand)


def leaves_alone(look: Look, wishes: Wishes) -> bool:
    """Tell whether the driver is somebody else's business."""
    if not look["cards"] or wishes["source"] in (PREINSTALLED, NONE):
        return True
    return is_foreign(look, choose(look, wishes)) and wishes["existing"] == "use"


def to_install(look: Look, wishes: Wishes, choice: Choice) -> list[str]:
    """List what apt has to install, in its own words: what is not there or of an older branch, and headers."""
    headers = [name for name in names.headers(look["packages"]) if name not in look["packages"]]
    # The newest kernel's do not serve the one that runs until a reboot.
    if f"linux-image-{look['kernel']}" in look["packages"] and not look["kernel_headers"]:
        headers.append(f"linux-headers-{look['kernel']}")
    lacking = [name for name in choice.packages if name not in look["packages"]]
    older = [name for name, branch in _branches(look, choice) if branch < choice.branch]
    wanted = headers + [_pinned(name, wishes, choice) for name in lacking + older]
    # The fabric manager has to be exactly of the driver's version, which may not be the newest of its branch.
    version = look["driver"]["userspace_version"]
    if (
        version
        and not older
        and (name := _fabric_manager(choice))
        and not _is_of(look["packages"].get(name, ""), version)
    ):
        wanted = [word for word in wanted if word.partition("=")[0] != name] + [f"{name}={version}*"]
    return wanted


def to_bundle(look: Look, wishes: Wishes) -> list[str]:
    """List what a bundle shall have for servers like this one, in apt's words: as for a bare one with its kernels.

    :param look: cards, switches, packages and kernel. Without a card, a branch says that the lab has cards elsewhere.
    """
    if not (look["cards"] or wishes["branch"]):
        return []
    choice = choose(look, wishes)
    images = {name: version for name, version in look["packages"].items() if name.startswith("linux-image-")}
    bare = {**look, "packages": images, "driver": {"userspace_version": ""}, "kernel_headers": False}
    return to_install(bare, wishes, choice) if choice.packages else []


def _fabric_manager(choice: Choice) -> str:
    return next((name for name in choice.packages if name.startswith("nvidia-fabricmanager")), "")


def _is_of(package_version: str, version: str) -> bool:
    return package_version.rpartition(":")[2].partition("-")[0] == version


def _pinned(name: str, wishes: Wishes, choice: Choice) -> str:
    """Ask for the branch by version: where a repository has many, and not this one, apt shall not take another."""
    is_pinned = choice.branch and wishes["source"] == names.NVIDIA and name not in names.OWN_VERSIONS
    return f"{name}={choice.branch}.*" if is_pinned else name


def newer(look: Look, choice: Choice) -> list[str]:
    """Name the packages, with their versions, that are of a newer branch than the chosen one."""
    found = _branches(look, choice)
    there = look["driver"]["userspace_version"] or look["installed_version"]
    if not found and 0 < choice.branch < branch_of(there):
        # Where names carry the branch, none of the chosen packages is there.
        return [f"the driver {there}"]
    return [f"{name} {look['packages'][name]}" for name, branch in found if 0 < choice.branch < branch]


def _branches(look: Look, choice: Choice) -> list[tuple[str, int]]:
    """Pair the packages that are there, and whose version is the driver's, with their branches."""
    there = [name for name in choice.packages if name in look["packages"] and name not in names.OWN_VERSIONS]
    return [(name, branch_of(look["packages"][name])) for name in there]


def _to_start(look: Look) -> list[str]:
    return [unit for unit, state in look["services"].items() if state == "stopped"]


def plan(look: Look, wishes: Wishes) -> Plan:
    """Decide what to do about a driver, from one look and the role's settings."""
    if leaves_alone(look, wishes):
        return Plan(hands_off=True)
    choice = choose(look, wishes)
    wanted = "hold" if wishes["hold"] else "install"
    there = [name for name in choice.packages if name in look["packages"]]
    installed, loaded = look["installed_version"], look["driver"]["kernel_version"]
    reboot = bool(look["driver"]["reboot_required"])
    return Plan(
        repair_dpkg=look["dpkg_interrupted"],
        files=look["files_drifted"],
        packages=to_install(look, wishes, choice),
        selections=[
            {"name": name, "selection": wanted} for name in there if (name in look["held"]) is not wishes["hold"]
        ],
        kernels=look["kernels_without_module"],
        load=bool(installed and not loaded and not reboot),
        # The fabric manager runs beside a driver of its own version only, so not before a reboot.
        services=_to_start(look) if (loaded or installed) and not reboot else [],
        reboot=reboot,
    )
