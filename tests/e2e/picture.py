"""A picture of all that a lab manages: what differs between two of them has changed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from e2e.drifts_of_engine import ENGINE, ENGINE_APT, ENGINE_RECORD
from e2e.drifts_of_lab import NETWORK, USER_IMAGE
from e2e.managed import managed
from e2e.server import Server

_LIMITS = ("RestartPolicy", "Memory", "MemorySwap", "NanoCpus", "PidsLimit")


def picture(server: Server, engine: bool = True) -> dict[str, str]:
    """Describe everything that is managed, by name; of a service, who it is now, and apart from that how it is.

    :param engine: whether it runs; what it alone knows is left out where somebody has stopped it.
    """
    root = server.data_root
    paths = [*(one.path for one in managed(root)), *ENGINE, *ENGINE_APT, ENGINE_RECORD]
    looked = Path(__file__).with_name("faces.py").read_text()
    found = json.loads(server.run("python3", "-", root / "state/jupyterhub.sqlite", *paths, text=looked))
    if not engine:
        return found
    for entry in json.loads(server.docker("inspect", *server.docker("ps", "--all", "--quiet", "--no-trunc").split())):
        found |= dict(_of_container(entry))
    images = server.docker("image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    ours = [line.split() for line in images if re.match(f"gpulab/|{USER_IMAGE}:", line)]
    found |= {name if name.endswith(":latest") else name.partition(":")[0]: key for name, key in ours}
    return found | {"network": server.docker("network", "inspect", NETWORK, "--format", "{{.Id}} {{.Labels}}")}


def differing(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Name what differs between two pictures."""
    return {name for name in before | after if before.get(name) != after.get(name)}


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
