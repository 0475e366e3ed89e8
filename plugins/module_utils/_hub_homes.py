# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Removes the home of a user who is gone, and keeps the user's number (uid) from being given to another.

Whoever owns a directory among the homes has that number: `labhub.homes` gives the one after the highest. So of a
home that is removed an empty, closed directory stays, C(.removed-<name>-<uid>), or a newcomer would own what the
old user has left in shared directories. The name is freed at once, by renaming; a removal that is cut short goes
on with the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")


class HomeError(Exception):
    """A home cannot be removed; the text says why, and the mend."""


def existing(root: Path, names: list[str]) -> frozenset[str]:
    """Name the users of whose homes something is there, be it the rest of a removal that was cut short."""
    return frozenset(name for name in names if os.path.lexists(root / name) or _unfinished(root, name))


def check(root: Path, name: str, mounts: Path = _MOUNTS) -> None:
    """See to it that a removal would touch the home's own files only.

    :raises HomeError: it is no directory, or something is mounted in it.
    """
    home = root / name
    if not os.path.lexists(home):
        return
    if not stat.S_ISDIR(home.lstat().st_mode):
        raise HomeError(f"{home} is not a directory, so it is left alone: look where it leads, and remove it by hand.")
    for line in mounts.read_text(encoding="utf-8").splitlines():
        point = Path(line.split(" ")[4].replace("\\040", " "))
        if point.is_relative_to(home.resolve()):
            raise HomeError(f"{point} is mounted in the home of {name}: umount it, or what is there would go too.")


def remove(root: Path, name: str) -> None:
    """Remove a home, as root.

    :raises HomeError: as `check`, or a file cannot be removed.
    """
    check(root, name)
    try:
        with _alone(root):
            for rest in _unfinished(root, name):
                _empty(rest)
            home = root / name
            if home.exists():
                rest = root / f".removed-{name}-{home.stat().st_uid}"
                home.rename(rest)
                _empty(rest)
    except OSError as error:
        raise HomeError(f"{error.filename} cannot be removed: {error.strerror}. Remove it by hand.") from error


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the lock that `labhub.homes` makes homes under."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _unfinished(root: Path, name: str) -> list[Path]:
    """Find what earlier removals have left of this user's homes; a user's name holds no character of a pattern."""
    rests = [path for path in root.glob(f".removed-{name}-*") if path.name.rpartition("-")[0] == f".removed-{name}"]
    return [path for path in rests if any(path.iterdir())]


def _empty(directory: Path) -> None:
    """Remove everything in a directory; links are removed, never followed."""
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()
    directory.chmod(0)
