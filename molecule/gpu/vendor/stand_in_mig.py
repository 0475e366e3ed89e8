"""Stand-in for what nvidia-smi does about MIG, on the cards of /etc/stand-in/cards.json.

Ampere takes MIG mode with a reset, and keeps it when the server starts anew; all others take it at once, and lose it.
Slices are lost by every start: `stand_in_mig.py` is run then.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, "/usr/lib/stand-in")
import gpu_shapes as shapes

CARDS = Path("/etc/stand-in/cards.json")
NVML = {Path("/etc/nvml-double"): "", Path("/etc/stand-in/nvml"): "nodes\n"}
PROFILES = {"1g.10gb": (7, 9728), "1g.20gb": (4, 19968), "2g.20gb": (3, 19968)}
PROFILES |= {"3g.40gb": (2, 40192), "4g.40gb": (1, 40192), "7g.80gb": (1, 80896)}
"""How many of each fit, and the memory of one in MiB."""
NOT_FOUND = 6


def read() -> list[dict[str, Any] | None]:
    """Return the cards, None for one that is dead."""
    return json.loads(CARDS.read_text())


def write(cards: list[dict[str, Any] | None]) -> None:
    """Keep the cards, and have NVML tell of them and of their slices."""
    CARDS.write_text(json.dumps(cards))
    lines = []
    for card in filter(None, cards):
        slices = [f"mig {piece['uuid']}\n" for piece in card.get("slices", [])]
        lines += [f"gpu {card['uuid']}\n", *slices]
    for path, head in NVML.items():
        path.write_text(head + "".join(lines))


def main(words: list[str]) -> tuple[int, str]:
    """Do what a command asks of one card; return its exit status and what it says."""
    cards = read()
    uuid = words.pop(words.index("-i") + 1)
    words.remove("-i")
    card = next(card for card in cards if card and card["uuid"] == uuid)
    code, said = act(card, words)
    write(cards)
    return code, said


def act(card: dict[str, Any], words: list[str]) -> tuple[int, str]:
    """Do it to the card."""
    slices = card.setdefault("slices", [])
    if words[0] == "-mig":
        card["pending"] = "Enabled" if words[1] == "1" else "Disabled"
        if card["cap"] == "8.0":
            return 0, "Warning: MIG mode is in pending state. Please reset the GPU.\n"
        return 0, reset(card)
    if words == ["--gpu-reset"]:
        return 0, reset(card)
    if card["mig"] != "Enabled":
        return NOT_FOUND, "No MIG-enabled devices found.\n"
    if words[1] == "-lgip":
        rows = (
            f"|   0  MIG {name:<15} 19     0/{total}        9.62       No |\n"
            for name, (total, _size) in PROFILES.items()
        )
        return 0, "".join(rows)
    if words[1] == "-cgi":
        slices += [made(card["uuid"], place, name) for place, name in enumerate(words[2].split(","), 1)]
        return 0, "Successfully created GPU instances.\n"
    if words[1] == "-dci":
        return (0, "Destroyed.\n") if slices else (NOT_FOUND, "No compute instances found: Not Found\n")
    card["slices"] = []
    return 0, "Destroyed.\n"


def made(uuid: str, place: int, profile: str) -> dict[str, Any]:
    """Describe a slice that has just been made."""
    size = PROFILES[profile][1]
    own = f"MIG-{uuid[4:-3]}{uuid[-1]}{place:02d}"
    return {**shapes.mig(profile, place, 0, (size, 0, 4, size - 4)), "uuid": own}


def reset(card: dict[str, Any]) -> str:
    """Have a card take the mode that waits."""
    card["mig"], card["slices"] = card.pop("pending", card["mig"]), []
    return "All done.\n"


def start() -> None:
    """Do what a start of the server does to cards."""
    cards = read()
    for card in filter(None, cards):
        card["slices"] = []
        if card.get("mig") == "Enabled" and card["cap"] != "8.0":
            card["mig"] = "Disabled"
    write(cards)


if __name__ == "__main__":
    start()
