# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Has homes made by `labhub.homes`, as root in a short-lived container, so that the hub itself needs no privilege."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.types import Mount
from requests import RequestException
from tornado.log import app_log

from labhub import postmortem
from labhub.problems import SpawnProblem

_REMOVALS: set[asyncio.Future[None]] = set()
"""Removals under way; the event loop itself keeps no hold of them."""
COMMAND = ("/opt/lab/bin/python", "-I", "-m", "labhub.homes", "ensure")


@dataclass(frozen=True)
class HomeHelper:
    """Makes homes, through the Docker engine.

    :param docker: calls a method of the engine's client by name, outside the event loop.
    :param host_config: makes a host configuration for `create_container`.
    :param image: image with labhub in /opt/lab.
    :param root: directory of the homes, the same on the Docker host and in the hub.
    :param uid_min: lowest uid for a new home.
    :param gid: group of a new home.
    """

    docker: Callable[..., Awaitable[Any]]
    host_config: Callable[..., dict[str, Any]]
    image: str
    root: str
    uid_min: int
    gid: int

    async def ensure(self, name: str, mount_points: frozenset[str], labels: dict[str, str]) -> dict[str, Any]:
        """Make sure that a home and the mount points in it are there.

        :param name: the user.
        :param mount_points: directories, relative to the home.
        :param labels: labels of the helper's container.
        :returns: ``uid``, ``created`` and ``note``, as `labhub.homes.Home` has them.
        :raises SpawnProblem: the home cannot be used.
        """
        making = asyncio.ensure_future(self._create(self._command(name, mount_points), labels))
        try:
            # A start that runs out of time must not lose sight of what Docker goes on to make for it.
            return await self._result(await asyncio.shield(making))
        finally:
            removal = asyncio.create_task(self._remove(making))
            _REMOVALS.add(removal)
            removal.add_done_callback(_REMOVALS.discard)
            if not asyncio.current_task().cancelling():
                await removal

    async def _create(self, command: list[str], labels: dict[str, str]) -> str:
        helper = await self.docker(
            "create_container",
            self.image,
            entrypoint=command,
            user="0:0",
            working_dir="/",
            labels=labels,
            host_config=self.host_config(
                mounts=[Mount(self.root, self.root, type="bind")],
                network_mode="none",
                cap_drop=["ALL"],
                cap_add=["CHOWN", "SETUID", "SETGID"],
                security_opt=["no-new-privileges"],
            ),
        )
        return helper["Id"]

    async def _remove(self, making: asyncio.Future[str]) -> None:
        """Remove the helper once it is made; when making it failed, that is for whoever waits for it to tell.

        One that cannot be removed, as when somebody cleans up just then, has done its work or said why not.
        """
        await asyncio.wait([making])
        if making.cancelled() or making.exception() is not None:
            return
        try:
            await self.docker("remove_container", making.result(), force=True)
        except (DockerException, RequestException) as error:
            app_log.warning("The helper that makes homes, %s, cannot be removed: %s", making.result()[:12], error)

    def _command(self, name: str, mount_points: frozenset[str]) -> list[str]:
        asked = ["--root", self.root, "--name", name, "--uid-min", str(self.uid_min), "--gid", str(self.gid)]
        return [*COMMAND, *asked, *(f"--dir={directory}" for directory in sorted(mount_points))]

    async def _result(self, helper: str) -> dict[str, Any]:
        await self.docker("start", helper)
        # Docker's wait would hold one of the few threads that all spawners share.
        while (state := (await self.docker("inspect_container", helper))["State"])["Status"] == "running":
            await asyncio.sleep(0.05)
        said = (await self.docker("logs", helper)).decode(errors="replace").strip()
        try:
            result = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError):
            result = {"problem": f"making it ended with exit code {state['ExitCode']}: {said or state.get('Error')}"}
        if "problem" in result:
            raise SpawnProblem(postmortem.cause("home-not-ready"), postmortem.readable(result["problem"]))
        return result


def owner(path: str) -> int | None:
    """Say which uid owns a home; None when there is no directory."""
    try:
        return Path(path).stat(follow_symlinks=False).st_uid
    except OSError:
        return None
