# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the role docker_engine remembers on a server: which options are its own, and what the engine has yet to load.

The record lies next to daemon.json; dockerd reads no other file there. Where it is, the engine is the role's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from ._docker_options import stronger

RECORD_FILE = "/etc/docker/gpulab.jupyterhub.json"
COMMENT = "Written by the Ansible role gpulab.jupyterhub.docker_engine: what it set in daemon.json. Leave it be."


class Record(NamedTuple):
    """One server's record."""

    #: The daemon options that the role wrote, as opposed to those written by hand.
    options: dict[str, Any]
    #: '', 'reload' or 'restart': what the engine named by `engine` needs to take over the options.
    pending: str = ""
    #: The identity of the engine process that ran when the options changed.
    engine: str = ""

    def due(self, engine: str) -> str:
        """Tell what a running engine still needs; one that started since then needs nothing."""
        return self.pending if engine and engine == self.engine else ""

    def text(self) -> str:
        """Write the record as the text of its file."""
        return json.dumps({"comment": COMMENT, **self._asdict()}, indent=2) + "\n"


def following(last: Record | None, options: dict[str, Any], effect: str, engine: str) -> Record:
    """Make the record that follows another when options change with an effect on a running engine.

    What the engine still needs from before is not forgotten.
    """
    effect = stronger(effect, last.due(engine) if last else "")
    if last and (last.options, last.due(engine)) == (options, effect):
        return last
    return Record(options, effect, engine if effect else "")


def load(path: str = RECORD_FILE) -> Record | None:
    """Read the record; None where the role has never been, an empty one if the file is damaged.

    Of a damaged record the options are lost: what the role wrote counts as hand-written from there on, and stays.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return Record(dict(content["options"]), str(content["pending"]), str(content["engine"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return Record({})


def settle(effect: str, engine: str, path: str = RECORD_FILE) -> None:
    """Strike out what an engine needed, once it has got it; a stronger need stays."""
    last = load(path)
    if last and last.due(engine) == effect:
        Path(path).write_text(Record(last.options).text(), encoding="utf-8")
