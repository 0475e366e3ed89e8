# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Records of servers that did not start, or died: the evidence outlives the container that it is about."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope

PER_USER = 5
TOTAL = 200


@dataclass(frozen=True)
class Failure:
    """One server that failed.

    :param user: whose it was.
    :param server: its name; the default one's is empty.
    :param when: time, ISO 8601 in UTC.
    :param stage: ``start`` or ``run``.
    :param cause: one of `labhub.postmortem.CAUSES`.
    :param text: the cause in words, in English.
    :param detail: what else is known, such as Docker's own words; may be empty.
    :param exit_code: of the container; None when it never ran.
    :param log: the end of its log, as `labhub.postmortem.readable` leaves it.
    :param container: what tells this end from others; empty when there was no container.
    :param mended: when the same server started again; empty if it has not.
    """

    user: str
    server: str
    when: str
    stage: str
    cause: str
    text: str
    detail: str = ""
    exit_code: int | None = None
    log: str = ""
    container: str = ""
    mended: str = ""


def now() -> str:
    """The time, as `Failure` has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class FailureStore:
    """A file with one failure a line, the oldest first; bounded for each user, and in all.

    :param path: the file, mode 0600, in a directory that the hub may write to.
    """

    def __init__(self, path: Path, per_user: int = PER_USER, total: int = TOTAL):
        self.path, self.per_user, self.total = path, per_user, total

    def all(self) -> list[dict[str, Any]]:
        """Read the records, the oldest first; a line that makes no sense is left out."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return []
        return [record for record in map(_parsed, lines) if record is not None]

    def add(self, failure: Failure) -> bool:
        """Keep a record; False when this end is on record already.

        :raises OSError: the file cannot be written.
        """
        records = self.all()
        if failure.container and any(record["container"] == failure.container for record in records):
            return False
        self._write(self._bounded([*records, asdict(failure)]))
        return True

    def mend(self, user: str, server: str) -> None:
        """Note that a server has started again; writes nothing when it had not failed.

        :raises OSError: the file cannot be written.
        """
        records = self.all()
        open_ones = [r for r in records if (r["user"], r["server"], r["mended"]) == (user, server, "")]
        for record in open_ones:
            record["mended"] = now()
        if open_ones:
            self._write(records)

    def forget(self, user: str, server: str) -> None:
        """Drop the records of a server that is deleted for good; writes nothing when it had not failed.

        :raises OSError: the file cannot be written.
        """
        records = self.all()
        kept = [record for record in records if (record["user"], record["server"]) != (user, server)]
        if len(kept) < len(records):
            self._write(kept)

    def _bounded(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        counted: dict[str, int] = {}
        kept = []
        for record in reversed(records):
            counted[record["user"]] = counted.get(record["user"], 0) + 1
            if counted[record["user"]] <= self.per_user:
                kept.append(record)
        return kept[: self.total][::-1]

    def _write(self, records: Iterable[dict[str, Any]]) -> None:
        text = "".join(json.dumps(record) + "\n" for record in records)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
        return asdict(Failure(**record))
    except (ValueError, TypeError):
        return None


STORE = FailureStore(Path("server-failures.jsonl"))
"""The hub's own, in its working directory, which is its state."""


class FailuresHandler(APIHandler):
    """``/hub/api/lab/failures``: the records, for whoever administers servers."""

    @needs_scope("admin:servers")
    def get(self) -> None:
        """Answer ``{"failures": [...]}``, the oldest first, each with the fields of `Failure`."""
        self.finish({"failures": STORE.all()})
