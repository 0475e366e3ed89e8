# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Questions to a Docker engine by its command line: never waits for ever, and tells why there is no answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

SOCKET = "/var/run/docker.sock"

#: What the fragment `docker_socket` documents.
SOCKET_OPTION: dict[str, Any] = {"docker_socket": {"type": "path", "default": SOCKET}}

# What a login over SSH has on its PATH is not always where Docker is.
_MORE_PATH = ("/usr/local/bin", "/usr/bin", "/snap/bin")


class Answer(NamedTuple):
    """What came back: `state` is ok, missing, denied, down, hung or failed."""

    state: str
    out: str
    err: str


class DockerError(RuntimeError):
    """The engine did not answer; `state` says why, as in `Answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.err.strip() or answer.out.strip() or answer.state)
        self.state = answer.state

    @property
    def no_engine(self) -> bool:
        """Whether there is none that runs; any other that does not answer may hold whatever there was."""
        return self.state in ("missing", "down")


Run = Callable[..., Answer]


class Impatient:
    """Runs commands as another does, but waits for a hung engine only once: then every answer is that it hangs.

    :param run: what runs a command, as `command` does.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.hung: Answer | None = None

    def __call__(self, argv: Sequence[str], **how: Any) -> Answer:
        """Run one command."""
        if self.hung:
            return self.hung
        answer = self._run(argv, **how)
        if answer.state == "hung":
            self.hung = answer
        return answer


def command(argv: Sequence[str], timeout: float = 20.0, stdin: str = "") -> Answer:
    """Run one command of Docker; *timeout* is in seconds, *stdin* what it may read."""
    program = _find(argv[0])
    if program is None:
        return _missing(argv[0])
    try:
        done = subprocess.run(
            [program, *argv[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            input=stdin,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        return Answer("hung", "", f"{' '.join(argv)}: no answer within {timeout:g} seconds")
    return Answer(state_of(done.returncode, done.stderr + done.stdout), done.stdout, done.stderr)


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_MORE_PATH]))


def _missing(program: str) -> Answer:
    return Answer("missing", "", f"{program}: command not found")


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def state_of(code: int, text: str) -> str:
    """Tell from its exit code and its words why a command of Docker failed."""
    if code == 0:
        return "ok"
    text = text.lower()
    if "permission denied" in text:
        return "denied"
    if "could not be found in this wsl" in text:
        return "missing"
    if "cannot connect to the docker daemon" in text or "failed to connect to the docker api" in text:
        return "down"
    return "failed"


class Docker:
    """One engine, behind its socket.

    :param socket: path of the socket; what the environment says of other engines does not count.
    :param run: what runs a command, as `command` does.
    """

    def __init__(self, socket: str = SOCKET, run: Run = command) -> None:
        self._start = ("docker", "--host", f"unix://{socket}")
        self._run = run

    def ask(self, *words: str, **how: Any) -> str:
        """Return what `docker <words>` prints.

        :param how: `timeout` and `stdin`, as of `command`.
        :raises DockerError: if it fails.
        """
        answer = self.answer(*words, **how)
        if answer.state != "ok":
            raise DockerError(answer)
        return answer.out

    def answer(self, *words: str, **how: Any) -> Answer:
        """Return how `docker <words>` went, and what it printed; *how* is as of `ask`."""
        return self._run([*self._start, *words], **how)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin `docker <words>`, and return it running, with pipes to and from it.

        :raises DockerError: if there is no such program here.
        """
        program = _find(self._start[0])
        if program is None:
            raise DockerError(_missing(self._start[0]))
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        argv = [program, *self._start[1:], *words]
        return subprocess.Popen(argv, **pipes, text=True, errors="replace", env=_environment())

    def info(self) -> dict[str, Any]:
        """Return what `docker info` knows.

        :raises DockerError: if no engine answers.
        """
        known = json.loads(self.ask("info", "--format", "{{json .}}"))
        # Some versions of the client end well although no engine answers.
        if known.get("ServerErrors"):
            text = "\n".join(known["ServerErrors"])
            raise DockerError(Answer(state_of(1, text), "", text))
        return known

    def inspect(self, kind: str, *names: str) -> list[dict[str, Any]]:
        """Return what the engine knows of things of one kind: `container`, `image` or `network`.

        :raises DockerError: if one of them does not exist, or no engine answers.
        """
        return json.loads(self.ask(kind, "inspect", *names)) if names else []

    def log_end(self, container: str, lines: int = 15) -> str:
        """Return the last lines that a container wrote."""
        answer = self.answer("logs", "--tail", str(lines), container)
        return (answer.out + answer.err).strip()
