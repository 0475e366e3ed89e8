# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Collects what somebody who helps from afar wants to see; nothing of it leaves the server unscrubbed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ._docker_cli import Docker, Run
from ._doctor_scrub import scrub, scrub_all, without_environment
from ._hub_look import redacted

# Characters of one text; its end counts most.
_LONGEST = 300_000
_LOG_LINES = 2000
_JOURNAL = ("journalctl", "--unit=docker", "--lines=500", "--no-pager", "--output=short-iso")
_DAEMON_JSON = Path("/etc/docker/daemon.json")
_ENGINE_LOG = Path("/var/log/docker.log")
_DISKS = ("df", "-hT", "--exclude-type=overlay", "--exclude-type=tmpfs")
_SERVER = ("/etc/os-release", "/etc/resolv.conf", "/proc/version", "/proc/loadavg", "/proc/meminfo")


def collect(
    docker: Docker, run: Run, facts: Mapping[str, Any], data_root: str, secrets: Iterable[str]
) -> dict[str, str]:
    """Return the texts of a support bundle by file name, with secrets and environments out of them.

    :param run: what runs a command, as `_docker_cli.command` does.
    :param facts: `stack`, `user_containers` and `events`.
    :param secrets: as `read_secrets` returns them.
    """
    known = frozenset(secrets)
    found = {**_of_files(Path(data_root)), **_of_engine(docker, run, facts)}
    return {name: text for name, what in found.items() if (text := _scrubbed(what, known)).strip()}


def _scrubbed(what: Any, secrets: frozenset[str]) -> str:
    """Scrub a text; of anything else each text by itself, so that it is JSON afterwards."""
    if isinstance(what, str):
        return scrub(what, secrets)[-_LONGEST:]
    return json.dumps(scrub_all(what, secrets), indent=1)


def _of_files(root: Path) -> dict[str, str]:
    return {
        "compose.yml": _text(root / "compose.yml"),
        "jupyterhub_config.py": without_environment(_text(root / "config/jupyterhub_config.py")),
        "server-failures.jsonl": _text(root / "state/server-failures.jsonl"),
        "daemon.json": _text(_DAEMON_JSON),
        "server.txt": "\n".join(f"== {path}\n{_text(Path(path))}" for path in _SERVER),
    }


def _of_engine(docker: Docker, run: Run, facts: Mapping[str, Any]) -> dict[str, Any]:
    stack = facts["stack"].values()
    names = [one["name"] for one in (*stack, *facts["user_containers"])]
    return {
        "disks.txt": run(_DISKS).out,
        "engine.log": _engine_log(run),
        "docker-info.json": _json(docker, "info", "--format={{json .}}"),
        "docker-ps.txt": _told(docker, "ps", "--all"),
        "docker-images.txt": _told(docker, "image", "ls", "--digests"),
        "docker-inspect.json": _json(docker, "container", "inspect", *names) if names else "",
        "docker-events.json": facts["events"],
        **{f"{one['service']}.log": redacted(docker.log_end(one["name"], _LOG_LINES)) for one in stack},
    }


def _engine_log(run: Run) -> str:
    """Ask the journal; where it has nothing, no service manager runs the engine, and its log is a file."""
    told = run(_JOURNAL)
    return told.out if told.state == "ok" and "-- No entries --" not in told.out else _text(_ENGINE_LOG)


def _json(docker: Docker, *words: str) -> Any:
    """Return what docker prints as JSON, without any environment; where it does not, its text."""
    text = _told(docker, *words)
    try:
        return without_env(json.loads(text))
    except ValueError:
        return text


def without_env(value: Any) -> Any:
    """Leave out every environment, wherever it stands."""
    if isinstance(value, dict):
        return {key: without_env(item) for key, item in value.items() if key.lower() not in ("env", "environment")}
    return [without_env(item) for item in value] if isinstance(value, list) else value


def _told(docker: Docker, *words: str) -> str:
    answer = docker.answer(*words)
    return answer.out or answer.err


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[-4 * _LONGEST :]
    except OSError as fault:
        return f"{path}: {fault.strerror}"
