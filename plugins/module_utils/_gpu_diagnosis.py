# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a server's GPUs, judged from what `_gpu_look` saw. Pure.

Judges go from the ground up. What stands on something broken is not judged: one cause, one problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import _gpu_toolkit as toolkit
from ._gpu_cards import at_odds, driver_for
from ._gpu_driver import Cause, Xid, last_line, parse_xids, why_not_loaded, wrong_flavor
from ._gpu_kinds import KINDS
from ._gpu_problems import GpuProblem, Seen, fault
from ._gpu_smi import pci_address

Facts = Mapping[str, Any]

#: Error codes of NVML, which are exit codes of nvidia-smi too, by what they mean here.
NVML_CODES = {
    4: "insufficient_permissions",
    6: "no_devices",
    9: "driver_not_loaded",
    12: "driver_not_installed",
    15: "gpu_lost",
    17: "gpu_access_blocked",
    18: "version_mismatch",
}
# The card computes all the same.
_INFOROM = 14

_ADDRESS = re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]\b")
_HANDLE = "Unable to determine the device handle"
# What a card reports when it needs more than the end of a program; NVIDIA's document "Xid Errors".
_SERIOUS_XIDS = {48, 64, 74, 79, 95, 119, 120, 140, 143}
_OFF_THE_BUS = 79


def diagnose(facts: Facts) -> list[GpuProblem]:
    """Judge a server.

    :param facts: what `_gpu_look.at_server` returns.
    """
    problems = [*_hardware(facts)]
    cards = _cards(facts)
    if not cards and not facts["gpus"]:
        return problems
    problems += _at_odds(cards)
    broken = [*_driver(facts)]
    if any(problem.severity == "error" for problem in broken):
        return problems + broken
    return problems + broken + [*_gpus(facts)] + [*_uvm(facts)] + [*_engine(facts)]


def _cards(facts: Facts) -> list[dict[str, Any]]:
    """Return the cards that are this server's own, and not a virtual machine's."""
    return [card for card in facts["pci_gpus"] if card["driver"] != "vfio-pci"]


def _hardware(facts: Facts) -> Iterator[GpuProblem]:
    found, expected = len(facts["pci_gpus"]) or len(facts["gpus"]), facts["expect_gpus"]
    seen = Seen("/sys/bus/pci/devices")
    if found < expected and not found:
        yield fault("no_gpu_hardware", "PCI bus", f"there is no card of NVIDIA, and {expected} should be there.", seen)
    elif found < expected:
        places = ", ".join(card["address"] for card in facts["pci_gpus"])
        yield fault("gpus_missing", "PCI bus", f"{found} of {expected} cards are there: {places}.", seen)


def _at_odds(cards: list[dict[str, Any]]) -> list[GpuProblem]:
    """Say that no one driver is for all of the cards."""
    needs = at_odds(card["device_id"] for card in cards)
    return [fault("cards_at_odds", "PCI bus", f"{needs}.", Seen("/sys/bus/pci/devices"))] if needs else []


def _suitable(cards: list[dict[str, Any]]) -> str:
    """Say which driver the cards need; nothing where that is not known, or where none serves them all."""
    fit = driver_for(card["device_id"] for card in cards)
    names = ", ".join(sorted({card["architecture"] for card in cards} - {""}))
    return f" The cards here ({names}) need: {fit}." if fit else ""


# --- The driver -------------------------------------------------------------------------------------------------------


def _driver(facts: Facts) -> Iterator[GpuProblem]:
    smi, report = facts["smi"], facts["report"]
    seen = Seen(smi["command"], smi["rc"], facts["control_errno"])
    said = f"{smi['err']}\n{report.said}".strip()
    if smi["state"] == "missing":
        yield _without_tools(facts)
    elif smi["state"] == "hung":
        yield fault("driver_hung", "nvidia-smi", smi["err"], seen)
    elif not facts["gpus"]:
        yield _no_answer(facts, said or smi["out"][:500], seen)
    else:
        if facts["output_broken"]:
            yield fault("driver_output_broken", "nvidia-smi", facts["output_broken"], seen, severity="warning")
        if smi["rc"] == _INFOROM or "infoROM is corrupted" in said:
            yield fault("inforom_corrupted", "GPU", said, seen)
        yield from _upgraded(facts)


