# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Secrets: one line each, in files that only the hub can read."""

import contextlib
import os
import stat
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

DIRECTORY = "/run/lab-secrets"
DIRECTORY_VARIABLE = "LABHUB_SECRETS_DIR"
PLACEHOLDER = "0" * 64
"""What every secret reads as while a configuration is only checked: 32 bytes in hexadecimal."""

_checking: ContextVar[bool] = ContextVar("checking", default=False)


class SecretError(Exception):
    """A secret cannot be read, or others could read it too; the text names the file and the mend."""


def secret(name: str) -> str:
    """Read one of the lab's secrets.

    :param name: file name below ``/run/lab-secrets`` (or ``$LABHUB_SECRETS_DIR``), such as ``cookie_secret``.
    :returns: the file's text without surrounding white space; never empty.
    :raises SecretError: the file is absent, empty, not a file, or open to group or others.
    """
    return read(Path(os.environ.get(DIRECTORY_VARIABLE, DIRECTORY)) / name)


def read(path: str | os.PathLike[str]) -> str:
    """Read a secret by its path; as `secret`, for paths that the configuration names in full."""
    if _checking.get():
        return PLACEHOLDER
    try:
        with Path(path).open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(
            f"secret {path} cannot be read: {error}. Run the playbook again: it makes secrets."
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise SecretError(f"secret {path} is open to others (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}")
    if not text:
        raise SecretError(f"secret {path} is empty. Remove it and run the playbook again: it makes a new one.")
    return text


@contextlib.contextmanager
def placeholders() -> Iterator[None]:
    """Make every secret read as `PLACEHOLDER`, so that a configuration can be loaded where there are none."""
    token = _checking.set(True)
    try:
        yield
    finally:
        _checking.reset(token)
