# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What pips that were killed, and pips with ``--target``, have left in the shared folder."""

import base64
import csv
import hashlib
import re
import shutil
import sys
from collections import defaultdict
from pathlib import Path


def mend(folder: Path) -> None:
    """Leave one description (``.dist-info``) per package in the folder, that of the code that lies there.

    Only descriptions go, and what pip itself had set aside; no package's code does.
    """
    for left in folder.glob("~*"):
        _remove(left, "an interrupted pip had set it aside")
    described = defaultdict(list)
    for info in folder.glob("*.dist-info"):
        if (info / "RECORD").is_file():
            described[canonical(info)].append(info)
        else:
            _remove(info, "its installation did not come to its end; install the package again")
    # To compare a description with the code is to read all of that, and some packages have gigabytes.
    for infos in (infos for infos in described.values() if len(infos) > 1):
        infos.sort(key=lambda info: (truth(folder, info), info.stat().st_mtime))
        for info in infos[:-1]:
            _remove(info, f"the code that lies there is that of {infos[-1].name.removesuffix('.dist-info')}")


def canonical(info: Path) -> str:
    """Name the package of a ``.dist-info`` directory, in the form in which equal names are equal."""
    return re.sub(r"[-_.]+", "-", info.name.split("-", 1)[0]).lower()


def truth(folder: Path, info: Path) -> float:
    """Tell how much of what a RECORD lists lies in the folder as it says, from 0 to 1."""
    with (info / "RECORD").open(encoding="utf-8", newline="", errors="replace") as lines:
        listed = [(row[0], row[1]) for row in csv.reader(lines) if len(row) > 1 and row[1].startswith("sha256=")]
    code = [(path, digest) for path, digest in listed if not path.startswith(info.name)]
    return sum(_matches(folder / path, digest) for path, digest in code) / max(len(code), 1)


def _matches(path: Path, digest: str) -> bool:
    try:
        found = hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(found).decode().rstrip("=") == digest.removeprefix("sha256=")


def _remove(path: Path, why: str) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        print(f"Could not remove {path}: {error}", file=sys.stderr)
    else:
        print(f"Removed {path}: {why}.", file=sys.stderr)
