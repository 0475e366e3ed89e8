# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""One pip at a time in the shared folder, whoever's server it runs in."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = ".pip.lock"


class LockProblem(Exception):
    """The lock cannot be opened; the text says why, and what to do."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; wait, and say so, while another holds it.

    The lock goes with the process, so that no crash leaves one behind.

    :raises LockProblem: it cannot be opened.
    """
    descriptor = _opened(folder / NAME)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another pip is at work in {folder}: waiting for it. Ctrl-C gives up.", file=sys.stderr, flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o664)
    except OSError as error:
        mend = f"Its owner, or whoever runs the lab, removes it with\n    rm {path}"
        raise LockProblem(f"{path} cannot be opened: {error.strerror}. {mend}") from error
