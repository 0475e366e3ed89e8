# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The hub's database, for the doctor: asks SQLite as a reader who can change nothing, and judges what it says."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ._doctor_page import counted
from ._problems import Problem, error, warning

try:
    import sqlite3
except ImportError:  # pragma: no cover - a Python that was built without it
    sqlite3 = None  # type: ignore[assignment]

Facts = Mapping[str, Any]

# The hub itself gives up waiting for its database after five seconds, and must not for our sake.
_PATIENCE = 3.0
_URL = re.compile(r"""^c\.JupyterHub\.db_url\s*=\s*["']sqlite:////srv/state/([^"'?]+)""", re.M)
_HEADER = 20
_WAL = b"\x02\x02"


def look(data_root: str, patience: float = _PATIENCE) -> dict[str, Any]:
    """Look at the database that the hub is set to use.

    :param patience: longest wait for another program's lock, and for the check, in seconds.
    :returns: `path`, `state` (ok, absent, empty, not-a-file, or why it cannot be read), `size` in bytes, `owner` and
        `folder`, each uid and mode, `changed` in seconds since 1970, `users`, and `said`: ok, or what SQLite says;
        '' if it could not be asked, and `why` not.
    """
    config = Path(data_root, "config/jupyterhub_config.py")
    named = _URL.search(config.read_text(encoding="utf-8", errors="replace")) if config.is_file() else None
    path = Path(data_root, "state", named[1] if named else "jupyterhub.sqlite")
    found: dict[str, Any] = {
        **{"path": str(path), "was_here": config.is_file(), "size": 0, "changed": 0.0, "users": None},
        **{"owner": None, "folder": None, "said": "", "why": ""},
    }
    try:
        there = path.parent.stat()
        found.update(folder=(there.st_uid, stat.S_IMODE(there.st_mode)), changed=there.st_mtime)
        file = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return found | {"state": "absent"}
    except OSError as fault:
        return found | {"state": fault.strerror or "unknown"}
    found.update(size=file.st_size, changed=max(file.st_mtime, file.st_ctime))
    found["owner"] = (file.st_uid, stat.S_IMODE(file.st_mode))
    if not stat.S_ISREG(file.st_mode):
        return found | {"state": "not-a-file"}
    return found | ({"state": "ok", **_asked(path, patience)} if file.st_size else {"state": "empty"})


def _asked(path: Path, patience: float) -> dict[str, Any]:
    """Have SQLite check the file, and not for ever."""
    if sqlite3 is None:
        return {"why": "the server's Python has no SQLite"}
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError as fault:
        return {"said": fault.strerror or "it cannot be read"}
    # A reader of a database in this mode makes files beside it.
    if header[-2:] == _WAL:
        return {"why": "its write-ahead log keeps readers out who may not write"}
    end = time.monotonic() + patience
    base = None
    try:
        base = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=patience)
        base.set_progress_handler(lambda: time.monotonic() > end, 10_000)
        said = "; ".join(row[0] for row in base.execute("PRAGMA quick_check(3)"))
        return {"said": said, "users": base.execute("SELECT count(*) FROM users").fetchone()[0]}
    except sqlite3.OperationalError as fault:
        if "interrupted" in str(fault):
            return {"why": f"it was not checked within {patience:g} s"}
        return {"said": str(fault)}
    except sqlite3.Error as fault:
        return {"said": str(fault)}
    finally:
        if base is not None:
            base.close()


def judge(base: Facts, hub_uid: int, compose: str) -> Iterator[Problem]:
    """Yield what is wrong with the database.

    :param base: as `look` returns it.
    :param hub_uid: user number that the hub runs as.
    :param compose: the beginning of a command that is about the stack.
    """
    subject = f"database {base['path']}"
    if base["state"] in ("absent", "empty"):
        if base["was_here"]:
            yield _lost(base, subject, compose)
    elif base["state"] != "ok":
        why = {"not-a-file": "it is no file"}.get(base["state"], base["state"])
        yield error("database-unreadable", subject, f"{why}.", f"ls -ld {base['path']} {Path(base['path']).parent}")
    elif not _may(base["owner"], hub_uid, 0o6) or not _may(base["folder"], hub_uid, 0o7):
        owner, folder = base["owner"], base["folder"]
        yield error(
            "database-not-writable",
            subject,
            f"the hub, uid {hub_uid}, must read and write it and its directory, and cannot: the file belongs to uid "
            f"{owner[0]} and has mode {owner[1]:04o}, the directory to uid {folder[0]}, with mode {folder[1]:04o}.",
            f"chown {hub_uid}:{hub_uid} {base['path']}; chmod 600 {base['path']}; ./run.sh",
        )
    elif "locked" in base["said"]:
        yield warning(
            "database-locked",
            subject,
            f"another program keeps it to itself for longer than {_PATIENCE:g} s; the hub can write nothing meanwhile.",
            f"fuser -v {base['path']} tells who; {compose} restart jupyterhub, if it is the hub.",
        )
    elif base["said"] not in ("ok", ""):
        yield error(
            "database-damaged",
            subject,
            f"SQLite says: {base['said']}.",
            f"{compose} stop jupyterhub; put the last backup in its place, and keep the damaged file; then ./run.sh. "
            "dmesg | tail -50 tells whether the disk fails.",
        )


def _lost(base: Facts, subject: str, compose: str) -> Problem:
    how = "gone" if base["state"] == "absent" else "empty"
    return error(
        "database-absent",
        subject,
        f"the file is {how}: a hub that starts now knows nobody, and one that runs loses what it has noted.",
        f"{compose} stop jupyterhub; put the last backup in its place; ./run.sh. Without a backup, ./run.sh alone "
        "starts a new one: accounts have to be made again, homes stay.",
    )


def _may(owner: tuple[int, int], uid: int, all_of: int) -> bool:
    """Tell whether a user who is in none of its groups may read and write a file (6), or enter a directory too (7)."""
    bits = all_of << 6 if owner[0] == uid else all_of
    return owner[1] & bits == bits


def told(base: Facts) -> str:
    """Say what was seen of it."""
    users = "" if base["users"] is None else f", {counted(base['users'], 'user')}"
    return f"{Path(base['path']).name}, {base['size'] / 1024**2:.1f} MB{users}"
