"""Takes the measurements: starts one by one, starts at once, memory, a bare start, a converge that changes nothing."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from e2e.labclient import HubClient, Lab, LabError
from e2e.server import docker

from bench.figures import bytes_of

ROOT = Path(__file__).resolve().parents[2]
BARE_NAME = "lab-bench-bare"
BARE_PORT = 18888
BARE_TIMEOUT = 60
QUIET = 5
"""Seconds that a server is left alone before its memory is read."""


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def seconds(action: Callable[[], Any]) -> float:
    """Say how long something takes."""
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


@contextmanager
def people(lab: Lab, count: int) -> Iterator[list[str]]:
    """Make users up, and remove them, their servers and their homes at the end."""
    made = [f"bench{secrets.token_hex(4)}" for _user in range(count)]
    try:
        for name in made:
            HubClient(lab).call("POST", f"/hub/api/users/{name}")
        yield made
    finally:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: HubClient(lab).remove(name), made))


def start(lab: Lab, name: str) -> float:
    """Start a server, and say how long that took; stop it again."""
    hub = HubClient(lab)
    try:
        return seconds(lambda: hub.start(name))
    finally:
        hub.stop(name)


def start_at_once(lab: Lab, names: Sequence[str]) -> tuple[float, list[str]]:
    """Start the servers of many users at once.

    :returns: seconds until the last has come to an end, and what was said about those that failed.
    """

    def one(name: str) -> str:
        try:
            HubClient(lab).start(name)
        except (LabError, requests.RequestException) as error:
            return f"{name}: {error}"
        return ""

    begun = time.monotonic()
    with ThreadPoolExecutor(len(names)) as pool:
        said = list(pool.map(one, names))
    return time.monotonic() - begun, [problem for problem in said if problem]


def memory(prefix: str, names: Sequence[str]) -> list[float]:
    """Say what the idle servers of some users take, in MB."""
    time.sleep(QUIET)
    listed = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", *(f"{prefix}-{name}" for name in names))
    return [bytes_of(line) / 1e6 for line in listed.splitlines()]


def bare_start(image: str) -> float:
    """Run JupyterLab from the user image without a hub, and say how long until its API answers."""
    words = ["run", "--detach", "--name", BARE_NAME, "--user", "20000:9100", "--env", "HOME=/tmp"]
    words += ["--publish", f"127.0.0.1:{BARE_PORT}:8888", image, "jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
    remove_bare()
    try:
        return seconds(lambda: (docker(*words), _until_answer(f"http://127.0.0.1:{BARE_PORT}/api")))
    finally:
        remove_bare()


def remove_bare() -> None:
    """Remove the container of a bare start, if there is one."""
    if docker("ps", "--all", "--quiet", "--filter", f"name=^/{BARE_NAME}$"):
        docker("rm", "--force", "--volumes", BARE_NAME)


def _until_answer(url: str) -> None:
    deadline = time.monotonic() + BARE_TIMEOUT
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.01)
    raise LabError(f"{url} did not answer in {BARE_TIMEOUT} s: docker logs {BARE_NAME}")


def converge() -> float:
    """Run ./run.sh on the lab that is there, and say how long it took."""
    return seconds(lambda: _run("./run.sh"))


def stat_tasks() -> float:
    """Run a play of 50 `stat` tasks on this machine, and say how long it took."""
    return seconds(lambda: _run(".venv/bin/ansible-playbook", "-i", "inventories/local", "tests/bench/stat.yml"))


def _run(*words: str) -> None:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(words)} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
