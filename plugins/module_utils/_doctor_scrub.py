# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes secrets out of texts that leave a server. Pure, but for `read_secrets`.

Two nets: values that are known to be secrets go wherever they stand; what only looks like a secret goes by its form.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

_MARK = "***"
_NAME = (
    r"(?:token|passw(?:or)?d|passphrase|secret|api_?key|access_?key|crypt_?key|private_?key|credential|authorization)"
    r"[\w.-]{0,40}"
)
# A whole quoted text, as a password may hold anything; else up to what ends a word in a log or an address.
_VALUE = r"""\\?"(?:[^"\\\n]|\\.)*"?|\\?'(?:[^'\\\n]|\\.)*'?|[^\s&'",;\\]+"""
_FORMS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), _MARK),
    (re.compile(rf"""(?i)({_NAME}\\?['"]?\s*[=:]\s*(?:(?:token|bearer|basic)\s+)?)(?:{_VALUE})"""), r"\1" + _MARK),
    (re.compile(r"(?i)\b((?:token|bearer|basic)\s+)[\w.+/=~-]{16,}"), r"\1" + _MARK),
    # A user's name and password before the host of an address; a careless password has a slash or an @ in it.
    (re.compile(r"(://)(?:[^\s/:@'\"]*:[^\s'\"]*|[^\s/'\"]*)@"), r"\1" + _MARK + "@"),
    (re.compile(r"""(?i)(cookie\\?['"]?\s*[:=]\s*)(?:\\?"[^"\n]*"?|\\?'[^'\n]*'?|[^\n]+)"""), r"\1" + _MARK),
    (re.compile(r"(?i)((?:_xsrf|jupyterhub-[\w-]+|username-[\w-]+)=)[^\s;&'\",]+"), r"\1" + _MARK),
)


def read_secrets(places: Iterable[str]) -> tuple[set[str], bool]:
    """Read every value in some files, and below some directories.

    :returns: each file's text and each of its lines; and whether all of it could be read.
    """
    values: set[str] = set()
    whole = True
    for path in (path for place in places for path in _files(Path(place))):
        try:
            text = path.read_bytes().decode("utf-8", errors="replace")
        except OSError:
            whole = False
            continue
        values |= {piece.strip() for piece in (text, *text.splitlines())}
    return values - {""}, whole


def _files(place: Path) -> list[Path]:
    """List a file, or those below a directory; a directory that may not be read is told as itself, and cannot be."""
    if not place.is_dir():
        return [place] if os.path.lexists(place) else []
    closed: list[Path] = []
    inside = [
        Path(folder, name)
        for folder, _folders, names in os.walk(place, onerror=lambda fault: closed.append(Path(fault.filename)))
        for name in names
    ]
    return inside + closed


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Blank every known secret in a text, and whatever looks like one.

    No value of *secrets* is a part of what is returned, whatever text and values are.
    """
    known = sorted(_spellings(secrets))
    # By form first: what that writes may, by chance, make up a secret, which then goes by its value.
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return _cut(text, known, _mark(known)) if known else text


def scrub_all(value: Any, secrets: Iterable[str]) -> Any:
    """Scrub every text in a structure of dictionaries and lists; names of keys are ours and stay."""
    if isinstance(value, str):
        return scrub(value, secrets)
    if isinstance(value, Mapping):
        return {key: scrub_all(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub_all(item, secrets) for item in value]
    return value


def without_environment(text: str) -> str:
    """Take out of a jupyterhub_config.py what users' servers get as environment: an inventory may hold tokens there.

    A statement ends before the next line that stands no further in and closes no bracket; the file may be one that
    Python cannot parse.
    """
    kept: list[str] = []
    depth: int | None = None
    for line in text.splitlines():
        stripped = line.lstrip()
        indent = len(line) - len(stripped)
        if depth is not None and (not stripped or indent > depth or stripped[0] in "}])"):
            continue
        depth = indent if re.match(r"c\.\w+\.environment\b", stripped) else None
        kept.append(line if depth is None else "# (environment of users' servers: left out)")
    return "\n".join(kept)


def _spellings(secrets: Iterable[str]) -> set[str]:
    """Add the ways in which programs write a value down: in an address, in JSON, in Python, in base64."""
    known = {secret for secret in secrets if secret}
    longer = {secret for secret in known if len(secret) > 3}
    return known | {
        spelling
        for secret in longer
        for spelling in (
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1],
            base64.b64encode(secret.encode(errors="replace")).decode(),
        )
    }


def _mark(known: Iterable[str]) -> str:
    """Choose what stands in a secret's place: of no character that a secret has, so that it can make up none."""
    taken = set("".join(known))
    if not taken & set(_MARK):
        return _MARK
    return next(chr(number) for number in range(0x2588, 0x11000) if chr(number) not in taken)


def _cut(text: str, known: list[str], mark: str) -> str:
    """Replace all places of all values, those that overlap as one."""
    pieces, at = [], 0
    for start, end in _merged(sorted(_places(text, known))):
        pieces += [text[at:start], mark]
        at = end
    return "".join([*pieces, text[at:]])


def _places(text: str, known: list[str]) -> Iterator[tuple[int, int]]:
    for secret in known:
        at = text.find(secret)
        while at >= 0:
            yield at, at + len(secret)
            at = text.find(secret, at + 1)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
