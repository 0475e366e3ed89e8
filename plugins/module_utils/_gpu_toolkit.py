# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the container toolkit's CDI specifications and what the engine knows of GPUs. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Facts = Mapping[str, Any]

#: What reads a YAML document, and raises errors of its own for one that is none.
Loader = Callable[[str], Any]

#: The error of a specification in YAML where there is no reader.
NO_YAML = "this server's Python cannot read YAML"

# The toolkit mounts the driver's libraries by their full names.
_LIBRARY = re.compile(r"/lib(?:nvidia-ml|cuda)\.so\.(\d+\.\d+(?:\.\d+)?)$")


def parse_toolkit_version(text: str) -> str:
    """Read `nvidia-ctk --version`; empty if it does not tell."""
    match = re.search(r"version (\d+\.\d+\.\d+\S*)", text)
    return match[1] if match else ""


def parse_spec(path: str, text: str, load: Loader) -> dict[str, Any]:
    """Read one CDI specification.

    :param load: reads YAML, and raises ImportError where nothing here can.
    :returns: `path`, `cdi_version`, `kind`, `devices` (names), `driver_version` (of the libraries that it mounts;
        empty if it mounts none), `device_nodes` (paths), and `error`, what is wrong with the file itself.
    """
    spec: dict[str, Any] = {"path": path, "cdi_version": "", "kind": "", "devices": [], "driver_version": ""}
    spec |= {"device_nodes": [], "error": ""}
    # JSON is YAML too, and Python reads it without help.
    is_json = path.endswith(".json") or text.lstrip().startswith("{")
    try:
        document = json.loads(text) if is_json else load(text)
        if not isinstance(document, dict) or not isinstance(document.get("devices"), list):
            raise ValueError("there is no list of devices in it")
        devices = [device for device in document["devices"] if isinstance(device, dict)]
        edits = [dict(owner.get("containerEdits") or {}) for owner in (document, *devices)]
        spec["device_nodes"] = sorted({str(node["path"]) for edit in edits for node in edit.get("deviceNodes") or ()})
        spec["driver_version"] = next(_library_versions(edits), "")
    except ImportError:
        return {**spec, "error": NO_YAML}
    except Exception as error:
        # The loader's errors are its own, and any shape of document ends here.
        return {**spec, "error": f"{type(error).__name__}: {error}".replace("\n", " ")}
    names = [str(device.get("name", "")) for device in devices]
    return {
        **spec,
        "cdi_version": str(document.get("cdiVersion", "")),
        "kind": str(document.get("kind", "")),
        "devices": names,
    }


def _library_versions(edits: list[dict[str, Any]]) -> Iterator[str]:
    for edit in edits:
        for mount in edit.get("mounts") or ():
            if match := _LIBRARY.search(str(mount.get("hostPath", ""))):
                yield match[1]


def cdi_devices(specs: list[dict[str, Any]]) -> list[str]:
    """Name the GPUs that a container can ask for."""
    return sorted({f"{spec['kind']}={name}" for spec in specs for name in spec["devices"] if spec["kind"]})


def stale(spec: Facts, driver_version: str, gpus: list[dict[str, Any]], nodes: frozenset[str]) -> list[str]:
    """Tell, in words, in what a specification differs from the server.

    :param driver_version: of the loaded module; empty if it is not known.
    :param gpus: as `gpu_info` returns them.
    :param nodes: which of the specification's device nodes the server has.
    """
    reasons = []
    if driver_version and spec["driver_version"] not in ("", driver_version):
        reasons.append(f"it mounts the libraries of driver {spec['driver_version']}, and {driver_version} is loaded")
    if gone := sorted(set(spec["device_nodes"]) - nodes):
        reasons.append(f"it has device nodes that are not there: {', '.join(gone)}")
    return reasons + [*_other_cards({*spec["devices"]} - {"all"}, gpus)]


def _other_cards(names: set[str], gpus: list[dict[str, Any]]) -> Iterator[str]:
    """Compare the names of a specification, UUIDs or indices, with the cards and their slices."""
    cards = {gpu["uuid"]: str(gpu["index"]) for gpu in gpus if gpu["mig_mode"] != "enabled"}
    slices = {
        device["uuid"]: f"{gpu['index']}:{device['index']}"
        for gpu in gpus
        for device in gpu["mig_devices"]
        if device["uuid"]
    }
    there = cards | slices
    known = {*there, *there.values(), *(gpu["uuid"] for gpu in gpus), *(str(gpu["index"]) for gpu in gpus)}
    if gone := sorted(names - known):
        yield f"it names what is not there: {', '.join(gone)}"
    if missing := sorted(uuid for uuid, index in there.items() if names and not {uuid, index} & names):
        yield f"it does not name {', '.join(missing)}"


def parse_docker_info(info: Facts) -> dict[str, Any]:
    """Pick from `docker info` what decides on GPUs: version, cdi_enabled, runtimes, default_runtime, cgroup_driver."""
    return {
        "version": info.get("ServerVersion") or "",
        # The engine tells directories only while CDI is on.
        "cdi_enabled": bool(info.get("CDISpecDirs")),
        "runtimes": sorted(info.get("Runtimes") or {}),
        "default_runtime": info.get("DefaultRuntime") or "",
        "cgroup_driver": info.get("CgroupDriver") or "",
    }
