# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The walk of C(labhub.probe) through a lab, in a container of its own: got ready early, begun on a cue."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Timer
from typing import Any

from ._docker_cli import Docker, DockerError

_MOUNTED = "/run/lab-secrets/ansible_token"
_PACKAGES = {"open": ["/opt/packages:rw"], "curated": ["/opt/packages:ro"], "off": []}
_LOOK = re.compile(r'\{"look": "(\w+)"\}')
_SLOW_STEPS = 4
"""How many steps of the walk may take as long as its time-out, one after the other: start, kernel, and both stops."""
_LEAVE = 30
"""Seconds that a container may take to begin and to end."""


class Walk:
    """A container that waits for its cue: what takes it a second to get ready, it does while the lab is looked at.

    :param docker: the engine.
    :param wishes: options of C(hub_probe).
    :param more: further words for C(labhub.probe).
    """

    def __init__(self, docker: Docker, wishes: Mapping[str, Any], *more: str) -> None:
        self._wishes = wishes
        self._process: subprocess.Popen[str] | None = None
        self._fault = f"no hub runs in the Compose project {wishes['compose_project']}"
        try:
            image = find_hub(docker, wishes["compose_project"])
        except DockerError as fault:
            self._fault = str(fault)
            return
        if image:
            self._process = docker.begin(*command(wishes, image), *more)

    def take(self) -> dict[str, Any]:
        """Walk through the lab; returns the report."""
        if self._process is None:
            return not_run(self._fault)
        longest = _LEAVE + _SLOW_STEPS * self._wishes["walk_timeout"]
        try:
            output, errors = self._process.communicate("walk\n", timeout=longest)
        except subprocess.TimeoutExpired:
            self.leave()
            return not_run(f"the walk has not come to an end in {longest} seconds")
        return read(self._process.returncode, output, errors)

    def take_and_look(self, look: Callable[[str], None]) -> dict[str, Any]:
        """Walk through the lab, and look into a server wherever the walk waits for it; returns the report.

        :param look: gets `none` or `all`, which GPUs the server should see.
        """
        if self._process is None:
            return not_run(self._fault)
        longest = _LEAVE + _SLOW_STEPS * self._wishes["walk_timeout"]
        watch = Timer(longest, self._process.kill)
        watch.start()
        try:
            output = ""
            self._tell("walk")
            for line in self._process.stdout:
                if waits := _LOOK.fullmatch(line.strip()):
                    look(waits[1])
                    self._tell("go on")
                else:
                    output += line
            errors = self._process.stderr.read()
            return read(self._process.wait(), output, errors)
        finally:
            watch.cancel()

    def _tell(self, word: str) -> None:
        # A walk that has ended is known by what it printed, or has not.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()

    def leave(self) -> None:
        """Do not walk, and leave no container behind; after a walk there is nothing to do."""
        if self._process is None or self._process.poll() is not None:
            return
        try:
            # What reads no cue ends by itself.
            self._process.communicate("", timeout=_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def find_hub(docker: Docker, project: str) -> str:
    """Return the image of the running hub, or nothing.

    :raises DockerError: if no engine answers.
    """
    labels = (f"project={project}", "service=jupyterhub")
    filters = [word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")]
    return docker.ask("ps", *filters, "--format", "{{.Image}}").strip()


def command(wishes: Mapping[str, Any], image: str) -> list[str]:
    """Return the words after C(docker) that walk through the lab in a container of its own, on a cue.

    It shares the server's network, since a user's browser comes in by the published port too.
    """
    uid = wishes["token_uid"]
    words = [
        *("run", "--rm", "--interactive", "--network=host", f"--user={uid}:{uid}", "--cap-drop=ALL", "--read-only"),
        f"--volume={wishes['token_file']}:{_MOUNTED}:ro",
        *("--label=org.gpulab.jupyterhub=probe", "--entrypoint=python", image, "-m", "labhub.probe", "--on-cue"),
        *("--url", wishes["url"], "--user", wishes["user"], "--token-file", _MOUNTED),
        *("--timeout", str(wishes["walk_timeout"]), "--shared-packages", wishes["shared_packages"]),
    ]
    for mount in _PACKAGES[wishes["shared_packages"]] + wishes["mounts"]:
        words += ["--expect-mount", mount.replace("{username}", wishes["user"])]
    return words


def read(code: int, output: str, errors: str) -> dict[str, Any]:
    """Return what the probe printed, or, when it could not even begin, a report that says so."""
    try:
        return json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return not_run((errors or output).strip() or f"docker run ended with {code}")


def not_run(evidence: str) -> dict[str, Any]:
    """Return the report of a walk that could not begin, or has no end."""
    problem = {
        "code": "probe-not-run",
        "severity": "error",
        "subject": "the probe's container",
        "evidence": evidence,
        "remedy": "Run ./run.sh site, which brings up the engine, the images and the hub.",
    }
    return {"ok": False, "steps": [], "problem": problem}


def remove_home(home_root: Path, user: str) -> None:
    """Remove the probe's home; never a person's, whose name cannot begin with C(lab-)."""
    if user.startswith("lab-") and "/" not in user:
        shutil.rmtree(home_root / user, ignore_errors=True)
