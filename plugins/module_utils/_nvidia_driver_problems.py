# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What stands in the way of a driver for a server's cards, or should be known of it. Pure."""

from __future__ import annotations

from . import _nvidia_driver as driver
from . import _nvidia_packages as names
from ._gpu_cards import OPEN, Fit, at_odds, driver_for
from ._nvidia_driver import Choice, Look, Wishes
from ._problems import Problem, at_least, error, render, warning

# From this branch on there is no proprietary kernel module.
_OPEN_ONLY = 620


def problems(look: Look, wishes: Wishes) -> list[Problem]:
    """Judge what is there and what is wished: what stands in the way ('error'), and what someone should know."""
    if not look["cards"] or wishes["source"] == driver.NONE:
        return []
    if wishes["source"] == driver.PREINSTALLED:
        return _missing(look)
    if driver.leaves_alone(look, wishes):
        return _left_alone(look, wishes)
    choice = driver.choose(look, wishes)
    judges = (
        _at_odds,
        _platform,
        _branch,
        _fabric,
        _pair,
        _newer,
        _by_hand,
        _mirror,
        _doubled,
        _users,
        _reboot,
        _kernel,
        _secure_boot,
    )
    return [found for judge in judges for found in judge(look, wishes, choice)]


def refusal(found: list[Problem]) -> str:
    """Say in one text what stands in the way; '' if nothing does."""
    errors = at_least("error", found)
    return f"The driver cannot be made ready; nothing was changed.\n\n{render(errors)}" if errors else ""


def _missing(look: Look) -> list[Problem]:
    if driver.has_driver(look):
        return []
    return [
        error(
            "driver-missing",
            "nvidia_driver_source",
            f"It is preinstalled, and there is no driver for {_cards(look)}: no module for this kernel, no library.",
            "Install it by hand, or set `nvidia_driver_source: nvidia` to have it installed, or `none` to leave the "
            "cards alone.",
        )
    ]


def _left_alone(look: Look, wishes: Wishes) -> list[Problem]:
    """Say that a branch was asked for in vain, as the driver was there before."""
    found = look["driver"]["userspace_version"] or look["driver"]["kernel_version"] or look["installed_version"]
    if not wishes["branch"] or driver.branch_of(found) == wishes["branch"]:
        return []
    return [
        warning(
            "driver-left-alone",
            "nvidia_driver_existing",
            f"Branch {wishes['branch']} is asked for, and the driver {found} that was already there is left as it is.",
            "Set `nvidia_driver_existing: manage` to have it replaced, or empty nvidia_driver_branch.",
        )
    ]


# --- What cannot be ---------------------------------------------------------------------------------------------------


def _at_odds(look: Look, _wishes: Wishes, _choice: Choice) -> list[Problem]:
    needs = at_odds(card["device_id"] for card in look["cards"])
    if not needs:
        return []
    return [
        error(
            "driver-cards-at-odds",
            "PCI bus",
            f"No one driver serves all cards of this server. {needs}.",
            "Give one kind to another server, or keep it from the driver (vfio-pci); `nvidia_driver_source: none` "
            "leaves all of them alone.",
        )
    ]


def _platform(look: Look, wishes: Wishes, choice: Choice) -> list[Problem]:
    release = " ".join(wishes["release"])
    if choice.packages and (wishes["source"] != names.NVIDIA or look["repository_known"]):
        return []
    return [
        error(
            "driver-platform-unknown",
            "nvidia_driver_source",
            f"{wishes['source']} has no driver for {release} on this processor; there are packages for Debian 12 and "
            "13 and Ubuntu 22.04, 24.04 and 26.04.",
            "Install a driver by hand, and set `nvidia_driver_source: preinstalled`.",
        )
    ]


def _fabric(look: Look, wishes: Wishes, choice: Choice) -> list[Problem]:
    """Refuse a source without the fabric manager where cards compute on nothing without it."""
    release = names.Release(*wishes["release"])
    if not look["switches"] or not choice.packages or names.fabric_manager(wishes["source"], release, choice.branch):
        return []
    return [
        error(
            "fabric-manager-unavailable",
            "nvidia_driver_source",
            f"There are NVSwitches, {', '.join(look['switches'])}, and Debian itself has no fabric manager.",
            "Set `nvidia_driver_source: nvidia`, whose repository has it at each driver's version.",
        )
    ]


def _branch(_look: Look, wishes: Wishes, choice: Choice) -> list[Problem]:
    """Refuse a branch that Debian itself does not have."""
    release = names.Release(*wishes["release"])
    has = names.branch_of(wishes["source"], release)
    if release.distribution != "Debian" or not has or choice.branch == has:
        return []
    return [
        error(
            "driver-branch-unavailable",
            "nvidia_driver_branch",
            f"Debian {release.major} itself has branch {has}, and {choice.branch} is asked for.",
            f"Empty it, or set `nvidia_driver_source: nvidia`, which has {choice.branch}.",
        )
    ]


def _pair(look: Look, wishes: Wishes, choice: Choice) -> list[Problem]:
    """Refuse a branch or a flavour that is not for the cards."""
    fit = driver_for(card["device_id"] for card in look["cards"])
    if choice.flavor != OPEN and choice.branch >= _OPEN_ONLY:
        return [_impossible(look, "nvidia_driver_flavor", choice, f"from {_OPEN_ONLY} on the module is open only", fit)]
    if not fit:
        return []
    if choice.flavor not in fit.flavors:
        return [_impossible(look, "nvidia_driver_flavor", choice, f"the cards need: {fit}", fit)]
    if choice.branch and not fit.first <= choice.branch <= (fit.last or choice.branch):
        setting = "nvidia_driver_branch" if wishes["branch"] else "nvidia_driver_source"
        return [_impossible(look, setting, choice, f"the cards need: {fit}", fit)]
    return []


