# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The process of dockerd: which one it is, how it is started, told, and ended where no service manager is."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

PIDFILE = "/run/docker.pid"
SOCKET = "/run/docker.sock"


class DaemonError(RuntimeError):
    """The engine did not do as told; the text says why and what mends it."""


def running_pid(pidfile: str, proc: str = "/proc") -> int:
    """Return the pid of the dockerd that a pidfile names, 0 if there is none.

    A stale pidfile names a pid that is gone, or that some other program has by now.
    """
    with contextlib.suppress(OSError, ValueError):
        pid = int(Path(pidfile).read_text(encoding="ascii"))
        if _stat(pid, proc)[0] == "dockerd":
            return pid
    return 0


def identity(pid: int, proc: str = "/proc") -> str:
    """Name one process for good: boot, pid and start time. '' for pid 0."""
    if not pid:
        return ""
    boot = Path(proc, "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{pid}/{_stat(pid, proc)[1]}"


def flags(pid: int, proc: str = "/proc") -> list[str]:
    """Return the flags that a running dockerd was started with, but for its --config-file; none for pid 0."""
    if not pid:
        return []
    given = Path(proc, str(pid), "cmdline").read_text(encoding="utf-8").rstrip("\0").split("\0")[1:]
    return [
        flag
        for before, flag in zip(["", *given], given, strict=False)
        if before != "--config-file" and not flag.startswith("--config-file")
    ]


def answers(address: str, timeout: float = 5.0) -> bool:
    """Ask the engine behind a Unix socket whether it serves; `timeout` is in seconds."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(address)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False


def start(command: list[str], address: str, log: str, timeout: int) -> int:
    """Start dockerd in a session of its own, wait until it serves, and return its pid.

    Its output is appended to `log`. Raises DaemonError with the last lines of that when it ends, or does not
    serve within `timeout` seconds; it is then ended, so that the next try finds a clean place.
    """
    _raise_file_limit()
    with Path(log).open("ab") as output:
        begin = output.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    if wait_for(lambda: process.poll() is not None or answers(address), timeout) and process.poll() is None:
        return process.pid
    state = f"ended with status {process.returncode}" if process.poll() is not None else f"is silent after {timeout} s"
    process.terminate()
    process.wait()
    raise DaemonError(f"`{' '.join(command)}` {state}. The last lines of {log}:\n{tail(log, begin)}")


def stop(pid: int, timeout: int) -> None:
    """End dockerd and wait until it is gone.

    Raises DaemonError when it still runs after `timeout` seconds: killing it could damage containers.
    """
    os.kill(pid, signal.SIGTERM)
    if not wait_for(lambda: not _alive(pid), timeout):
        raise DaemonError(
            f"dockerd (pid {pid}) still runs {timeout} s after SIGTERM; it waits for containers that do not end. "
            "See `docker ps`, stop those, and run this again."
        )


def reload(pid: int) -> None:
    """Tell dockerd to read its daemon.json again."""
    os.kill(pid, signal.SIGHUP)


def wait_for(condition, timeout: float, pause: float = 0.1) -> bool:
    """Ask again and again until a condition holds; False when it does not within `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def tail(log: str, begin: int = 0, lines: int = 10) -> str:
    """Return the last lines of a log that are more than mere information, of those from byte `begin` on."""
    with Path(log).open("rb") as source:
        source.seek(begin)
        written = source.read().decode(errors="replace").splitlines()
    return "\n".join([line for line in written if "level=info" not in line][-lines:])


def _stat(pid: int, proc: str) -> tuple[str, str]:
    """Read a process's name and its start time, in clock ticks since boot."""
    head, _bracket, rest = Path(proc, str(pid), "stat").read_text(encoding="utf-8").rpartition(")")
    return head.partition("(")[2], rest.split()[19]


def _alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _environment() -> dict[str, str]:
    """Give dockerd what a service manager would, and nothing of the session that happens to start it."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def _raise_file_limit() -> None:
    """Let containers inherit as many open files as this machine allows, as the distributions' units do."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
