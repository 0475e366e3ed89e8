# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A long command that someone far away watches: keeps its log, says how far it is, and stops when nobody asks.

Three files belong to a job: its log; a small JSON file that says how far it is; and a lock, which keeps two runs
from making the same image twice, and whose time is the watcher's sign of life.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

# Long enough for a lost connection to come back, short enough that Ctrl-C does not leave a server at work for long.
_PATIENCE = 90.0
_BEAT = 1.0
# What a command has to clean up after itself, such as mounts, once it is told to stop.
_GRACE = 60.0


class Story(Protocol):
    """What reads the lines of a command: `BuildLog` or `BootstrapLog`."""

    failed_step: str

    def feed(self, line: str, now: float) -> None:
        """Take in one line."""

    def progress(self, now: float) -> str:
        """Say what goes on."""

    def last_lines(self, count: int) -> list[str]:
        """Return the end of the output."""


class Abandoned(RuntimeError):
    """Nobody has asked for the job for a while; it was stopped."""


class Job:
    """The files of one job.

    :param folder: where they lie; it is made if it is not there.
    :param name: what they are called.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        self._progress = folder / f".{name}.progress"
        self._lock = folder / f".{name}.lock"
        self._temporary = folder / f".{name}.tmp"

    @contextmanager
    def alone(self) -> Iterator[Path]:
        """Wait until no other run is at the same job; that one keeps saying how far it is.

        Gives an empty directory that only this user can read, for as long as the job lasts.
        """
        with self._lock.open("a") as lock:
            os.utime(self._lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # One that was killed had no time to clean up.
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary.mkdir(mode=0o700)
            try:
                yield self._temporary
            finally:
                self._progress.unlink(missing_ok=True)
                shutil.rmtree(self._temporary)

    def run(self, argv: Sequence[str], story: Story, env: Mapping[str, str], stdin: Path | None = None) -> int:
        """Run one command to its end and return its exit code.

        :param stdin: a file to give to it.
        :raises Abandoned: if nobody has given a sign of life for a while.
        :raises OSError: if it cannot be started.
        """
        with self.log.open("a", buffering=1) as log, (stdin or Path(os.devnull)).open("rb") as given:
            process = subprocess.Popen(
                argv, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **env}
            )
            try:
                self._follow(process.stdout, log, story)
            except BaseException:
                _end(process)
                raise
            return process.wait()

    def _follow(self, output: IO[bytes], log: IO[str], story: Story) -> None:
        """Pass on what a command prints until it ends."""
        rest = b""
        with selectors.DefaultSelector() as ready:
            ready.register(output, selectors.EVENT_READ)
            while True:
                if ready.select(_BEAT):
                    chunk = os.read(output.fileno(), 1 << 16)
                    if not chunk:
                        break
                    *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
                    for line in lines:
                        self._take(line, log, story)
                self.say(story.progress(time.monotonic()))
        if rest:
            self._take(rest, log, story)

    def _take(self, line: bytes, log: IO[str], story: Story) -> None:
        text = line.decode(errors="replace")
        log.write(f"{text}\n")
        story.feed(text, time.monotonic())

    def say(self, words: str) -> None:
        """Say how far the job is; stop if nobody listens any more.

        :raises Abandoned: then.
        """
        if time.time() - self._lock.stat().st_mtime > _PATIENCE:
            raise Abandoned("Nobody waits for this image any more: the Ansible run that wanted it is gone.")
        fresh = self._progress.with_suffix(".new")
        fresh.write_text(json.dumps({"words": words}))
        fresh.replace(self._progress)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell a command to stop, and end it when it does not: the lock is held as long as it runs."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
