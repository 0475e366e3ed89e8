# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a server's GPUs, their driver, the container toolkit and the engine; changes nothing."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from . import _gpu_bus as bus
from . import _gpu_driver as driver
from . import _gpu_smi as smi
from . import _gpu_toolkit as toolkit
from ._docker_cli import Docker, DockerError

#: Where the server's files begin.
ROOT = Path("/")

_SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_LIBRARIES = ("usr/lib/*-linux-gnu", "usr/lib/*-linux-gnu/nvidia/current", "usr/lib64", "usr/lib", "usr/lib/wsl/lib")
# Debian's own has a name for each of its flavours, and loads them by the first.
_MODULES = ("nvidia", "nvidia-current", "nvidia-current-open")
_CDI_DIRS = ("etc/cdi", "var/run/cdi")
_CDI_SUFFIXES = (".json", ".yaml", ".yml")
# Seconds. Without persistence the driver initializes each card anew for every command.
_PATIENCE = 60.0
_DETAILS, _SLICES = ("nvidia-smi", "-q", "-x"), ("nvidia-smi", "-L")
_QUERY = ("nvidia-smi", f"--query-gpu={smi.QUERY}", "--format=csv,noheader")
_MORE_PATH = ("/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/usr/lib/wsl/lib")


class Ran(NamedTuple):
    """What a command did: `state` is ok, failed, missing or hung; `rc` is None unless it ended."""

    command: str
    state: str
    rc: int | None
    out: str
    err: str


