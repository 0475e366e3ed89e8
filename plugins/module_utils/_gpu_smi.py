# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads what nvidia-smi tells: `-q -x` of every DTD, `-q`, `-L` and `--query-gpu`; never its table. Pure.

Whatever is cut off or malformed is told in `Report.broken`, and what came before it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, SubElement, XMLPullParser

QUERY = "index,uuid,compute_cap"

_ROOT = "nvidia_smi_log"
_END = f"</{_ROOT}>"
# What stands for a value where the card does not answer; `Unknown Error` also comes in brackets.
_ERRORS = re.compile(r"\[?(?:ERR!|Unknown Error|GPU is lost|GPU requires reset)\]?")
_FABRIC_WAITS = ("In Progress", "Not Started")
_TEXT_GPU = re.compile(r"GPU ([0-9A-Fa-f]{8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f])")
_TEXT_LINE = re.compile(r"( *)(\S.*?)\s*(?:\s:(?:\s(.*))?)?")
_LIST_GPU = re.compile(r"GPU (\d+): (.*) \(UUID: (\S+)\)")
_LIST_MIG = re.compile(r"\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (\S+)\)")


class Report(NamedTuple):
    """What nvidia-smi told.

    :param attached: how many GPUs it says there are; None if it does not say.
    :param gpus: those it tells about, in its order, without index and compute capability.
    :param faults: (problem code, PCI address, words) of each card that is not well.
    :param broken: what is wrong with the output itself; empty if nothing is.
    :param said: what it said before or after the output, such as a warning.
    """

    driver_version: str = ""
    cuda_version: str = ""
    attached: int | None = None
    gpus: tuple[dict[str, Any], ...] = ()
    faults: tuple[tuple[str, str, str], ...] = ()
    broken: str = ""
    said: str = ""


# --- nvidia-smi -q -x -------------------------------------------------------------------------------------------------


def parse_xml(text: str) -> Report:
    """Read `nvidia-smi -q -x`."""
    start, end = text.find(f"<{_ROOT}>"), text.rfind(_END)
    if start < 0:
        return Report(broken=f"there is no <{_ROOT}> in it", said=text.strip())
    stop = end + len(_END) if end > start else len(text)
    told, broken = _complete_elements(text[start:stop])
    if end <= start and not broken:
        broken = f"it ends before {_END}"
    around = re.sub(r"<[?!][^>]*>", "", text[:start]) + text[stop:]
    return _report(told, broken, "\n".join(line for line in around.splitlines() if line.strip()))


def _complete_elements(text: str) -> tuple[Element, str]:
    """Collect what is whole below the root, and say where the text stops being XML."""
    parser = XMLPullParser(["start", "end"])
    told, path = Element(_ROOT), []
    try:
        parser.feed(text)
        for event, element in parser.read_events():
            if event == "start":
                path.append(element)
                continue
            path.pop()
            if len(path) == 1:
                told.append(element)
    except ParseError as error:
        return told, f"it is no well-formed XML: {error}"
    return told, ""


# --- nvidia-smi -q ----------------------------------------------------------------------------------------------------


def parse_text(text: str) -> Report:
    """Read `nvidia-smi -q`: it has the same values, and survives process names that break the XML."""
    told = Element(_ROOT)
    levels: list[tuple[int, Element]] = [(-1, told)]
    for line in text.splitlines():
        if header := _TEXT_GPU.fullmatch(line.rstrip()):
            levels = [(-1, told), (0, SubElement(told, "gpu", id=header[1]))]
        elif (match := _TEXT_LINE.fullmatch(line)) and not line.startswith("="):
            indent = len(match[1])
            while levels[-1][0] >= indent > 0 or (indent == 0 and len(levels) > 1):
                levels.pop()
            element = SubElement(levels[-1][1], re.sub(r"\W+", "_", match[2].lower()))
            element.text = match[3]
            levels.append((indent, element))
    broken = ""
    if told.find("attached_gpus") is None:
        broken = "it does not say how many GPUs are attached"
    elif not text.endswith("\n\n"):
        broken = "it ends before its last, empty line"
    elif (attached := _number(told.findtext("attached_gpus"))) != len(told.findall("gpu")):
        broken = f"it tells about {len(told.findall('gpu'))} of {attached} GPUs"
    return _report(told, broken, "")


# --- Both -------------------------------------------------------------------------------------------------------------


def _report(told: Element, broken: str, said: str) -> Report:
    elements = told.findall("gpu")
    gpus = tuple(_gpu(element) for element in elements)
    nameless = [gpu["pci_bus_id"] for gpu in gpus if not gpu["uuid"]]
    if nameless and not broken:
        broken = f"it has no UUID of {', '.join(nameless)}"
    return Report(
        _version(_text(told, "kmd_version", "driver_version")),
        _version(_text(told, "cuda_umd_version", "cuda_version")),
        _number(_text(told, "attached_gpus")),
        gpus,
        tuple(fault for element in elements for fault in _faults(element)),
        broken,
        said,
    )


def _gpu(gpu: Element) -> dict[str, Any]:
    return {
        "uuid": _text(gpu, "uuid", "gpu_uuid"),
        "name": _text(gpu, "product_name"),
        "pci_bus_id": pci_address(gpu.get("id", "")),
        "memory": _memory(gpu, "fb_memory_usage"),
        "mig_mode": _mode(_text(gpu, "mig_mode/current_mig", "mig_mode/current")),
        "mig_pending": _mode(_text(gpu, "mig_mode/pending_mig", "mig_mode/pending")),
        "mig_devices": [_mig_device(device) for device in gpu.iter("mig_device")],
        "processes": [*_processes(gpu)],
    }


