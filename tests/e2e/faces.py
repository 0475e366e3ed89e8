"""Tells how paths look and which groups accounts are in, on the server that it runs on, with nothing but its Python.

It gets a path of the hub's database and then paths, one a line, and prints JSON.
"""

import json
import sqlite3
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

GROUPS = (
    "SELECT users.name, group_concat(groups.name) FROM users LEFT JOIN user_group_map ON users.id = user_id "
    "LEFT JOIN groups ON groups.id = group_id GROUP BY users.name"
)


def face(path):
    """Describe a path: owner, mode, and a digest of what a file holds."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return "absent"
    holds = "" if path.is_dir() else sha256(content(path)).hexdigest()
    return f"{found.st_uid}:{found.st_gid} {found.st_mode:o} {holds}"


def content(path):
    """Read a file; of the engine's record only what does not name the process that read its options."""
    held = path.read_bytes()
    if path.name != "gpulab.jupyterhub.json":
        return held
    try:
        record = json.loads(held)
    except ValueError:
        return held
    return json.dumps({key: value for key, value in record.items() if key != "engine"}).encode()


def accounts(database):
    """Read from the hub's own database who is in which groups."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as base:
        rows = base.execute(GROUPS).fetchall()
    return {f"account {name}": ", ".join(sorted((groups or "").split(","))) for name, groups in rows}


if __name__ == "__main__":
    database, *paths = sys.argv[1:]
    homes = sorted(Path(database).parents[1].glob("home/[a-z]*"))
    print(json.dumps({str(path): face(path) for path in [*map(Path, paths), *homes]} | accounts(database)))
