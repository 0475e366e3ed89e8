# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads what the kernel and its tools tell of NVIDIA's driver, and why it is not loaded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Facts = Mapping[str, Any]

# Lines of the kernel's log that say something about a card or its driver.
_OF_THE_DRIVER = re.compile(r"NVRM|nvidia|nouveau|Key was rejected by service", re.I)
_NOT_PROBED = "The NVIDIA probe routine was not called"
_XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F:.]+)\): (\d+),? ?(.*)")
_DKMS = re.compile(r"(nvidia[\w-]*)[/,] ?([\w.~+-]+)(?:, ([\w.~+-]+), (\w+))?: (\w+)")


class Cause(NamedTuple):
    """Why the kernel module is not loaded, and what mends it."""

    text: str
    remedy: str
    commands: tuple[str, ...]
    reboot: bool = False


class Xid(NamedTuple):
    """An error that a card reported to the kernel; `address` has no function: `0000:01:00`."""

    address: str
    code: int
    text: str


# --- What it is -------------------------------------------------------------------------------------------------------


def parse_proc_version(text: str) -> tuple[str, str]:
    """Read /proc/driver/nvidia/version: version of the loaded module, and its flavour.

    :returns: both empty if the text holds neither; the flavour is `open` or `proprietary`.
    """
    match = re.search(r"NVRM version:.*?(Open )?Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)", text)
    return (match[2], "open" if match[1] else "proprietary") if match else ("", "")


def parse_modinfo(text: str) -> tuple[str, str]:
    """Read `modinfo nvidia`: version of the module that the running kernel would load, and its flavour."""
    fields = dict(re.findall(r"^(version|license):\s+(.+?)\s*$", text, re.M))
    if "version" not in fields:
        return "", ""
    return fields["version"], "open" if "GPL" in fields.get("license", "") else "proprietary"


def parse_dkms(text: str) -> list[dict[str, str]]:
    """Read `dkms status` of old and new versions: module, version, kernel, arch and state of NVIDIA's."""
    keys = ("module", "version", "kernel", "arch", "state")
    found = (_DKMS.match(line) for line in text.splitlines())
    return [dict(zip(keys, match.groups(""), strict=True)) for match in found if match]


def secure_boot(variable: bytes | None) -> bool | None:
    """Read the EFI variable SecureBoot: four bytes of attributes, then one; None without EFI."""
    return variable[4] == 1 if variable and len(variable) > 4 else None


# --- The kernel's log -------------------------------------------------------------------------------------------------


def of_the_driver(log: str) -> list[str]:
    """Pick the lines that are about NVIDIA's cards, without what comes before their words."""
    return [
        re.sub(r"^.*?(?=NVRM:|nvidia[\w-]*:)", "", line) for line in log.splitlines() if _OF_THE_DRIVER.search(line)
    ]


def parse_xids(lines: Iterable[str]) -> list[Xid]:
    """Read the errors that cards reported."""
    found = (_XID.search(line) for line in lines)
    return [Xid(match[1].lower(), int(match[2]), match[3]) for match in found if match]


def last_line(lines: Iterable[str], *words: str) -> str:
    """Return the last line that holds one of these words; empty without one."""
    return next((line for line in reversed([*lines]) if any(word in line for word in words)), "")


# --- Why it is not loaded ---------------------------------------------------------------------------------------------


def why_not_loaded(driver: Facts) -> Cause | None:
    """Find the cause, the surest evidence first; None if nothing tells.

    :param driver: `log`, `kernel` (running release), `dkms`, `installed_version`, `secure_boot`, `nouveau_loaded`, and
        `holders`, the names of the drivers that hold the cards.
    """
    log = driver["log"]
    if refused := wrong_flavor(log):
        return refused
    if rejected := last_line(log, "Key was rejected by service"):
        return _unsigned(rejected)
    if driver["nouveau_loaded"] or "nouveau" in driver["holders"]:
        return _nouveau(last_line(log, _NOT_PROBED) or "the module nouveau is loaded, and holds the cards.")
    if unprobed := last_line(log, _NOT_PROBED):
        holders = ", ".join(driver["holders"]) or "another driver"
        return Cause(
            f"{unprobed} Held by {holders}.",
            "Take the card from the driver that holds it, and reboot.",
            (),
            reboot=True,
        )
    return _seen_on_the_server(driver)


def wrong_flavor(log: list[str]) -> Cause | None:
    """Tell from the kernel's log that this module, open, proprietary or of this branch, is not for the card."""
    wants_open = last_line(log, "requires use of the NVIDIA open kernel modules")
    wants_closed = last_line(log, "is not supported by open nvidia.ko", "not include the required GPU System Processor")
    legacy = last_line(log, "Legacy drivers")
    if wants_open:
        return Cause(wants_open, "This card wants the open kernel modules: install the open flavour.", _flavour("open"))
    if wants_closed:
        return Cause(
            wants_closed,
            "This card is too old for the open kernel modules: install the proprietary flavour.",
            _flavour(""),
        )
    if legacy:
        return Cause(legacy, "This card needs the older branch of the driver that the log names.", ())
    return None


def _seen_on_the_server(driver: Facts) -> Cause | None:
    kernel = driver["kernel"]
    built = [entry for entry in driver["dkms"] if entry["kernel"] == kernel and entry["state"] == "installed"]
    if driver["dkms"] and not built:
        entry = driver["dkms"][-1]
        return Cause(
            f"dkms status has no {entry['module']} for the running kernel {kernel}.",
            "Build the module for the running kernel; the headers' metapackage keeps it so for later ones.",
            (f"apt-get install linux-headers-{kernel}", f"dkms autoinstall -k {kernel}", "modprobe nvidia"),
        )
    if not driver["installed_version"]:
        return Cause(
            f"there is no module nvidia for the running kernel {kernel}.",
            "Install the kernel module for the running kernel, or boot the kernel that has it.",
            ("dkms status", f"ls /lib/modules/{kernel}"),
        )
    if driver["secure_boot"]:
        return _unsigned("Secure Boot is on, and the module is installed but not loaded.")
    return None


def _unsigned(text: str) -> Cause:
    return Cause(
        text,
        "Enrol the key that signs the module: somebody has to confirm it at the server's console at the next start. "
        "Or use the distribution's signed modules, or turn Secure Boot off.",
        ("mokutil --import /var/lib/dkms/mok.pub", "systemctl reboot"),
        True,
    )


def _nouveau(text: str) -> Cause:
    return Cause(
        text,
        "Keep nouveau from loading, and reboot.",
        (
            "printf 'blacklist nouveau\\noptions nouveau modeset=0\\n' > /etc/modprobe.d/nouveau.conf",
            "update-initramfs -u",
            "systemctl reboot",
        ),
        True,
    )


def _flavour(wanted: str) -> tuple[str, ...]:
    package = f"nvidia-kernel-{wanted}-dkms" if wanted else "nvidia-kernel-dkms"
    return (f"apt-get install {package}", "modprobe nvidia")
