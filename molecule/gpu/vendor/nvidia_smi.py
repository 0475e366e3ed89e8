"""Stand-in for nvidia-smi: tells of the cards of /etc/stand-in/cards.json, as recordings of the real one have it."""

import sys
from pathlib import Path

sys.path.insert(0, "/usr/lib/stand-in")
import gpu_shapes as shapes
import stand_in_mig

CUDA = {"580": "13.0", "590": "13.1"}


def main(words: list[str]) -> int:
    """Answer, by the module that is loaded and the library that is installed; return the exit status."""
    module = Path("/sys/module/nvidia/version")
    library = next(Path("/usr/lib").glob("*/libnvidia-ml.so.1"))
    own = library.readlink().name.partition(".so.")[2]
    if not module.exists():
        print("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")
        return 9
    if module.read_text().strip() != own:
        print("Failed to initialize NVML: Driver/library version mismatch")
        return 18
    if "mig" in words or "-mig" in words or "--gpu-reset" in words:
        code, said = stand_in_mig.main(words)
        print(said, end="")
        return code
    cards = [shapes.card(**card) for card in stand_in_mig.read() if card]
    versions = {"driver": own, "cuda": CUDA[own[:3]]}
    said = {
        "-q -x": lambda: shapes.xml(cards, **versions),
        "-q": lambda: shapes.text(cards, **versions),
        "-L": lambda: shapes.listed(cards),
        "--query-gpu=index,uuid,compute_cap --format=csv,noheader": lambda: shapes.queried(cards),
    }
    print(said[" ".join(words)](), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
