"""Tells how paths, units, packages and accounts are, on the server that it runs on, with nothing but its Python.

It gets a path of the hub's database and then paths, one a line, and prints JSON.
"""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

GROUPS = (
    "SELECT users.name, group_concat(groups.name) FROM users LEFT JOIN user_group_map ON users.id = user_id "
    "LEFT JOIN groups ON groups.id = group_id GROUP BY users.name"
)


UNITS = ("docker.service", "docker.socket", "containerd.service")
PACKAGES = ("docker.io", "docker-cli", "docker-compose", "docker-buildx", "docker-ce", "containerd.io")


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


def units():
    """Tell of the engine's units whether they run, and start with the server; nothing where systemd is not."""
    if not Path("/run/systemd/system").is_dir():
        return {}
    return {
        f"unit {name}": f"{asked('systemctl', 'is-active', name)} {asked('systemctl', 'is-enabled', name)}"
        for name in UNITS
    }


def packages():
    """Tell which of the engine's packages are installed, and which are held."""
    held = asked("apt-mark", "showhold").split()
    layout = "--showformat=${db:Status-Abbrev} ${Version}"
    states = {name: asked("dpkg-query", "--show", layout, name) for name in PACKAGES}
    # One that was removed is as one that never was, but for its settings.
    return {
        f"package {name}": f"{state} {name in held}" for name, state in states.items() if state.startswith(("ii", "hi"))
    }


def asked(*words):
    """Return what a command prints, whatever it thinks of it."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    database, *paths = sys.argv[1:]
    homes = sorted(Path(database).parents[1].glob("home/[a-z]*"))
    faces = {str(path): face(path) for path in [*map(Path, paths), *homes]}
    print(json.dumps(faces | units() | packages() | accounts(database)))
