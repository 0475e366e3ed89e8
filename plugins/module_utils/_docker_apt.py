# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Where a server's apt takes its packages from, read from its own sources."""

from __future__ import annotations

import re
from pathlib import Path

#: Stands in a source file for the address that the server takes its own release from.
MIRROR = "{apt_mirror}"


def mirror(sources: dict[str, str], codename: str) -> str:
    """Find the address of a release among sources, given as path and content; '' if there is none."""
    for path, text in sources.items():
        for uri, suite in (_deb822 if path.endswith(".sources") else _one_line)(text):
            if suite == codename:
                return uri
    return ""


def signed_by(sources: dict[str, str], uri: str) -> str:
    """Find the file of keys that a source trusts for an address; '' if it names none, or there is no such source."""
    for path, text in sources.items():
        for stanza in re.split(r"\n\s*\n", text) if path.endswith(".sources") else text.splitlines():
            lines = re.sub(r"^\s*#.*$", "", stanza, flags=re.MULTILINE)
            found = re.search(r"signed-by[:=]\s*(/[^\s\]]+)", lines, re.IGNORECASE)
            if found and uri and re.search(rf"\s{re.escape(uri)}/?(\s|$)", f"{lines}\n"):
                return found[1]
    return ""


def read_sources(root: str = "/etc/apt") -> dict[str, str]:
    """Read the sources of this server's apt."""
    found = sorted(Path(root, "sources.list.d").glob("*"))
    paths = [Path(root, "sources.list"), *found]
    known = (".list", ".sources")
    return {str(path): path.read_text(encoding="utf-8") for path in paths if path.suffix in known and path.is_file()}


def filled_in(files: list[dict[str, str]], codename: str) -> tuple[list[dict[str, str]], bool]:
    """Fill the server's mirror into the files that leave it open; False if it was needed and is unknown."""
    if not any(MIRROR in (file["content"] or "") for file in files):
        return files, True
    found = mirror(read_sources(), codename)
    full = [{**file, "content": file["content"] and file["content"].replace(MIRROR, found)} for file in files]
    return full, bool(found)


def _one_line(text: str) -> list[tuple[str, str]]:
    """Read the classic format: `deb [options] address suite components`."""
    return re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE)


def _deb822(text: str) -> list[tuple[str, str]]:
    """Read the format of *.sources; a source that is switched off does not count."""
    found = []
    without_comments = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for stanza in re.split(r"\n\s*\n", without_comments):
        fields = {
            key.lower(): value.split()
            for key, value in re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        }
        if fields.get("enabled") != ["no"] and "deb" in fields.get("types", []):
            found += [(uri, suite) for uri in fields.get("uris", []) for suite in fields.get("suites", [])]
    return found
