# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The doctor's files on the controller: the report as JSON, and the support bundle."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._doctor_page import all_well, verdict

Reports = Mapping[str, Mapping[str, Any]]

# For its owner's eyes: without secrets, but with users' names and the ends of their logs.
_MODE = 0o600


def as_json(reports: Reports, now: float) -> str:
    """Write the reports for programs, without the evidence.

    :param reports: as `_doctor_page.page` takes them.
    :param now: in seconds since 1970.
    """
    report = {
        "examined": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "healthy": all_well(reports),
        "verdict": verdict(reports),
        "hosts": {host: _told(one) for host, one in reports.items()},
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _told(report: Mapping[str, Any]) -> dict[str, Any]:
    if "problems" not in report:
        return {"healthy": False, "examined": False, "msg": report["msg"], "problems": [], "checks": []}
    return {"examined": True, **{key: report[key] for key in ("healthy", "problems", "checks")}}


def write_json(path: str, reports: Reports, now: float) -> list[str]:
    """Write the report, or nothing at all; return the line that tells of it.

    :raises OSError: it cannot be written.
    """
    _write(Path(path), as_json(reports, now).encode())
    return [f"JSON:   {path}"]


def write_bundle(folder: str, reports: Reports, page: str, now: float) -> list[str]:
    """Write the support bundle, a tar.gz with the page, the report and each server's texts.

    :raises OSError: it cannot be written.
    """
    name = time.strftime("lab-doctor-%Y%m%dT%H%M%SZ", time.gmtime(now))
    texts = {"page.txt": page + "\n", "report.json": as_json(reports, now)}
    for host, report in reports.items():
        # A host may be called what its administrator likes.
        place = re.sub(r"[^\w.-]", "_", host).lstrip(".")
        texts |= {f"{place}/{name}": text for name, text in report.get("evidence", {}).items()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in texts.items():
            content = text.encode(errors="replace")
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mtime, entry.mode = len(content), int(now), _MODE
            archive.addfile(entry, io.BytesIO(content))
    path = Path(folder, f"{name}.tar.gz")
    _write(path, packed.getvalue())
    return [f"Bundle: {path}"]


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that nobody reads half of it.

    :raises OSError: with the name of the file that was asked for.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
            file.write(content)
        beside.replace(path)
    except OSError as fault:
        beside.unlink(missing_ok=True)
        raise OSError(fault.errno, fault.strerror, str(path)) from fault
