"""Runs Molecule's scenarios, for `make molecule`; tells each as a whole when it has ended, and last what failed.

A scenario mostly waits, for apt and for servers that start, so two of them take little longer than the longer one.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import dropwhile

from checkout import ROOT

AT_A_TIME = 2
# As molecule draws a command that failed.
_FAILED = re.compile(r"└─ Return code: [1-9]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: Lines; a failed task, with what it says, is seldom longer.
_EXCERPT = 60


def excerpt(told: str) -> str:
    """Return the lines before the end of the last command that failed, in what a scenario told; or its last lines."""
    lines = _COLOUR.sub("", told).splitlines()
    to_the_failure = [*dropwhile(lambda line: not _FAILED.search(line), reversed(lines))]
    return "\n".join(reversed((to_the_failure or lines[::-1])[:_EXCERPT]))


def run(scenario: str) -> tuple[str, int, str]:
    """Run one; return its name, its exit code and all that it told."""
    command = ["molecule", "test", "-s", scenario]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return scenario, done.returncode, done.stdout


def main(scenarios: list[str]) -> int:
    """Run them in this order; the longest first ends soonest."""
    failed = {}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for ended in as_completed([pool.submit(run, scenario) for scenario in scenarios]):
            scenario, code, told = ended.result()
            print(told, flush=True)
            if code:
                failed[scenario] = told
    for scenario, told in failed.items():
        print(f"\n=== Scenario {scenario} failed here:\n{excerpt(told)}")
    print(f"\nScenarios: {len(scenarios) - len(failed)} passed, {len(failed)} failed {' '.join(failed)}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
