# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""`LabSpawner`: one container per user, as that user's own uid, in a home that is ready before it starts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from docker.errors import APIError, DockerException
from requests import RequestException
from traitlets import Bool

from labhub import homehelper, mounts
from labhub.container import LABEL, LabContainer
from labhub.problems import SpawnProblem, docker_problem
from labhub.progress import Progress

KNOCK_INTERVAL = 0.05
"""Seconds between two tries to reach a server that is starting."""
POLL_INTERVAL = 1.0
"""Seconds between two looks at whether its container still runs; each is a call of Docker's."""
LAST_WORDS = 20
"""Lines of a dead server's log that its user and the hub's log get to see."""


class LabSpawner(LabContainer):
    """A spawner for labs: a home with the right owner first, then a container, always a fresh one."""

    will_resume = Bool(False, help="A server never comes back with its old token, for its container is a new one.")

    _homes_ready: dict[str, tuple[int, frozenset[str]]] = {}
    """Homes that this hub has seen ready: path -> (uid, mount points); shared by all spawners."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._progress = Progress()

    # Starting and stopping

    async def start(self) -> tuple[str, int]:
        """Make the home, then the container, and wait until the server in it listens.

        :returns: address and port of the server.
        :raises SpawnProblem: any of it failed; the text says what, and the mend.
        """
        self._progress.clear()
        try:
            self._progress.tell(10, "Making sure that your home is there")
            self._uid = await self.ensure_home()
            await self._clear_leftover()
            self._progress.tell(30, f"Creating your container from {self.image}")
            ip, port = await super().start()
            self._progress.tell(60, "Waiting for your server to answer")
            await self._until_listening(ip, port)
            self._progress.tell(90, "Your server listens")
        except (DockerException, RequestException) as error:
            raise docker_problem(error) from error
        return ip, port

    async def stop(self, now: bool = False) -> None:
        """Stop the server, and remove its container: the next one starts with the settings of its day."""
        await super().stop(now)
        if await self.get_object():
            await self.remove_object()
            self.object_id = ""

    async def poll(self) -> str | int | None:
        """Tell whether the server runs; if not, why it stopped, for the hub's log.

        :returns: None while it runs; 0 when there is no container; else exit code and last lines of its log.
        """
        status = await super().poll()
        return status if status in (None, 0) else await self._last_words(str(status))

    async def _clear_leftover(self) -> None:
        """Remove a stopped container of an earlier server; leave one that runs to be taken up again.

        One that still runs is a server that the hub lost sight of (a crash, an old database): `DockerSpawner.start`
        takes it up with the token that it holds, and its user loses nothing.
        """
        found = await self.get_object()
        if not found:
            return
        if not found["State"]["Running"]:
            await self.remove_object()
        elif found["Config"]["Labels"].get(LABEL) != "singleuser":
            raise SpawnProblem(
                f"A container {self.container_name} runs already and is not one of this lab's. "
                f"Ask whoever runs the lab to stop it: docker rm -f {self.container_name}",
                reason="name",
            )

    async def _until_listening(self, ip: str, port: int) -> None:
        """Wait until the server accepts connections; the hub bounds the wait by ``start_timeout``.

        :raises SpawnProblem: its container stopped before.
        """
        knocks = 0
        while not await accepts_connections(ip, port):
            if knocks % round(POLL_INTERVAL / KNOCK_INTERVAL) == 0 and (status := await self.poll()) is not None:
                raise SpawnProblem(f"Your server stopped as it started: {status}", reason="died")
            knocks += 1
            await asyncio.sleep(KNOCK_INTERVAL)

    async def _last_words(self, status: str) -> str:
        try:
            log = await self.docker("logs", self.container_id, tail=LAST_WORDS)
        except APIError as error:
            return f"{status}; its log cannot be read: {error.explanation}"
        text = log.decode(errors="replace").strip()
        return f"{status}; its log ends with:\n{text}" if text else f"{status}; its log is empty"

    # The home

    async def ensure_home(self) -> int:
        """Make sure that the home and the mount points in it are there.

        :returns: uid that owns the home, and that the server runs as.
        :raises SpawnProblem: the home cannot be used.
        """
        wanted = mounts.inside(self.home_target, self.lab_mounts())
        ready = self._homes_ready.get(self.home)
        if ready and ready[1] >= wanted and homehelper.owner(self.home) == ready[0]:
            return ready[0]
        made = await self._home_helper().ensure(self.user.name, wanted, self._labels("home-helper"))
        if made["note"]:
            self.log.warning("%s", made["note"])
        self._homes_ready[self.home] = made["uid"], wanted
        return made["uid"]

    def _home_helper(self) -> homehelper.HomeHelper:
        return homehelper.HomeHelper(
            docker=self.docker,
            host_config=self.client.create_host_config,
            image=self.helper_image,
            root=self.home_root,
            uid_min=self.uid_min,
            gid=self.users_gid,
        )

    # What the user sees meanwhile

    def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what `start` is doing, as it does it; JupyterHub ends the loop when the server is ready."""
        return self._progress.stream()


async def accepts_connections(ip: str, port: int) -> bool:
    """Tell whether something listens at an address."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(ip, port), timeout=2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