def _without_tools(facts: Facts) -> GpuProblem:
    loaded = facts["driver"]["kernel_version"]
    text = "there is no nvidia-smi on this server" + (f", though the module {loaded} is loaded." if loaded else ".")
    remedy = KINDS["driver_not_installed"].remedy + _suitable(_cards(facts))
    return fault("driver_not_installed", "NVIDIA driver", text, Seen("nvidia-smi", 127), remedy=remedy)


def _no_answer(facts: Facts, said: str, seen: Seen) -> GpuProblem:
    """Say why nvidia-smi told of no GPU: by its exit code first, as its words are ambiguous."""
    code = code_of(seen.rc, said, seen.errno)
    said = said or f"{seen.command} ended with {seen.rc}, and without a word."
    if code == "driver_not_loaded":
        return _because(code, _why(facts), last_line(facts["log"], "NVRM") or said, seen)
    if code == "version_mismatch" and facts["driver"]["kernel_version"]:
        said += f"\nLoaded: {facts['driver']['kernel_version']}, libraries: {facts['driver']['userspace_version']}."
    if code == "no_devices":
        return _because(code, wrong_flavor(facts["log"]), last_line(facts["log"], "RmInitAdapter failed") or said, seen)
    if code:
        address = _ADDRESS.search(said) if code == "gpu_lost" else None
        return fault(code, pci_address(address[0]) if address else "NVIDIA driver", said, seen)
    broken = facts["output_broken"] or "it told of no GPU"
    return fault("driver_output_broken", "nvidia-smi", f"{broken}.\n{said}", seen)


def code_of(code: int | None, text: str, errno: str) -> str:
    """Name the problem behind an exit code of nvidia-smi or a code of NVML's; empty if nothing tells.

    :param text: what was said.
    :param errno: what opening /dev/nvidiactl gave; empty if it opens.
    """
    if code in NVML_CODES:
        return NVML_CODES[code]
    if "Mismatch in versions" in text or "version mismatch" in text.lower() or "API mismatch" in text:
        return "version_mismatch"
    if _HANDLE in text:
        return "gpu_lost"
    if "No devices were found" in text or "No devices found" in text:
        return "no_devices"
    if "Unknown Error" in text or code == 999:
        return {"ENOENT": "not_injected", "EPERM": "cgroup_denied", "EACCES": "insufficient_permissions"}.get(
            errno, "no_driver_behind_node" if errno == "ENXIO" else ""
        )
    return ""


def _why(facts: Facts) -> Cause | None:
    holders = sorted({card["driver"] for card in facts["pci_gpus"]} - {"", "nvidia"})
    seen = {"log": facts["log"], "kernel": facts["kernel"], "holders": holders}
    return why_not_loaded({**facts["driver"], **facts["installed"], **seen})


def _because(code: str, cause: Cause | None, said: str, seen: Seen) -> GpuProblem:
    """Tell the cause where one is known, and else what was said."""
    if cause is None:
        return fault(code, "NVIDIA driver", said, seen)
    instead = {"remedy": cause.remedy, "remedy_commands": cause.commands, "needs_reboot": cause.reboot}
    return fault(code, "NVIDIA driver", cause.text, seen, **instead)


def _upgraded(facts: Facts) -> Iterator[GpuProblem]:
    loaded, installed = facts["driver"]["kernel_version"], facts["installed"]["installed_version"]
    if facts["driver"]["reboot_required"]:
        text = f"the module {loaded} is loaded, and {installed} is installed."
        yield fault("driver_upgraded", "NVIDIA driver", text, Seen("modinfo nvidia", 0))


# --- Cards ------------------------------------------------------------------------------------------------------------


def _gpus(facts: Facts) -> Iterator[GpuProblem]:
    smi = facts["smi"]
    seen = Seen(smi["command"], smi["rc"])
    told = {gpu["pci_bus_id"] for gpu in facts["gpus"]}
    faults = facts["report"].faults
    sick = {address for _code, address, _text in faults}
    for code, address, text in faults:
        if code != "fabric_not_ready":
            yield fault(code, address, f"{text}.", seen)
    # One fabric joins them all.
    if waiting := [f"{address} ({text})" for code, address, text in faults if code == "fabric_not_ready"]:
        yield fault("fabric_not_ready", "NVSwitch", f"cards wait for it: {', '.join(waiting)}.", seen)
    for gpu in facts["gpus"]:
        if gpu["mig_mode"] == "enabled" and not gpu["mig_devices"]:
            yield fault("mig_without_slices", gpu["pci_bus_id"], "MIG is enabled, and there is no slice.", seen)
    xids = parse_xids(facts["log"])
    for card in _cards(facts):
        if card["address"] not in told:
            yield _silent(card["address"], xids, facts, seen)
        elif card["address"] not in sick:
            yield from _reported(card["address"], xids)


