"""Stand-in for nvidia-ctk: writes a specification of the cards that nvidia-smi tells of, as the real one does."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

# A card that dies is None, so that the others keep their numbers.
CARDS = json.loads(Path("/etc/stand-in/cards.json").read_text())


def node(path: str) -> dict[str, Any]:
    """Describe a device node that is there."""
    number = Path(path).stat().st_rdev
    return {"path": path, "type": "c", "major": os.major(number), "minor": os.minor(number)}


def mount(host: str, container: str) -> dict[str, Any]:
    """Describe a file that a container gets."""
    return {"hostPath": host, "containerPath": container, "options": ["ro", "nosuid", "nodev", "bind"]}


def specification() -> dict[str, Any]:
    """Describe all cards, and what comes along with each."""
    told = subprocess.run(["nvidia-smi", "-L"], check=True, stdout=subprocess.PIPE, text=True).stdout
    nodes = named(told)
    library = next(Path("/usr/lib").glob("*/libnvidia-ml.so.1")).resolve()
    devices = [{"name": uuid, "containerEdits": {"deviceNodes": [node(path)]}} for uuid, path in nodes.items()]
    everything = {
        "name": "all",
        "containerEdits": {"deviceNodes": [node(path) for path in dict.fromkeys(nodes.values())]},
    }
    return {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
        "devices": [*devices, everything],
        "containerEdits": {
            "deviceNodes": [node("/dev/nvidiactl"), node("/dev/nvidia-uvm")],
            "mounts": [
                mount(str(library), str(library)),
                mount(str(library), str(library.with_name("libnvidia-ml.so.1"))),
                mount("/etc/stand-in/nvml", "/etc/nvml-double"),
            ],
        },
    }


def named(told: str) -> dict[str, str]:
    """Return the nodes of slices, and of cards that are not in MIG mode, by UUID; a slice has its card's."""
    cards = {card["uuid"]: (f"/dev/nvidia{number}", card) for number, card in enumerate(CARDS) if card}
    nodes, path = {}, ""
    for uuid in re.findall(r"\(UUID: ([^)]+)\)", told):
        if uuid in cards:
            path, card = cards[uuid]
        if uuid not in cards or card.get("mig") != "Enabled":
            nodes[uuid] = path
    return nodes


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(f"NVIDIA Container Toolkit CLI version {Path('/usr/lib/stand-in/toolkit-version').read_text().strip()}")
    elif sys.argv[1:3] == ["cdi", "generate"]:
        print(json.dumps(specification(), indent=2))
    else:
        sys.exit(f"the stand-in does not know {sys.argv[1:]}")
