# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a server's packages, and at the files that tell apt where they come from; changes nothing."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Any

from . import _docker_apt as sources
from ._file_tree import Entry, plan

#: Files that a module is asked to compare: empty content for one that is not to be, none for one that is fetched.
FILES_OPTION: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"path": {"type": "path", "required": True}, "content": {"type": "str"}},
}

#: What the fragment `apt_source` documents.
SOURCE_OPTIONS: dict[str, Any] = {
    "repository_url": {"type": "str", "default": ""},
    "repository_key": {"type": "str", "default": "", "no_log": False},
    "repository_key_content": {"type": "str", "no_log": False},
    "from_bundle": {"type": "bool", "default": False},
}

# Programs that read them, apt's method of fetching among them, run as other users.
_MODE = 0o644
_DPKG = Path("/var/lib/dpkg")
_FLOCK = "hhqqi"
_LAYOUT = "${Package}\\t${db:Status-Want}\\t${db:Status-Status}\\t${Version}\\n"


def parse(text: str) -> tuple[dict[str, str], list[str]]:
    """Read what dpkg-query says: versions of the packages that are installed, and which of them are held."""
    rows = [line.split("\t") for line in text.splitlines()]
    versions = {name: version for name, _want, status, version in rows if status == "installed"}
    return versions, sorted(name for name, want, _status, _version in rows if want == "hold" and name in versions)


def known(module, names: list[str]) -> tuple[dict[str, str], list[str]]:
    """Ask dpkg for packages, by names or patterns, as `parse` returns them; a server without dpkg has none."""
    dpkg_query = module.get_bin_path("dpkg-query")
    if not names or not dpkg_query:
        return {}, []
    return parse(module.run_command([dpkg_query, "-W", "-f", _LAYOUT, *names])[1])


def interrupted() -> bool:
    """Tell whether dpkg was cut off and wants `dpkg --configure -a` before it does anything else.

    One that is at work, such as that of an apt that outlives a run that was killed, was not: to install waits for it.
    """
    updates = _DPKG / "updates"
    is_amid = updates.is_dir() and any(entry.name.isdigit() for entry in updates.iterdir())
    return is_amid and not any(_is_held(_DPKG / name) for name in ("lock-frontend", "lock"))


def _is_held(lock: Path) -> bool:
    """Tell whether a process holds a lock, without taking it from others even for a moment."""
    if not lock.exists():
        return False
    with lock.open("rb") as file:
        found = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    return struct.unpack_from(_FLOCK, found)[0] != fcntl.F_UNLCK


def drifted(files: list[dict[str, str]], owner: tuple[int, int] = (0, 0)) -> list[dict[str, str]]:
    """Pick the files that are not as they shall be, with what they shall hold; None where that has to be fetched.

    :param owner: numbers of the user and the group that they shall belong to.
    """
    found = [_wanted(file, owner) for file in files]
    return [file for file, fits in found if not fits]


def _wanted(file: dict[str, str], owner: tuple[int, int]) -> tuple[dict[str, str], bool]:
    """Tell what a file shall hold, and whether it is as it shall be."""
    path, content = Path(file["path"]), file["content"]
    # A key may be binary.
    held = path.read_bytes().decode(errors="surrogateescape") if path.exists() else ""
    if content == "":
        return file, not held
    if content is None:
        content = held if is_key(held) else ""
    entry = Entry(path, "file", *owner, _MODE, content.encode(errors="surrogateescape"))
    is_right = bool(content) and not plan(entry).needed
    # A binary key, which is no JSON either, is fetched again.
    return {**file, "content": content if content and not _is_binary(content) else None}, is_right


def is_key(text: str) -> bool:
    """Tell a key from what else may have been saved under its name, such as a page of a portal."""
    return text.startswith("-----BEGIN PGP") or _is_binary(text[:1])


def _is_binary(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def naming(address: str, ours: str) -> list[str]:
    """Name files of apt, other than one, that take packages from an address."""
    found = sources.read_sources().items() if address else ()
    return sorted(path for path, text in found if path != ours and _names(text, address.rstrip("/")))


def _names(text: str, address: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    return any(address in line for line in lines if not line.startswith("#"))
