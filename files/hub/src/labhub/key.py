# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Hand out an admin's API token for a few minutes, to whoever may run commands in the hub's container.

    python -m labhub.key --user admin --seconds 120

That is root on the server, who may do everything there anyway. So no token that makes admins has to lie in a file.
Prints ``{"token": "..."}``; or says on standard error why not, with exit status 1.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from jupyterhub import orm
from sqlalchemy.orm import Session
from traitlets.config.loader import PyFileConfigLoader

SCOPES = ("admin:users", "admin:groups", "admin:servers")
LONGEST = 3600
"""Seconds; a key that somebody loses is worthless soon."""


class KeyProblem(Exception):
    """There is nobody whose key could be handed out; the text says whose and why."""


def hand_out(db: Session, user_name: str, seconds: int) -> str:
    """Make a token of an admin's that may change accounts, groups and servers, and ends by itself.

    :param user_name: the admin.
    :param seconds: how long it is good for, at most `LONGEST`.
    :raises KeyProblem: the hub has no such user, or the user is not an admin.
    """
    user = orm.User.find(db, user_name)
    if user is None or not user.admin:
        raise KeyProblem(f"the hub has no admin {user_name}: restart the hub, which makes lab_admin_name one")
    return orm.APIToken.new(
        user=user, scopes=list(SCOPES), expires_in=min(seconds, LONGEST), note="a playbook, acting as root"
    )


def open_database(config: Path) -> Session:
    """Open the database that a configuration names."""
    loaded = PyFileConfigLoader(config.name, path=str(config.parent)).load_config()
    return orm.new_session_factory(loaded.JupyterHub.db_url)()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m labhub.key", description="Hand out an admin's key for a while.")
    parser.add_argument("--user", required=True, help="the admin whose key it is")
    parser.add_argument("--seconds", required=True, type=int, help=f"how long it is good for, at most {LONGEST}")
    parser.add_argument("--config", type=Path, default=Path("/etc/jupyterhub/jupyterhub_config.py"))
    asked = parser.parse_args(argv)
    with open_database(asked.config) as db:
        try:
            print(json.dumps({"token": hand_out(db, asked.user, asked.seconds)}))
        except KeyProblem as problem:
            print(problem, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
