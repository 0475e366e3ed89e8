# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Why a server did not start, or died, in words. Pure: it judges what others saw.

A log is written by what its owner runs, so it may say anything: it is only ever matched, shortened and shown as text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labhub.texts import Text

LOG_LINES = 20
"""Last lines of a log that are kept."""
LINE_LENGTH = 300
"""Longest line that is kept, in characters."""
LOG_LENGTH = 65536
"""Characters of a log that are looked at; twenty lines may be any length."""

CAUSES = {
    "memory": Text("Your server ran out of memory and was stopped."),
    "disk": Text("There is no space left for your files: the disk is full, or your quota is used up."),
    "home": Text("Your server cannot write to your home."),
    "home-not-ready": Text("Your home is not ready."),
    "dot-file": Text("A configuration file in your home is broken: %(file)s. Rename it, or ask for help."),
    "configuration": Text("A setting of Jupyter is wrong, most likely in the directory .jupyter of your home."),
    "port": Text("The port that your server listens on is in use already."),
    "packages": Text("A Python package that your server needs is missing or broken."),
    "image": Text("The image that servers are made of is missing or broken."),
    "version": Text("Your server and the hub do not speak the same version of JupyterHub."),
    "mount": Text("A directory that your server needs is missing."),
    "name": Text("A container with the name of yours exists already, and is not the lab's."),
    "drained": Text("The lab is being worked on. No server starts until that is done."),
    "gpu-refused": Text("The GPU that you asked for is not yours to have."),
    "gpu-missing": Text("The GPU that your server should get is not there."),
    "gpu-no-cdi": Text("The Docker engine cannot give your server its GPU: CDI is off."),
    "gpu-no-toolkit": Text("The Docker engine cannot give your server its GPU: it lacks NVIDIA's container toolkit."),
    "gpu-unknown": Text("NVIDIA's driver does not know the GPU that your server should get."),
    "docker": Text("The Docker engine could not start your server."),
    "timeout": Text("Your server did not answer in time."),
    "killed": Text("Your server was killed."),
    "stopped": Text("Your server was stopped, and not by the hub."),
    "removed": Text("The container of your server was removed."),
    "crashed": Text("Your server crashed."),
    "ended": Text("Your server ended by itself."),
    "unknown": Text("Your server stopped, and its log does not say why."),
}
"""What each cause is called in front of the user; `cause_of` and `docker_cause` find the cause."""

# What a log has to say for a cause; the first that fits counts. `dot-file` comes before what it may lead to.
_SAID = [
    ("memory", re.compile(r"^\s*MemoryError\b|Cannot allocate memory", re.M)),
    ("disk", re.compile(r"No space left on device|Disk quota exceeded|database or disk is full")),
    (
        "dot-file",
        re.compile(
            r"(?:Exception while loading config file|Error loading config file:?|File \"|^)\s*"
            r"(?P<file>/home/[^/\s\"]+/\.(?:jupyter|ipython|local/etc|config|bashrc|profile|bash_profile)[^\s\",:]*)"
            r"(?!.*(?:Permission denied|Read-only))",
            re.M,
        ),
    ),
    (
        "home",
        re.compile(
            r"(?:Permission denied|Read-only file system)[^\n]{0,20}/home/"
            r"|/home/[^\s]*:? (?:Permission denied|Read-only file system)"
        ),
    ),
    ("configuration", re.compile(r"Bad config encountered during initialization|TraitError|unrecognized arguments")),
    ("port", re.compile(r"Address already in use|port \d+ is (?:already in use|not available)")),
    (
        "version",
        re.compile(r"jupyterhub version .{0,80}(?:mismatch|differs|!=)|not compatible with .*JupyterHub", re.I),
    ),
    ("image", re.compile(r"No module named '?jupyterhub\b|(?:exec|tini).{0,200}(?:No such file|not found)", re.I)),
    ("packages", re.compile(r"^(?:\s*)(?:ModuleNotFoundError|ImportError):", re.M)),
]
_CRASHED = {132, 134, 135, 136, 139}
"""128 plus SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV."""

_SECRET = re.compile(
    r"(?i)((?:token|passw(?:or)?d|secret|authorization|api_?key|cookie)[\w-]*['\"]?\s*[=:]\s*['\"]?"
    r"(?:(?:token|bearer|basic) )?)[^\s&'\",;]+"
)
_LONG_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


@dataclass(frozen=True)
class Cause:
    """Why it happened: one of `CAUSES`, and what to call it in front of the user."""

    code: str
    text: Text


def cause_of(state: Mapping[str, Any], log: str) -> Cause:
    """Find out why a container ended.

    :param state: ``State`` of what Docker tells of it: ``ExitCode``, ``OOMKilled`` and ``Error`` count.
    :param log: the end of its log; `readable` should have had it.
    """
    code = state.get("ExitCode")
    if state.get("OOMKilled"):
        return cause("memory")
    if state.get("Error"):
        return docker_cause(str(state["Error"]))
    # An exit code above 128 is a signal, most of which leave no word; what the log says is then older.
    if code in (137, 143, 129, 130):
        return cause("killed" if code == 137 else "stopped")
    if code in _CRASHED:
        return cause("crashed")
    if code == 0:
        return cause("ended")
    return _said(log) or cause("image" if code in (126, 127) else "unknown")


def _said(log: str) -> Cause | None:
    for code, pattern in _SAID:
        found = pattern.search(log)
        if found:
            return cause(code, **found.groupdict())
    return None


def docker_cause(said: str) -> Cause:
    """Find out why Docker refuses to make or start a container, from its words."""
    known = {
        # First, as what they lack may be a file.
        "gpu-no-cdi": ('could not select device driver "cdi"',),
        "gpu-no-toolkit": ("could not select device driver",),
        "gpu-missing": ("CDI device injection failed",),
        "gpu-unknown": ("unknown device",),
        "image": ("No such image", "executable file not found", "no such file or directory: unknown"),
        "mount": ("bind source path does not exist",),
        "disk": ("no space left on device", "disk quota exceeded"),
        "name": ("is already in use by container",),
    }
    for code, phrases in known.items():
        if any(phrase in said for phrase in phrases):
            return cause(code)
    return cause("docker")


def cause(code: str, **values: str) -> Cause:
    """Make a cause of `CAUSES`, with the values that its text has."""
    return Cause(code, Text(CAUSES[code].message, **values))


def readable(log: str, secrets: tuple[str, ...] = ()) -> str:
    """Make of a log what can be kept and shown: its last lines, as plain text, without secrets.

    :param secrets: what must not be in it, such as the server's token.
    """
    log = log[-LOG_LENGTH:]
    for secret in filter(None, secrets):
        log = log.replace(secret, "***")
    log = _LONG_HEX.sub("***", _SECRET.sub(r"\1***", _ESCAPES.sub("", log)))
    lines = (_plain(line) for line in log.replace("\r", "\n").split("\n"))
    kept = [line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]}…" for line in lines if line.strip()]
    return "\n".join(kept[-LOG_LINES:])


def _plain(line: str) -> str:
    """Leave out what is not printed: controls, marks that turn the direction of writing."""
    return "".join(char if char.isprintable() else " " if char == "\t" else "" for char in line).rstrip()
