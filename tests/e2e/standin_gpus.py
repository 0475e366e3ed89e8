"""GPUs where there are none, for the real engine: only NVML is a double; CDI, device nodes and cgroups are real.

The specifications lie where the engine looks for those that come and go, under UUIDs that no card has, and are removed.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SPECS = Path("/var/run/cdi")
ONE, TWO = (f"GPU-{uuid.uuid4()}" for _card in range(2))
BOTH = ("nodes", f"gpu {ONE}", f"gpu {TWO}")
"""What the double says of two cards; `CARDS` tells their numbers."""
CARDS = {ONE: 0, TWO: 1}

# Behind NVIDIA's own numbers there is no driver here; behind those of /dev/null there is one.
NVIDIA, NULL = (195, 255), (1, 3)


@contextmanager
def specification(folder: Path, double: Path) -> Iterator[Callable[..., None]]:
    """Offer GPUs by CDI: what is yielded writes, or writes anew, one specification, which is removed in the end.

    :param folder: where to keep what the double says.
    :param double: the folder that `nvml_building.build` made.
    """
    made_folder = not SPECS.exists()
    file = SPECS / f"gpulab-test-{uuid.uuid4()}.json"

    def write(lines: Sequence[str], devices: Mapping[str, int], control: tuple[int, int] = NVIDIA) -> None:
        said = folder / "said"
        said.write_text("\n".join(lines))
        mounts = {double / "libnvidia-ml.so.1": "/usr/lib/libnvidia-ml.so.1", said: "/etc/nvml-double"}
        SPECS.mkdir(exist_ok=True)
        # In one step, as the engine reads it at any moment.
        file.with_suffix(".new").write_text(json.dumps(_text(mounts, devices, control)))
        file.with_suffix(".new").rename(file)

    try:
        yield write
    finally:
        file.unlink(missing_ok=True)
        if made_folder and SPECS.exists():
            SPECS.rmdir()


def _text(mounts: Mapping[Path, str], devices: Mapping[str, int], control: tuple[int, int]) -> dict[str, Any]:
    """Write a specification; *devices* maps UUIDs to the number of the card that they bring."""
    edits = {
        "deviceNodes": [_node("/dev/nvidiactl", *control)],
        "mounts": [{"hostPath": str(a), "containerPath": b, "options": ["ro", "bind"]} for a, b in mounts.items()],
    }
    cards = [
        {"name": name, "containerEdits": {"deviceNodes": [_node(f"/dev/nvidia{number}", 195, number)]}}
        for name, number in devices.items()
    ]
    nodes = [node for card in cards for node in card["containerEdits"]["deviceNodes"]]
    cards.append({"name": "all", "containerEdits": {"deviceNodes": nodes}})
    return {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": cards, "containerEdits": edits}


def _node(path: str, major: int, minor: int) -> dict[str, Any]:
    return {"path": path, "type": "c", "major": major, "minor": minor}
