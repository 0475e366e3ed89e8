# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a hand has changed of a service's container that Compose does not look at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

# What `docker update` can limit of a container, by what Compose calls it.
_LIMITS = {
    "Memory": "mem_limit",
    "MemorySwap": "memswap_limit",
    "MemoryReservation": "mem_reservation",
    "NanoCpus": "cpus",
    "CpuShares": "cpu_shares",
    "CpuPeriod": "cpu_period",
    "CpuQuota": "cpu_quota",
    "CpuRealtimePeriod": "cpu_rt_period",
    "CpuRealtimeRuntime": "cpu_rt_runtime",
    "CpusetCpus": "cpuset",
    "CpusetMems": "cpuset",
    "PidsLimit": "pids_limit",
    "BlkioWeight": "blkio_config",
}
_NO_LIMIT = (None, 0, "", -1)
# More links than any path inside a container has.
_MOST_LINKS = 40


def of_settings(service: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
    """Say what of a container is not as `docker run` once made it.

    :param service: the service as compose.yml has it.
    :param container: its container, as `docker container inspect` says.
    """
    host = container["HostConfig"]
    wanted, policy = service.get("restart", "no"), host["RestartPolicy"]["Name"] or "no"
    if container["State"]["Status"] == "paused":
        yield "is paused"
    if policy != wanted.partition(":")[0]:
        yield f"has the restart policy {policy} instead of {wanted}"
    for limit, key in _LIMITS.items():
        if key not in service and host.get(limit) not in _NO_LIMIT:
            yield f"has a limit that compose.yml does not set ({limit} {host[limit]})"


def of_networks(name: str, container: Mapping[str, Any], network: str, network_id: str) -> Iterator[str]:
    """Say where a container is, and where it is not.

    :param name: of the service, by which the others find it.
    :param network: the one that it shall be on, with its id; an empty id where it is not there.
    """
    joined = container["NetworkSettings"]["Networks"]
    for other in sorted(joined.keys() - {network}):
        yield f"is on the network {other}, where it does not belong"
    end = joined.get(network)
    if end is None or (end["NetworkID"] or network_id) != network_id:
        yield f"is not on the network {network}"
    elif name not in (end.get("Aliases") or ()):
        yield f"is not found as {name} on the network {network}"


def lost_mounts(container: Mapping[str, Any], processes: Path = Path("/proc")) -> list[str]:
    """Return the places in a running container where another directory is than there is now on the server.

    Docker mounts what it finds: when that is removed or moved and made anew, the container keeps the old. Plain files
    are left out: who reads one only when it starts lacks nothing.
    """
    process = container["State"].get("Pid")
    if not process:
        return []
    root = processes / str(process) / "root"
    binds = [mount for mount in container.get("Mounts") or () if mount["Type"] == "bind"]
    return [one["Destination"] for one in binds if _is_lost(Path(one["Source"]), root, one["Destination"])]


def _is_lost(source: Path, root: Path, place: str) -> bool:
    """Compare the two sides; who may not look at a side, or finds no such process, takes it for right."""
    try:
        inside = _follow(root, place).stat()
    except OSError:
        return False
    try:
        return not source.is_file() and not os.path.samestat(source.stat(), inside)
    except OSError:
        return True


def _follow(root: Path, place: str) -> Path:
    """Resolve a path as a process with another root does: a link such as /var/run is not to lead out of it."""
    path, left, links = root, list(PurePosixPath(place).parts[1:]), 0
    while left:
        part = left.pop(0)
        if part == "..":
            path = path if path == root else path.parent
        elif (path / part).is_symlink() and links < _MOST_LINKS:
            target = (path / part).readlink()
            path, links = root if target.is_absolute() else path, links + 1
            left = [*(target.parts[1:] if target.is_absolute() else target.parts), *left]
        else:
            path = path / part
    return path


def recorded(file: Path) -> dict[str, str] | None:
    """Return what a service says that it has read, digests by file name; None when it says nothing."""
    try:
        record = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def of_reading(reads: Mapping[str, str], record: Mapping[str, str] | None) -> Iterator[str]:
    """Say what a service has read that is not what lies there now.

    :param reads: digest of each file that it reads when it starts, by path.
    :param record: what it says of that, by file name.
    """
    if record is None:
        yield "has not left on record what it read when it started"
        return
    other = sorted(path for path, digest in reads.items() if record.get(Path(path).name) != digest)
    if other:
        yield f"read another {', '.join(other)} when it started than there is now"
