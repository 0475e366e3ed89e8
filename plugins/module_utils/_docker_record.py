# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the role docker_engine remembers on a server: which options are its own, and which ones the engine runs with.

The record lies next to daemon.json; dockerd reads no other file there. Where it is, the engine is the role's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

RECORD_FILE = "/etc/docker/gpulab.jupyterhub.json"
COMMENT = "Written by the Ansible role gpulab.jupyterhub.docker_engine: what it set in daemon.json. Leave it be."

Options = dict[str, Any]


class Record(NamedTuple):
    """One server's record."""

    #: The daemon options that the role wrote, as opposed to those written by hand.
    options: Options
    #: The options that the engine process `engine` has loaded; of another process they say nothing.
    loaded: Options
    #: The identity of that process.
    engine: str

    def loaded_by(self, engine: str, current: Options) -> Options:
        """Tell which options a running engine has loaded: those of the file, unless the record knows better."""
        return self.loaded if engine and engine == self.engine else current

    def text(self) -> str:
        """Write the record as the text of its file."""
        return json.dumps({"comment": COMMENT, **self._asdict()}, indent=2) + "\n"


NOTHING = Record({}, {}, "")


def load(path: str) -> Record | None:
    """Read the record; None where the role has never been, an empty one if the file is damaged.

    Of a damaged record the options are lost: what the role wrote counts as hand-written from there on, and stays.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return Record(dict(content["options"]), dict(content["loaded"]), str(content["engine"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return NOTHING
