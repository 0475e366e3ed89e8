# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Keeps the passwords that were generated for users: a file each, which only root can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ._file_tree import make_secret

_MODE = 0o600
_LENGTH = 20


class PasswordFiles:
    """Files of passwords.

    :param directory: where they lie; it is made, with mode 0700, when the first one is.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, name: str) -> Path:
        """Return where a user's lies."""
        return self._directory / name

    def modes(self, names: list[str]) -> dict[str, str]:
        """Return the modes of the files that are there, in octal digits, by user, with an owner who is another.

        :raises OSError: as reading does.
        """
        there = [name for name in names if self.path(name).is_file()]
        return {name: _face(self.path(name).stat()) for name in there}

    def read(self, name: str) -> str:
        """Return a user's password; '' if there is none.

        :raises OSError: it cannot be read.
        """
        path = self.path(name)
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    def close(self, name: str) -> None:
        """Let nobody but root read a user's file."""
        os.chown(self.path(name), os.geteuid(), os.getegid())
        self.path(name).chmod(_MODE)

    def keep(self, name: str, password: str) -> None:
        """Write a user's password, so that it is there whole or not at all.

        :raises OSError: it cannot be written.
        """
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._directory.chmod(0o700)
        draft = self._directory / f".{name}.new"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{password}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path(name))

    def forget(self, name: str) -> None:
        """Remove a user's file, if there is one."""
        self.path(name).unlink(missing_ok=True)


def _face(found: os.stat_result) -> str:
    owner = "" if found.st_uid == os.geteuid() else f", owner {found.st_uid}"
    return f"{stat.S_IMODE(found.st_mode):04o}{owner}"


def generate() -> str:
    """Make a password that people can copy from paper."""
    return make_secret("password", _LENGTH)
