# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Decides what a tree of directories, secrets and small files lacks; the module C(file_tree) carries it out."""

from __future__ import annotations

import hashlib
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

# The longest file, in characters, that a diff shows whole.
_SHOWN = 50_000

_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class Entry:
    """One managed path."""

    path: Path
    state: str
    uid: int
    gid: int
    mode: int
    #: What a file shall hold; V(None) for directories and secrets.
    content: bytes | None = None
    #: What a new secret is made of, V(hex) or V(password), and how many characters it has.
    alphabet: str = "hex"
    length: int = 64
    #: A command that reads the file and ends with 0 when it is good; C({path}) stands for a draft of it.
    validate: tuple[str, ...] = ()
    #: Whether what a file held before stays beside it when it is written anew.
    keep_previous: bool = False

    @property
    def previous(self) -> Path | None:
        """Where what the file held before is kept, if it is."""
        return self.path.with_name(f"{self.path.name}.previous") if self.keep_previous else None


@dataclass
class Step:
    """What has to be done to one entry, with both sides of the difference for people."""

    entry: Entry
    create: bool = False
    write: bool = False
    chown: bool = False
    chmod: bool = False
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    @property
    def needed(self) -> bool:
        """Whether there is anything to do."""
        return self.create or self.write or self.chown or self.chmod

    @property
    def replaces(self) -> bool:
        """Whether a file is written anew and what it held before is kept."""
        return self.write and not self.create and self.entry.keep_previous


class WrongKindError(Exception):
    """Something else stands where an entry belongs; it is never removed to make room."""


def make_secret(kind: str, length: int) -> str:
    """Return a new secret.

    :param kind: V(hex), or V(password) for one that people copy from paper (no 0, O, 1, l, I).
    :param length: in characters.
    """
    alphabet = "0123456789abcdef" if kind == "hex" else _ALPHABET
    return "".join(secrets.choice(alphabet) for _place in range(length))


def digests(entries: list[Entry]) -> dict[str, str]:
    """Return, by path, digests of what the files and secrets hold once all is as it shall be.

    What reads one at its start can tell by it whether it has to start anew. A secret that is not there yet counts
    as nothing. The secrets are long and random, so the digest tells nobody what they are.
    """
    held = {
        str(entry.path): entry.content or b"" if entry.state == "file" else _read_if_there(entry.path)
        for entry in entries
        if entry.state != "directory"
    }
    return {path: hashlib.sha256(content).hexdigest() for path, content in held.items()}


def differences(steps: list[Step]) -> list[dict]:
    """Return Ansible's diff of all steps, one part per path."""
    return [
        {
            "before_header": str(step.entry.path),
            "after_header": str(step.entry.path),
            "before": _lines(step.before) or ("" if step.create else "\n"),
            "after": _lines(step.after),
        }
        for step in steps
    ]


def _lines(face: dict[str, str]) -> str:
    return "".join(f"{_readable(value)}\n" if key == "content" else f"{key}: {value}\n" for key, value in face.items())


def _readable(content: str) -> str:
    """Return *content*, or only what it is when nobody would read it, such as a bundle of a hundred certificates."""
    if len(content) <= _SHOWN:
        return content
    return f"({len(content)} characters, SHA-256 {hashlib.sha256(content.encode()).hexdigest()})"


def _read_if_there(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def plan(entry: Entry) -> Step:
    """Look at the entry's path and return what it lacks; changes nothing.

    :raises WrongKindError: a file stands where a directory belongs, or the other way round.
    :raises OSError: the path cannot be looked at.
    """
    step = Step(entry)
    try:
        # Follows links: a data root that is a link to another disk is a directory.
        found = entry.path.stat()
    except FileNotFoundError:
        if entry.path.is_symlink():
            raise WrongKindError(f"{entry.path} is a link to nothing") from None
        step.create = True
        step.after = _face(entry.uid, entry.gid, entry.mode)
        _compare_content(step, None)
        return step
    is_directory = stat.S_ISDIR(found.st_mode)
    if is_directory != (entry.state == "directory"):
        kind = "directory" if is_directory else "file"
        raise WrongKindError(f"{entry.path} is a {kind}, where a {entry.state} belongs")
    _compare_face(step, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
    _compare_content(step, None if is_directory else entry.path.read_bytes())
    return step


def _face(uid: int, gid: int, mode: int) -> dict[str, str]:
    return {"owner": str(uid), "group": str(gid), "mode": f"{mode:04o}"}


def _compare_face(step: Step, uid: int, gid: int, mode: int) -> None:
    """Note owner, group and mode where they differ."""
    wanted, found = _face(step.entry.uid, step.entry.gid, step.entry.mode), _face(uid, gid, mode)
    differing = [key for key in wanted if wanted[key] != found[key]]
    step.before |= {key: found[key] for key in differing}
    step.after |= {key: wanted[key] for key in differing}
    step.chown = "owner" in differing or "group" in differing
    step.chmod = "mode" in differing


def _compare_content(step: Step, found: bytes | None) -> None:
    """Note content where it differs; a secret's is never shown, and is made anew only where there is none."""
    entry = step.entry
    if entry.state == "secret" and not (found or b"").strip():
        step.write = True
        step.after["content"] = "(a new secret)"
        if found is not None:
            step.before["content"] = "(empty)"
    elif entry.state == "file" and found != entry.content:
        step.write = True
        step.before |= {} if found is None else {"content": found.decode(errors="replace")}
        step.after["content"] = (entry.content or b"").decode(errors="replace")