def _mig_device(device: Element) -> dict[str, Any]:
    return {
        "index": _number(_text(device, "index")),
        "uuid": "",
        "profile": "",
        "gpu_instance_id": _number(_text(device, "gpu_instance_id")),
        "compute_instance_id": _number(_text(device, "compute_instance_id")),
        "memory": _memory(device, "fb_memory_usage", "shared_fb_memory_usage"),
    }


def _processes(gpu: Element) -> Iterator[dict[str, Any]]:
    """Yield what runs on the card; the text has its processes one after the other, without a frame."""
    for process in gpu.iter("process_info"):
        yield _process(process, process, _text(process, "pid"), _text(process, "used_memory"))
    frame: dict[str, str] = {}
    for entry in gpu.findall("processes/*"):
        frame[entry.tag] = entry.text or ""
        if entry.tag == "process_id":
            instances = Element("instances")
            for tag in ("gpu_instance_id", "compute_instance_id"):
                SubElement(instances, tag).text = frame.get(tag)
            yield _process(instances, entry, entry.text or "", _text(entry, "used_gpu_memory"))


def _process(instances: Element, process: Element, pid: str, memory: str) -> dict[str, Any]:
    return {
        "pid": _number(pid),
        "type": _text(process, "type"),
        "name": _text(process, "process_name", "name"),
        "memory": _number(memory),
        "gpu_instance_id": _number(_text(instances, "gpu_instance_id")),
        "compute_instance_id": _number(_text(instances, "compute_instance_id")),
    }


def _faults(gpu: Element) -> Iterator[tuple[str, str, str]]:
    address = pci_address(gpu.get("id", ""))
    wrong = sorted({f"{e.tag}: {e.text.strip()}" for e in gpu.iter() if e.text and _ERRORS.fullmatch(e.text.strip())})
    action = _text(gpu, "gpu_recovery_action")
    if action not in ("", "None", "N/A"):
        wrong.append(f"recovery action: {action}")
    wrong += [f"{tag}: Yes" for tag in ("reset_required",) if _text(gpu, f"gpu_reset_status/{tag}") == "Yes"]
    if wrong:
        code = "gpu_lost" if any("GPU is lost" in words for words in wrong) else "gpu_error_state"
        yield code, address, "; ".join(wrong)
    if (state := _text(gpu, "fabric/state")) in _FABRIC_WAITS:
        yield "fabric_not_ready", address, f"fabric state: {state}"


def _text(element: Element, *paths: str) -> str:
    for path in paths:
        if found := (element.findtext(path) or "").strip():
            return found
    return ""


def _number(text: str | None) -> int | None:
    match = re.match(r"\s*(\d+)\b", text or "")
    return int(match[1]) if match else None


def _version(text: str) -> str:
    """Cut off what follows a version: from 610 on, `[Deprecated; ...]` does."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return match[0] if match else ""


def _memory(element: Element, *tags: str) -> dict[str, int | None]:
    """Return the card's memory in MiB."""
    return {
        part: _number(_text(element, *(f"{tag}/{part}" for tag in tags)))
        for part in ("total", "reserved", "used", "free")
    }


def _mode(text: str) -> str:
    return {"Enabled": "enabled", "Disabled": "disabled"}.get(text, "unsupported")


def pci_address(text: str) -> str:
    """Write a PCI address as the kernel does, with a domain of four digits; as it is if it is none."""
    match = re.fullmatch(r"0*([0-9a-f]{4}):([0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])", text.lower())
    return f"{match[1]}:{match[2]}" if match else text.lower()


# --- What -q does not tell --------------------------------------------------------------------------------------------


def parse_list(text: str) -> dict[str, list[dict[str, Any]]]:
    """Read `nvidia-smi -L`: the MIG devices of each GPU, by its UUID, with `index`, `profile` and `uuid`."""
    found: dict[str, list[dict[str, Any]]] = {}
    devices: list[dict[str, Any]] = []
    for line in text.splitlines():
        if match := _LIST_GPU.match(line):
            devices = found.setdefault(match[3], [])
        elif match := _LIST_MIG.match(line):
            devices.append({"index": int(match[2]), "profile": match[1], "uuid": match[3]})
    return found


def parse_query(text: str) -> dict[str, tuple[int, str]]:
    """Read `--query-gpu=<QUERY> --format=csv,noheader`: index and compute capability by UUID."""
    rows = ([cell.strip() for cell in line.split(",")] for line in text.splitlines())
    return {row[1]: (int(row[0]), row[2]) for row in rows if len(row) == 3 and row[0].isdigit()}


def complete(gpus: tuple[dict[str, Any], ...], query: str, listed: str) -> list[dict[str, Any]]:
    """Add to the GPUs of a report what `--query-gpu` and `-L` tell of them.

    :param query: output of `--query-gpu`; without it, GPUs are counted in their order.
    :param listed: output of `-L`; without it, MIG devices have no UUID.
    """
    known, slices = parse_query(query), parse_list(listed)
    return [
        {
            **gpu,
            "index": known.get(gpu["uuid"], (place, ""))[0],
            "compute_cap": known.get(gpu["uuid"], (place, ""))[1],
            "mig_devices": _with_names(gpu["mig_devices"], slices.get(gpu["uuid"], [])),
        }
        for place, gpu in enumerate(gpus)
    ]


def _with_names(devices: list[dict[str, Any]], listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {entry["index"]: entry for entry in listed}
    return [{**device, **names.get(device["index"], {})} for device in devices]