def run(argv: Sequence[str]) -> Ran:
    """Run a command, and leave it behind if it does not end."""
    words = " ".join(argv)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_MORE_PATH])
    program = shutil.which(argv[0], path=path)
    if program is None:
        return Ran(words, "missing", None, "", f"{argv[0]}: command not found")
    pipe, environment = subprocess.PIPE, {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        process = subprocess.Popen(
            [program, *argv[1:]], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment
        )
        out, err = process.communicate(timeout=_PATIENCE)
    except OSError as error:
        return Ran(words, "failed", 126, "", str(error))
    except subprocess.TimeoutExpired:
        # Nobody waits for its end: what waits for a dead card in the kernel does not end.
        process.kill()
        return Ran(words, "hung", None, "", f"{words}: no answer within {_PATIENCE:g} seconds")
    texts = (stream.decode(errors="replace") for stream in (out, err))
    return Ran(words, "failed" if process.returncode else "ok", process.returncode, *texts)


def at_server(expect_gpus: int, docker: Docker) -> dict[str, Any]:
    """Look at everything; a server without a card is asked for nothing else.

    :returns: the facts that `_gpu_diagnosis` judges; `driver`, `gpus`, `pci_gpus` and `docker` as `gpu_info` returns
        them.
    """
    pci_gpus = bus.cards(ROOT)
    found = {"expect_gpus": expect_gpus, "pci_gpus": pci_gpus, "kernel": os.uname().release}
    if not pci_gpus:
        # Some virtual machines have GPUs that no bus tells of.
        found |= at_cards()
    there = bool(pci_gpus or found["gpus"])
    # All of them wait for programs, and none for another.
    with ThreadPoolExecutor() as pool:
        cards = pool.submit(at_cards) if pci_gpus else None
        log = pool.submit(run, ["dmesg"]) if there else None
        loaded, kit = pool.submit(at_driver, there), pool.submit(at_toolkit, there)
        engine = pool.submit(at_docker, docker if there else None)
    found |= {**(cards.result() if cards else {}), **loaded.result(), **kit.result(), "docker": engine.result()}
    found["log"] = driver.of_the_driver(log.result().out) if log else []
    found["driver"]["cuda_max"] = found["report"].cuda_version
    return found


# --- Cards ------------------------------------------------------------------------------------------------------------


def at_cards() -> dict[str, Any]:
    """Ask nvidia-smi; where its XML is broken, its text has the same."""
    # Without persistence each of them initializes every card anew: at once they take as long as one.
    questions = (_DETAILS, _QUERY, _SLICES) if bus.cards(ROOT) else (_DETAILS,)
    with ThreadPoolExecutor() as pool:
        answers = dict(zip(questions, pool.map(run, questions), strict=True))
    asked = answers[_DETAILS]
    report, broken = smi.parse_xml(asked.out) if asked.state in ("ok", "failed") else smi.Report(), ""
    if asked.state == "ok" and report.broken:
        broken = f"{asked.command}: {report.broken}"
        if not (text := smi.parse_text(run(["nvidia-smi", "-q"]).out)).broken:
            report = text
    elif report.gpus and report.broken:
        broken = f"{asked.command}: {report.broken}"
    gpus: list[dict[str, Any]] = []
    if report.gpus:
        query, listed = (answers.get(words) or run(words) for words in (_QUERY, _SLICES))
        gpus = smi.complete(report.gpus, query.out, listed.out)
    return {"smi": asked._asdict(), "report": report, "gpus": gpus, "output_broken": broken or report.broken}


# --- The driver -------------------------------------------------------------------------------------------------------


def at_driver(there: bool) -> dict[str, Any]:
    """Find out which driver is loaded, and which is installed.

    :param there: whether the server has a card; without one, no command is run.
    """
    loaded, flavor = driver.parse_proc_version(_read(ROOT / "proc/driver/nvidia/version"))
    loaded = loaded_version() or loaded
    installed, installed_flavor = installed_module() if there else ("", "")
    userspace = userspace_version()
    nouveau = (ROOT / "sys/module/nouveau").exists()
    return {
        "driver": {
            "kernel_version": loaded,
            "flavor": flavor or installed_flavor,
            "userspace_version": userspace,
            "match": loaded == userspace if loaded and userspace else None,
            "cuda_max": "",
            "dkms": driver.parse_dkms(run(["dkms", "status"]).out) if there else [],
            "secure_boot": driver.secure_boot(_read_bytes(ROOT / _SECURE_BOOT)),
            "nouveau_loaded": nouveau,
            "reboot_required": bool(loaded and installed and loaded != installed) or bool(nouveau and installed),
        },
        "installed": {"installed_version": installed},
        "control_errno": open_errno("dev/nvidiactl"),
        "uvm_errno": open_errno("dev/nvidia-uvm") if there else "",
    }


def installed_module() -> tuple[str, str]:
    """Tell version and flavour of the module that the running kernel would load; empty if there is none."""
    found = (driver.parse_modinfo(run(["modinfo", name]).out) for name in _MODULES)
    return next((module for module in found if module[0]), ("", ""))


def loaded_version() -> str:
    """Tell the version of the loaded module; empty if none is."""
    return _read(ROOT / "sys/module/nvidia/version")


def userspace_version() -> str:
    """Tell the version of the driver's libraries, by the name of the file that programs load."""
    for pattern in _LIBRARIES:
        for link in sorted(ROOT.glob(f"{pattern}/libnvidia-ml.so.1")):
            if match := re.search(r"\.so\.(\d+\.\d+(?:\.\d+)?)$", link.resolve().name):
                return match[1]
    return ""


def open_errno(path: str) -> str:
    """Open a device node as programs do; return the name of the error, empty if it opens."""
    try:
        os.close(os.open(ROOT / path, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return ""


# --- Engine and toolkit -----------------------------------------------------------------------------------------------


def at_toolkit(there: bool) -> dict[str, Any]:
    """Read the CDI specifications, and which of their device nodes there are."""
    files = [file for place in _CDI_DIRS for file in sorted((ROOT / place).glob("*")) if file.suffix in _CDI_SUFFIXES]
    specs = [toolkit.parse_spec(f"/{file.relative_to(ROOT)}", _read(file), load_yaml) for file in files]
    specs = [spec for spec in specs if spec["error"] or spec["kind"].startswith("nvidia.com/")]
    nodes = {node for spec in specs for node in spec["device_nodes"]}
    version = toolkit.parse_toolkit_version(run(["nvidia-ctk", "--version"]).out) if there else ""
    return {
        "toolkit": {"version": version, "cdi_specs": specs, "cdi_devices": toolkit.cdi_devices(specs)},
        "nodes": frozenset(node for node in nodes if (ROOT / node.lstrip("/")).exists()),
    }


def load_yaml(text: str) -> Any:
    """Read YAML. What reads it takes longer to import than most of this, and is seldom wanted: the role writes JSON.

    :raises ImportError: if this Python has no PyYAML.
    """
    return import_module("yaml").safe_load(text)


def at_docker(docker: Docker | None) -> dict[str, Any]:
    """Ask the engine; everything is empty where none answers."""
    try:
        return toolkit.parse_docker_info(docker.info() if docker else {})
    except (DockerError, json.JSONDecodeError):
        return toolkit.parse_docker_info({})


def _read(path: Path) -> str:
    """Read a small file; one that is not there or not readable is empty."""
    return (_read_bytes(path) or b"").decode(errors="replace").strip()


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
