# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Servers of users that did not start, or died: what the hub has on record, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ._hub_api import HubApi, Refused, Unreachable
from ._problems import Problem, warning
from ._times import instant

KEYS = ("user", "server", "when", "stage", "cause", "text", "detail", "exit_code", "log", "mended")

# Somebody wanted these; and that a GPU is refused to whom it is not given is what the inventory wants.
_WANTED = ("stopped", "ended", "removed", "gpu-refused", "drained")
_LOG = "{compose} logs --tail=200 jupyterhub, and the lines above, tell more."
_REMEDIES = {
    "memory": "Raise hub_config_user_memory, then ./run.sh; or the user works with less data at once.",
    "disk": "df -h {root}/home; du -xhd1 {root}/home/{user} | sort -h | tail. Make room, or raise the user's quota.",
    "home": "ls -ld {root}/home/{user}: it has mode 0700 and its user's own uid; findmnt -T {root}/home tells whether "
    "the file system is mounted read-only.",
    "home-not-ready": "What is above names the path and the mend.",
    "dot-file": "Move the file that is named out of the way, below {root}/home/{user}; the user then starts again.",
    "configuration": "Move {root}/home/{user}/.jupyter out of the way; the user then starts again. If that changes "
    "nothing, the setting is in hub_config_extra or in the users' image.",
    "port": "Something in the user's server took its port: see the settings below {root}/home/{user}/.jupyter.",
    "packages": "The log names the package. ./run.sh makes the users' image again if its files have changed.",
    "image": "./run.sh makes the image.",
    "version": "./run.sh builds both images from one version; then the user starts again.",
    "mount": "Make the directory that is named on the server, or take it out of hub_config_mounts; then ./run.sh.",
    "name": "docker rm -f jupyter-{user}, if it is yours to remove.",
    "timeout": "uptime; docker stats. If the server is merely slow, raise hub_config_start_timeout.",
    "killed": "journalctl -k | grep -i 'out of memory' tells whether the kernel did it, short of memory on the "
    "whole server: set hub_config_user_memory. Otherwise somebody did, with docker kill or kill -9.",
    "gpu-missing": "nvidia-smi -L tells which GPUs the server has. If it is there, its CDI specification is old, "
    "and ./run.sh makes it anew. Otherwise mend hub_config_gpu_access, then ./run.sh.",
    "gpu-no-cdi": "Set docker_engine_cdi: true, then ./run.sh; or, without CDI, hub_config_gpu_injection: legacy and "
    "nvidia_container_toolkit_legacy_runtime: true, then ./run.sh.",
    "gpu-no-toolkit": "Set nvidia_container_toolkit_legacy_runtime: true, then ./run.sh; or, where the engine has CDI, "
    "hub_config_gpu_injection: cdi.",
    "gpu-unknown": "nvidia-smi -L tells which GPUs the server has: mend the UUID in hub_config_gpu_access, then "
    "./run.sh.",
    "crashed": "A library crashed: the end of the log names it. The user starts again.",
}


def at_failures(api: HubApi, hours: float, now: datetime | None = None) -> list[dict[str, Any]]:
    """Ask the hub which servers failed, in the last so many hours, the newest first; a hub without records has none."""
    try:
        records = api.fetch("/api/lab/failures")["failures"]
    except (Refused, Unreachable, KeyError, TypeError):
        return []
    since = (now or datetime.now(timezone.utc)) - timedelta(hours=hours)
    found = [{key: record.get(key) for key in KEYS} for record in records]
    return [record for record in reversed(found) if instant(record["when"]) >= since]


def failures(facts: Mapping[str, Any]) -> Iterator[Problem]:
    """Judge the newest failure of each server, unless it has started since, or nobody knows its user any more."""
    users = {user["name"] for user in facts["users"] or []}
    for record in newest(facts["failures"]):
        if record["user"] in users and not record["mended"] and record["cause"] not in _WANTED:
            yield warning("server-failed", _subject(record), _evidence(record), _remedy(facts, record))


def newest(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Pick the first record of each server, of a list that has the newest first."""
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for record in records:
        first.setdefault((record["user"], record["server"]), record)
    return list(first.values())


def _subject(record: Mapping[str, Any]) -> str:
    return f"server of {record['user']}" + (f" ({record['server']})" if record["server"] else "")


def _evidence(record: Mapping[str, Any]) -> str:
    how = "it did not start" if record["stage"] == "start" else "it died while it ran"
    code = "" if record["exit_code"] is None else f", exit code {record['exit_code']}"
    lines = [f"{how}, {record['when']} ({record['cause']}{code}): {record['text']}", record["detail"]]
    log = ["The end of its log:", record["log"]] if record["log"] else []
    return "\n".join(line for line in [*lines, *log] if line)


def _remedy(facts: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    compose = f"docker compose -f {facts['data_root']}/compose.yml"
    remedy = _REMEDIES.get(record["cause"], _LOG)
    return remedy.format(root=facts["data_root"], user=record["user"], compose=compose)
