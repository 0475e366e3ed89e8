# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What goes into an image, its digest, and the archive that carries it: the same on every machine, at any time."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

_ALWAYS_OUT = ("**/__pycache__", "**/*.pyc", "**/.DS_Store", ".dockerignore")
_TAG_LENGTH = 12


class Entry(NamedTuple):
    """A file of a build context."""

    path: str
    executable: bool
    content: bytes


def read_context(folder: Path, extra: Mapping[str, str] | None = None) -> list[Entry]:
    """Return the files that a build sees, sorted by path.

    :param folder: the build context; its `.dockerignore` counts, its Dockerfile is always in.
    :param extra: text of files that are put in its place or added, by path.
    :raises OSError: if a file cannot be read.
    """
    ignore = folder / ".dockerignore"
    rules = _rules([*(ignore.read_text("utf-8").splitlines() if ignore.exists() else []), *_ALWAYS_OUT])
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (name == "Dockerfile" or not _ignored(name, rules)):
            found[name] = Entry(name, bool(path.stat().st_mode & 0o100), path.read_bytes())
    for name, text in (extra or {}).items():
        found[name] = Entry(name, False, text.encode())
    if "Dockerfile" not in found:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder / "Dockerfile"))
    return [found[name] for name in sorted(found)]


def _rules(lines: Iterable[str]) -> list[tuple[re.Pattern[str], bool]]:
    """Return each line of a `.dockerignore` as a pattern, and whether what it matches is out."""
    rules = []
    for line in lines:
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            out = not pattern.startswith("!")
            rules.append((_pattern(pattern.lstrip("!").strip("/")), out))
    return rules


def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob; what it matches, it matches with all that is inside."""
    translated = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return re.compile("".join(translated.get(piece) or re.escape(piece) for piece in pieces) + "(?:/.*)?")


def _ignored(name: str, rules: list[tuple[re.Pattern[str], bool]]) -> bool:
    """Tell whether the last rule that matches a path leaves it out."""
    verdicts = [out for pattern, out in rules if pattern.fullmatch(name)]
    return bool(verdicts) and verdicts[-1]


def digest(entries: Iterable[Entry], inputs: Mapping[str, Any]) -> str:
    """Return the tag of an image: a digest over all that goes into it.

    :param entries: the build context.
    :param inputs: everything else, as data that JSON can hold: build arguments, the image below.
    """
    total = hashlib.sha256()
    for entry in entries:
        for field in (entry.path.encode(), b"x" if entry.executable else b"-", entry.content):
            total.update(b"%d:" % len(field) + field)
    total.update(json.dumps(inputs, sort_keys=True).encode())
    return total.hexdigest()[:_TAG_LENGTH]


def pack(entries: Iterable[Entry]) -> bytes:
    """Return a tar archive of a build context: equal bytes for equal files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            member = tarfile.TarInfo(entry.path)
            member.size = len(entry.content)
            member.mode = 0o755 if entry.executable else 0o644
            archive.addfile(member, io.BytesIO(entry.content))
    return buffer.getvalue()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    :raises OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        total = hashlib.sha256()
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()
