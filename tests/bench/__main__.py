"""`make bench`: measures the lab of this machine beside a plain one, and writes docs/performance.md.

Exit status 1 if a bound is missed or a server did not start; the page is written all the same.
"""

import argparse
import datetime
import os
import platform
import sys
from pathlib import Path

from e2e.labclient import Lab
from e2e.server import docker

from bench import fleet, gpus, measure, plainlab
from bench.figures import Comparison, Crowd, Span, page
from bench.measure import say

PAGE = measure.ROOT / "docs/performance.md"
USER_IMAGE = "jupyter-custom-gpu:latest"
CROWD = 12
LARGE_CROWD = 30


def starts(ours: Lab, plain: Lab, count: int) -> list[Comparison]:
    """Start one server at a time: the plain lab's, the lab's, and a bare one, in turns."""
    taken: dict[str, list[float]] = {"plain": [], "ours": [], "bare": []}
    with measure.people(ours, 1) as (mine,), measure.people(plain, 1) as (theirs,):
        for lab, name in ((plain, theirs), (ours, mine)):
            measure.start(lab, name)
        for turn in range(count):
            taken["plain"].append(measure.start(plain, theirs))
            taken["ours"].append(measure.start(ours, mine))
            taken["bare"].append(measure.bare_start(USER_IMAGE))
            say(
                f"start {turn + 1} of {count}: " + ", ".join(f"{who} {times[-1]:.2f} s" for who, times in taken.items())
            )
    return [
        Comparison("Start of a server", taken["ours"], taken["plain"], "plain lab", 0.5),
        Comparison("Start of a server", taken["ours"], taken["bare"], "bare `docker run`", 1.2),
    ]


def crowds(ours: Lab, plain: Lab, rounds: int) -> tuple[list[Comparison], list[Crowd]]:
    """Start many servers at once, in the one lab and in the other, and read the memory of what has started."""
    spans: dict[Lab, list[float]] = {plain: [], ours: []}
    sizes: dict[Lab, list[float]] = {plain: [], ours: []}
    failures: list[str] = []
    for turn in range(rounds):
        for lab, prefix in ((plain, plainlab.NAME), (ours, "jupyter")):
            with measure.people(lab, CROWD) as names:
                span, failed = measure.start_at_once(lab, names)
                spans[lab].append(span)
                started = [name for name in names if not any(problem.startswith(name) for problem in failed)]
                sizes[lab] += measure.memory(prefix, started)
            failures += failed if lab is ours else []
            say(f"{CROWD} at once, round {turn + 1} of {rounds}: {lab.url} {span:.1f} s, {len(failed)} failed")
    comparisons = [
        Comparison(f"{CROWD} servers at once", spans[ours], spans[plain], "plain lab", 0.5),
        Comparison("Memory of an idle server", sizes[ours], sizes[plain], "plain lab", 0.75, "MB"),
    ]
    return comparisons, [Crowd(CROWD, failures), large_crowd(ours)]


def large_crowd(lab: Lab) -> Crowd:
    """Start more servers at once than the machine has room to be quick for."""
    with measure.people(lab, LARGE_CROWD) as names:
        span, failed = measure.start_at_once(lab, names)
    say(f"{LARGE_CROWD} at once: {span:.1f} s, {len(failed)} failed")
    return Crowd(LARGE_CROWD, failed)


def converges(rounds: int) -> Comparison:
    """Run ./run.sh where nothing is to be changed, and 50 small tasks, in turns."""
    taken: dict[str, list[float]] = {"ours": [], "stat": []}
    measure.converge()
    for turn in range(rounds):
        taken["stat"].append(measure.stat_tasks())
        taken["ours"].append(measure.converge())
        say(f"converge {turn + 1} of {rounds}: {taken['ours'][-1]:.1f} s, 50 stat tasks {taken['stat'][-1]:.1f} s")
    return Comparison("A `./run.sh` that changes nothing", taken["ours"], taken["stat"], "50 `stat` tasks", 0.6)


def machine() -> str:
    """Describe this machine: cores, memory, distribution, engine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    engine = docker("version", "--format", "{{.Server.Version}}")
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {system}, Docker {engine}"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--starts", type=int, default=10, help="how many servers are started one by one")
    parser.add_argument("--rounds", type=int, default=3, help="how often servers start at once, and a converge runs")
    parser.add_argument(
        "--only", choices=("servers", "converge", "fleet", "gpus"), help="leave the rest out, and write no page"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page goes")
    return parser.parse_args()


def main() -> int:
    """Measure, write the page, and tell whether the bounds are kept."""
    asked = arguments()
    comparisons: list[Comparison] = []
    others: list[Crowd | Span] = []
    if asked.only in (None, "servers"):
        ours = Lab.from_environment()
        say("building the plain lab (minutes, the first time) and bringing it up")
        with plainlab.running() as plain:
            comparisons = starts(ours, plain, asked.starts)
            more, groups = crowds(ours, plain, asked.rounds)
        comparisons += more
        others += groups
    if asked.only in (None, "converge"):
        comparisons.append(converges(asked.rounds))
    if asked.only in (None, "fleet"):
        more, first = fleet.converges(asked.rounds)
        comparisons += more
        others.append(first)
    if asked.only in (None, "gpus"):
        comparisons += gpus.looks(asked.rounds)
    text = page(comparisons, others, machine(), datetime.date.today().isoformat())
    if asked.only:
        print(text)
    else:
        asked.page.write_text(text, encoding="utf-8")
        say(f"written: {asked.page}")
    missed = [part for part in (*comparisons, *others) if not part.kept]
    for part in missed:
        say(f"bound missed: {part}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