def _impossible(look: Look, setting: str, choice: Choice, why: str, fit: Fit | None) -> Problem:
    branch = f"branch {choice.branch}" if choice.branch else "the newest branch"
    mend = "Leave `nvidia_driver_flavor` at auto and `nvidia_driver_branch` empty: what is for the cards is chosen."
    if setting == "nvidia_driver_source":
        mend = f"Set `nvidia_driver_source: nvidia`, which has more branches than the distribution; wanted is {fit}."
    return error(
        "driver-impossible", setting, f"{branch}, {choice.flavor} module, is not for {_cards(look)}: {why}.", mend
    )


# --- What is there ----------------------------------------------------------------------------------------------------


def _newer(look: Look, _wishes: Wishes, choice: Choice) -> list[Problem]:
    found = driver.newer(look, choice)
    if not found:
        return []
    return [
        error(
            "driver-newer",
            "nvidia_driver_branch",
            f"{', '.join(found)} is installed, newer than the wanted branch {choice.branch}.",
            "Raise or empty `nvidia_driver_branch`. A driver is not downgraded by surprise: to go back, remove it "
            "(`apt-get remove 'nvidia-*' 'libnvidia-*'`), and run this again.",
        )
    ]


def _by_hand(look: Look, _wishes: Wishes, choice: Choice) -> list[Problem]:
    """Refuse to install beside a driver of NVIDIA's own installer: the files of the two would mix."""
    if not look["installer"] or not driver.is_foreign(look, choice):
        return []
    return [
        error(
            "driver-by-hand",
            "nvidia_driver_existing",
            f"NVIDIA's own installer has put a driver here ({look['installer']} belongs to it).",
            f"Remove it (`{look['installer']} --silent`), and run this again; or set `nvidia_driver_existing: use`.",
        )
    ]


def _mirror(look: Look, _wishes: Wishes, _choice: Choice) -> list[Problem]:
    if look["mirror_found"]:
        return []
    return [
        error(
            "driver-mirror-unknown",
            "nvidia_driver_debian_mirror",
            "None of the sources in /etc/apt says where this server takes its own release from.",
            "Set it to the address of a Debian mirror that this server reaches.",
        )
    ]


def _doubled(look: Look, _wishes: Wishes, _choice: Choice) -> list[Problem]:
    """Refuse a second source with a key of its own: apt then reads none of the server's sources."""
    return [
        error(
            "driver-source-doubled",
            path,
            "It names the same repository as the role's own source, and apt takes no two keys for one address.",
            f"Remove it: `rm {path}`; or leave the driver to whoever wrote it, `nvidia_driver_source: preinstalled`.",
        )
        for path in look["other_sources"]
    ]


def _users(look: Look, wishes: Wishes, choice: Choice) -> list[Problem]:
    """Refuse to replace a driver that runs under users' servers."""
    packages = driver.to_install(look, wishes, choice)
    if not packages or not look["driver"]["kernel_version"] or not look["user_servers"]:
        return []
    return [
        error(
            "driver-in-use",
            "nvidia_driver_branch",
            f"{', '.join(packages)} would be installed under the servers of users: {', '.join(look['user_servers'])}. "
            "A driver whose libraries were replaced serves no new program until the server is rebooted.",
            "Have them saved and stopped, ./run.sh drain, and run this again.",
        )
    ]


def _reboot(look: Look, wishes: Wishes, _choice: Choice) -> list[Problem]:
    """Refuse to reboot a server under those who work on it."""
    if wishes["reboot"] != "now" or not look["driver"]["reboot_required"] or not look["user_servers"]:
        return []
    return [
        error(
            "reboot-under-users",
            "nvidia_driver_reboot",
            "The driver that is installed is not the one that runs, and a reboot now would stop the servers of users: "
            f"{', '.join(look['user_servers'])}.",
            "Have them saved and stopped, ./run.sh drain, and run this again; or have it wait, `nvidia_driver_reboot: "
            "when_idle`.",
        )
    ]


def _kernel(look: Look, _wishes: Wishes, _choice: Choice) -> list[Problem]:
    if names.headers(look["packages"]) or look["kernel_headers"]:
        return []
    return [
        warning(
            "kernel-foreign",
            look["kernel"],
            "No kernel of the distribution's is installed, and there are no headers for the one that runs.",
            f"Put its headers where DKMS finds them, /lib/modules/{look['kernel']}/build; in a container, the driver "
            "is the host's: `nvidia_driver_source: preinstalled`.",
        )
    ]


def _secure_boot(look: Look, _wishes: Wishes, _choice: Choice) -> list[Problem]:
    if not look["driver"]["secure_boot"] or look["driver"]["kernel_version"]:
        return []
    return [
        warning(
            "secure-boot",
            "Secure Boot",
            "It is on, and DKMS signs the module with a key of this server's own, which the firmware does not know.",
            "Enrol the key once (`mokutil --import /var/lib/dkms/mok.pub`), reboot, and confirm it at the server's "
            "console; or turn Secure Boot off.",
        )
    ]


def _cards(look: Look) -> str:
    """Name the cards by address and architecture."""
    return ", ".join(f"{card['address']} ({card['architecture'] or card['device_id']})" for card in look["cards"])
