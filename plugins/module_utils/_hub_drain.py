# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The mark by which a hub starts no server, and the servers that run; C(labhub.drained) reads the mark."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from ._hub_api import HubApi
from ._problems import Problem, warning

_PAUSE = 0.5
"""Seconds between two looks at whether servers have stopped."""


class Server(NamedTuple):
    """A server that runs, starts or stops: whose it is, and its name, '' for the default one."""

    user: str
    name: str

    def __str__(self) -> str:
        """Name it as people know it."""
        return f"{self.user} ({self.name})" if self.name else self.user


def mark(data_root: str) -> Path:
    """Return the file that drains a lab."""
    return Path(data_root) / "state" / "drained.json"


def read(data_root: str) -> dict[str, str] | None:
    """Return `since` and `reason` of a lab that is drained, '' where its mark cannot be read; None of any other."""
    try:
        told = json.loads(mark(data_root).read_text(encoding="utf-8"))
        return {key: str(told.get(key, "")) for key in ("since", "reason")}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError):
        return {"since": "", "reason": ""}


def wanted(there: dict[str, str] | None, reason: str) -> dict[str, str]:
    """Return the mark as it shall be; one that is there keeps its time."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"since": (there or {}).get("since") or now, "reason": reason}


def judge(drained: dict[str, str] | None) -> Iterator[Problem]:
    """Yield that a lab is drained, which somebody may have forgotten."""
    if drained is not None:
        since = f", since {drained['since']}" if drained["since"] else ""
        yield warning(
            "hub-drained",
            "the lab",
            f"It is drained{since}: no server starts. {drained['reason']}".rstrip(),
            "When the work is done: ./run.sh undrain.",
        )


def servers(api: HubApi) -> list[Server]:
    """List the servers that are not wholly stopped, a starting one among them.

    :raises Refused, Unreachable: the hub does not tell.
    """
    users: list[dict[str, Any]] = api.pages("/api/users")
    return sorted(Server(user["name"], name) for user in users for name in user.get("servers") or {})


def stop(
    api: HubApi, found: list[Server], patience: float, sleep: Callable[[float], None] = time.sleep
) -> list[Server]:
    """Stop servers, one that is on its way up once it is there; return those that did not stop in time.

    :param patience: seconds that all of them together may take.
    """
    deadline = time.monotonic() + patience
    left = found
    while left:
        for server in left:
            path = f"/api/users/{quote(server.user, safe='')}/server"
            path = f"{path}s/{quote(server.name, safe='')}" if server.name else path
            # 400: it is on its way up or down; 404: somebody else was quicker.
            api.send("DELETE", path, also=(400, 404))
        left = servers(api)
        if not left or time.monotonic() > deadline:
            break
        sleep(_PAUSE)
    return left
