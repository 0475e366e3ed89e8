"""The cards that the scenario gpu has stand-ins of, and the packages that come for them."""

from typing import Any

import yaml
from e2e.runs import ROOT

CARDS = yaml.safe_load((ROOT / "molecule/gpu/vars/cards.yml").read_text())["cards"]
ONE, TWO, SPLIT = (card["uuid"] for card in CARDS[:3])
SLICES = ["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"]
"""How the inventory has the third."""
DRIVER = ("nvidia-kernel-open-dkms", "nvidia-driver-cuda", "nvidia-persistenced", "nvidia-modprobe")
FABRIC = "nvidia-fabricmanager"
TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)


def codes(result: dict[str, Any]) -> list[str]:
    """Name the problems of a result."""
    return [problem["code"] for problem in result["problems"]]
