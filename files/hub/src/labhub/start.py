# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Start the hub, and leave on record what it has read.

    python -m labhub.start --config=/etc/jupyterhub/jupyterhub_config.py ...

The hub reads its configuration and its secrets once. Somebody may change one of them, restart the hub, and have the
file put right later: only a record of what was there at the start tells that this hub has to start anew.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from labhub import secrets

RECORD = Path("/srv/state/hub-read.json")
CONFIG = Path("/etc/jupyterhub/jupyterhub_config.py")


def read_at_start(config: Path = CONFIG, directory: str = secrets.DIRECTORY) -> list[Path]:
    """List what a hub reads when it starts: its configuration and the lab's secrets."""
    return [config, *sorted(path for path in Path(directory).glob("*") if path.is_file())]


def record(file: Path, paths: Iterable[Path]) -> None:
    """Write the SHA-256 of each file that can be read, by its name, as JSON; the secrets are long and random.

    :raises OSError: the record cannot be written.
    """
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if os.access(path, os.R_OK)}
    draft = file.with_name(f".{file.name}")
    draft.write_text(json.dumps(digests), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(file)


def main(argv: Sequence[str], file: Path = RECORD) -> None:
    """Write the record, then become the hub, with the same arguments."""
    try:
        record(file, read_at_start())
    except OSError as error:
        # A hub without a record serves people all the same; the next run of the playbook starts it anew.
        print(f"labhub.start: what this hub reads cannot be recorded: {error}", file=sys.stderr)
    os.execvp("jupyterhub", ["jupyterhub", *argv])  # noqa: S606 - there is nothing for a shell to do


if __name__ == "__main__":
    main(sys.argv[1:])
