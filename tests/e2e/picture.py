"""A picture of all that a lab manages: what differs between two of them has changed."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from e2e.drift import ENGINE, ENGINE_APT, ENGINE_RECORD, NETWORK, USER_IMAGE
from e2e.managed import managed
from e2e.server import docker

_LIMITS = ("RestartPolicy", "Memory", "MemorySwap", "NanoCpus", "PidsLimit")


def picture(data_root: Path) -> dict[str, str]:
    """Describe everything that is managed, by name; of a service, who it is now, and apart from that how it is."""
    engine = map(Path, (*ENGINE, *ENGINE_APT, ENGINE_RECORD))
    paths = [*(one.path for one in managed(data_root)), *engine, *_homes(data_root)]
    found = {str(path): _face(path) for path in paths}
    for entry in json.loads(docker("inspect", *docker("ps", "--all", "--quiet", "--no-trunc").split())):
        found |= dict(_of_container(entry))
    images = docker("image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    ours = [line.split() for line in images if re.match(f"gpulab/|{USER_IMAGE}:", line)]
    found |= {name if name.endswith(":latest") else name.partition(":")[0]: key for name, key in ours}
    found |= dict(_accounts(data_root))
    return found | {"network": docker("network", "inspect", NETWORK, "--format", "{{.Id}} {{.Labels}}")}


def _homes(data_root: Path) -> list[Path]:
    return sorted((data_root / "home").glob("[a-z]*"))


def _accounts(data_root: Path) -> Iterator[tuple[str, str]]:
    """Read from the hub's own database who is in which groups."""
    asked = (
        "SELECT users.name, group_concat(groups.name) FROM users LEFT JOIN user_group_map ON users.id = user_id "
        "LEFT JOIN groups ON groups.id = group_id GROUP BY users.name"
    )
    with closing(sqlite3.connect(f"file:{data_root}/state/jupyterhub.sqlite?mode=ro", uri=True)) as base:
        for name, groups in base.execute(asked):
            yield f"account {name}", ", ".join(sorted((groups or "").split(",")))


def _face(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "absent"
    holds = "" if path.is_dir() else sha256(path.read_bytes()).hexdigest()
    return f"{found.st_uid}:{found.st_gid} {found.st_mode:o} {holds}"


def _of_container(entry: dict) -> Iterator[tuple[str, str]]:
    labels, state = entry["Config"]["Labels"], entry["State"]
    if "com.docker.compose.service" not in labels and "org.gpulab.jupyterhub.user" not in labels:
        return
    name = labels.get("com.docker.compose.service") or entry["Name"].lstrip("/")
    # Compose gives a container its own name as well, a hand that joins it to a network anew only that of its service.
    found_by_name = {key: name in (end["Aliases"] or ()) for key, end in entry["NetworkSettings"]["Networks"].items()}
    yield name, f"{entry['Id']} since {state['StartedAt']}"
    how = [state["Status"], {key: entry["HostConfig"][key] for key in _LIMITS}, found_by_name, entry["Image"]]
    yield f"how {name} is", json.dumps(how)