def _silent(address: str, xids: list[Xid], facts: Facts, seen: Seen) -> GpuProblem:
    """Judge a card that sits on the bus and that the driver does not tell of."""
    if refused := last_line([line for line in facts["log"] if address in line], "RmInitAdapter failed"):
        return fault("no_devices", address, refused, Seen("dmesg"))
    said = last_line(f"{facts['smi']['err']}\n{facts['smi']['out']}".splitlines(), _HANDLE)
    xid = next((f"Xid {xid.code}: {xid.text}" for xid in reversed(xids) if address.startswith(xid.address)), "")
    return fault("gpu_lost", address, said or xid or "the driver does not tell of this card.", seen)


def _reported(address: str, xids: list[Xid]) -> Iterator[GpuProblem]:
    """Tell of a card's serious errors since the server's start, though it answers now."""
    serious = [xid for xid in xids if address.startswith(xid.address) and xid.code in _SERIOUS_XIDS - {_OFF_THE_BUS}]
    if serious:
        text = f"Xid {serious[-1].code}: {serious[-1].text}"
        yield fault("gpu_error_state", address, text, Seen("dmesg"), severity="warning")


def _uvm(facts: Facts) -> Iterator[GpuProblem]:
    # Under WSL there is neither a card on the bus nor this node.
    if facts["uvm_errno"] and _cards(facts):
        yield fault(
            "uvm_missing",
            "/dev/nvidia-uvm",
            "it cannot be opened.",
            Seen("open /dev/nvidia-uvm", None, facts["uvm_errno"]),
        )


# --- Engine and toolkit -----------------------------------------------------------------------------------------------


def _engine(facts: Facts) -> Iterator[GpuProblem]:
    docker, kit = facts["docker"], facts["toolkit"]
    for spec in kit["cdi_specs"]:
        if spec["error"]:
            code = "cdi_spec_unread" if spec["error"] == toolkit.NO_YAML else "cdi_spec_broken"
            yield fault(code, spec["path"], spec["error"], Seen(spec["path"]))
    for path, reasons in stale_specs(facts):
        yield fault("cdi_stale", path, f"{'; '.join(reasons)}.", Seen(path))
    if not docker["version"]:
        return
    seen = Seen("docker info", 0)
    by_runtime = "nvidia" in docker["runtimes"]
    if docker["default_runtime"] == "nvidia":
        yield fault(
            "default_runtime_nvidia", "default-runtime", "every container starts with the runtime nvidia.", seen
        )
    if not kit["version"] and not kit["cdi_specs"] and not by_runtime:
        text = "there is no NVIDIA Container Toolkit on this server: no nvidia-ctk, no CDI specification, no runtime."
        yield fault("docker_no_gpu_driver", "Docker engine", text, seen)
    elif not docker["cdi_enabled"] and not by_runtime:
        yield fault("docker_no_cdi", "Docker engine", f"Docker {docker['version']} runs with CDI off.", seen)
    elif docker["cdi_enabled"] and not kit["cdi_specs"] and not by_runtime:
        yield fault("cdi_unresolvable", "/etc/cdi", "no CDI specification names a GPU.", Seen("/etc/cdi /var/run/cdi"))


def stale_specs(facts: Facts) -> list[tuple[str, list[str]]]:
    """Pair the path of each CDI specification that is stale with the reasons."""
    if not facts["gpus"]:
        return []
    loaded = facts["driver"]["kernel_version"]
    pairs = [
        (spec["path"], toolkit.stale(spec, loaded, facts["gpus"], facts["nodes"]))
        for spec in facts["toolkit"]["cdi_specs"]
        if not spec["error"]
    ]
    return [(path, reasons) for path, reasons in pairs if reasons]
