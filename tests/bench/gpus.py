"""What the looks at GPUs take, on a server of the scenario `gpu`, beside what cannot be done without."""

import yaml

from bench.figures import Comparison
from bench.fleet import Fleet, running
from bench.measure import ROOT, say, seconds

SCENARIO = "molecule/gpu"
TIMES = 20
"""How often a play does a thing; what the play itself takes is taken off."""
PAIRS = {("gpu_info", "stat"): 1.5, ("container_gpu_info", "docker_run"): 1.3}
"""What is compared with what, and how much of it that may be."""


def each(fleet: Fleet, what: str) -> float:
    """Say how long one task takes."""
    return (_play(fleet, what) - _play(fleet, "nothing")) / TIMES


def _play(fleet: Fleet, what: str) -> float:
    return seconds(lambda: fleet.play("tests/bench/gpu_tasks/again.yml", "-e", f"what={what}", "-e", f"times={TIMES}"))


def looks(rounds: int) -> list[Comparison]:
    """Have each thing done again and again, in turns."""
    cards = yaml.safe_load((ROOT / SCENARIO / "vars/cards.yml").read_text())["cards"]
    taken: dict[str, list[float]] = {what: [] for pair in PAIRS for what in pair}
    prepare = (f"{SCENARIO}/prepare.yml", f"{SCENARIO}/converge.yml", "tests/bench/gpu_tasks/image.yml")
    with running([f"{SCENARIO}/inventory"], *prepare) as fleet:
        for turn in range(rounds):
            for what, spans in taken.items():
                spans.append(each(fleet, what))
            told = ", ".join(f"{what} {spans[-1]:.2f} s" for what, spans in taken.items())
            say(f"GPUs {turn + 1} of {rounds}: {told}")
    words = {
        "gpu_info": (f"`gpu_info` of {len(cards)} cards, over SSH", "a `stat` task"),
        "container_gpu_info": ("`container_gpu_info` of an image with one GPU", "`docker run` of the same, with it"),
    }
    return [
        Comparison(words[ours][0], taken[ours], taken[other], words[ours][1], bound)
        for (ours, other), bound in PAIRS.items()
    ]
