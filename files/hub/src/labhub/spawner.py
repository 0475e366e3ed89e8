# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""`LabSpawner`: one container per user, as that user's own uid, in a home that is ready before it starts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from docker.errors import DockerException
from requests import RequestException
from traitlets import Bool, default

from labhub import answers, drained, failures, gpus, homehelper, mounts, postmortem
from labhub.container import LABEL, LabContainer
from labhub.failures import Failure
from labhub.problems import WANTED, SpawnProblem, docker_problem
from labhub.progress import Progress
from labhub.texts import Text, language_for

SILENT = Text("Something listens at its port, and answers no request.")
PATIENCE = 0.95
"""Part of ``start_timeout`` after which a start has failed."""


class LabSpawner(LabContainer):
    """A spawner for labs: a home with the right owner first, then a container, always a fresh one."""

    will_resume = Bool(False, help="A server never comes back with its old token, for its container is a new one.")

    _homes_ready: dict[str, tuple[int, frozenset[str]]] = {}
    """Homes that this hub has seen ready: path -> (uid, mount points); shared by all spawners."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._progress = Progress()
        self._starting = self._stopping = False
        # False while a start has not yet seen that no stranger's container has the name.
        self._name_is_ours = True

    # Starting and stopping

    async def start(self) -> tuple[str, int]:
        """Make the home, then the container, and wait until the server in it listens.

        :returns: address and port of the server.
        :raises SpawnProblem: any of it failed; the text says what, and the mend.
        """
        self._progress.begin(language_for(self.handler))
        self._starting, self._stopping, self._name_is_ours = True, False, False
        try:
            # Before JupyterHub's own time-out, which leaves no time to read the log.
            async with asyncio.timeout(self.start_timeout * PATIENCE):
                return await self._start()
        except SpawnProblem as problem:
            raise self._on_record(problem) from problem.__cause__
        except TimeoutError as error:
            problem = SpawnProblem(postmortem.cause("timeout"), log=await self._log_end())
            raise self._on_record(problem) from error
        except (DockerException, RequestException) as error:
            raise self._on_record(docker_problem(error)) from error
        finally:
            self._starting = False

    async def _start(self) -> tuple[str, int]:
        if (why := drained.reason()) is not None:
            raise SpawnProblem(postmortem.cause("drained"), why)
        self._gpus = self._chosen_gpus()
        self._progress.tell(10, Text("Making sure that your home is there"))
        self._uid = await self.ensure_home()
        await self._clear_leftover()
        self._name_is_ours = True
        self._progress.tell(30, Text("Creating your container from %(image)s", image=self.image))
        ip, port = await super().start()
        self._progress.tell(60, Text("Waiting for your server to answer"))
        await self._until_ready(ip, port)
        self._record(lambda: failures.STORE.mend(self.user.name, self.name))
        return ip, port

    def _chosen_gpus(self) -> tuple[str, ...]:
        """Say which GPUs this start gets; whoever starts a server may send any options with it.

        :raises SpawnProblem: GPUs that are not this user's to have.
        """
        try:
            return gpus.chosen(self.allowed_gpus(), self.user_options.get(gpus.OPTION))
        except gpus.Refused as error:
            # JupyterHub keeps options for starts that bring none: a choice that the rules have taken away since
            # would be in the way of each of them.
            self.user_options = {name: value for name, value in self.user_options.items() if name != gpus.OPTION}
            if self.orm_spawner:
                self.orm_spawner.user_options = self.user_options
            raise SpawnProblem(postmortem.cause("gpu-refused"), error.text) from error

    def _on_record(self, problem: SpawnProblem) -> SpawnProblem:
        """Put a problem on record, and into the language of whoever started the server."""
        problem.say(self._progress.language)
        # What somebody wants is no failure, and there is nothing to find out about it.
        if problem.cause.code not in WANTED:
            self._keep("start", problem)
        return problem

    async def stop(self, now: bool = False) -> None:
        """Stop the server, and remove its container: the next one starts with the settings of its day."""
        self._stopping = True
        if not self._name_is_ours:
            # After a start that failed, JupyterHub stops whatever runs by this name.
            self.object_id = ""
            return
        await super().stop(now)
        if await self.get_object():
            await self.remove_object()
            self.object_id = ""

    async def delete_forever(self) -> None:
        """Remove what is left of a server once its user is deleted, container and records; the home stays."""
        # Nobody is left to mend it for, and whoever gets the name next has not failed.
        self._record(lambda: failures.STORE.forget(self.user.name, self.name))
        found = await self.get_object()
        if found and found["Config"]["Labels"].get(LABEL) == "singleuser":
            await self.remove_object()

    async def poll(self) -> str | int | None:
        """Tell whether the server runs; if not, why it stopped, for the hub's log, and put that on record.

        :returns: None while it runs; 0 when there is no container; else why it ended, with the end of its log.
        """
        # DockerSpawner forgets a container that is gone.
        had_one = bool(self.container_id)
        status = await super().poll()
        if status is None or not had_one:
            return status
        ending = await self._ending()
        if ending is None:
            return status
        if not self._stopping and ending.cause.code != "ended":
            self._keep("start" if self._starting or self._waiting_for_response else "run", ending)
        return ending.log_message if status else status

    async def _ending(self) -> SpawnProblem | None:
        """Find out how the container ended; None while it runs."""
        found = await self.get_object()
        if not found:
            return SpawnProblem(postmortem.cause("removed"))
        if found["State"]["Running"]:
            return None
        state, log = found["State"], await self._log_end()
        cause = postmortem.cause_of(state, log)
        detail = postmortem.readable(state.get("Error") or "")
        return SpawnProblem(cause, detail, log, state.get("ExitCode"), found["Id"][:12])

    async def _log_end(self) -> str:
        if not self.container_id:
            return ""
        try:
            log = await self.docker("logs", self.container_id, tail=postmortem.LOG_LINES)
        except (DockerException, RequestException) as error:
            self.log.warning("The log of %s cannot be read: %s", self.container_name, error)
            return ""
        return postmortem.readable(log.decode(errors="replace"), secrets=(self.api_token,))

    def _keep(self, stage: str, problem: SpawnProblem) -> None:
        """Put a failure on record, which is no reason to fail in another way."""
        failure = Failure(
            user=self.user.name,
            server=self.name,
            when=failures.now(),
            stage=stage,
            cause=problem.cause.code,
            text=str(problem.cause.text),
            detail=str(problem.detail),
            exit_code=problem.exit_code,
            log=problem.log,
            container=problem.container,
        )
        self._record(lambda: failures.STORE.add(failure))

    def _record(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            self.log.warning("The records of failures cannot be written: %s", error)

    async def _clear_leftover(self) -> None:
        """Remove a stopped container of an earlier server; leave one that runs to be taken up again.

        One that still runs is a server that the hub lost sight of (a crash, an old database): `DockerSpawner.start`
        takes it up with the token that it holds, and its user loses nothing; unless it has other GPUs than this start.
        """
        found = await self.get_object()
        if not found:
            return
        if not found["State"]["Running"]:
            await self.remove_object()
        elif found["Config"]["Labels"].get(LABEL) != "singleuser":
            mend = Text(
                "Ask whoever runs the lab to stop it: %(command)s", command=f"docker rm -f {self.container_name}"
            )
            raise SpawnProblem(postmortem.cause("name"), mend)
        elif not gpus.holds(found, gpus.requests(self._gpus, self.gpu_injection)):
            # It has GPUs of another day: what its user is given may have changed since, or they want another.
            await self.stop_object()
            await self.remove_object()

    async def _until_ready(self, ip: str, port: int) -> None:
        """Wait until the server answers; ``start_timeout`` bounds the wait, and ``http_timeout`` that for an answer.

        :raises SpawnProblem: its container stopped before, or it listens and never answers.
        """

        def listens() -> None:
            self._progress.tell(90, Text("Your server listens"))

        async def look() -> None:
            if (ending := await self._ending()) is not None:
                raise ending

        try:
            await answers.until_ready(ip, port, self.http_timeout, listens, look)
        except TimeoutError as error:
            raise SpawnProblem(postmortem.cause("timeout"), SILENT, await self._log_end()) from error

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

    # What the user chooses

    @default("options_form")
    def _lab_form(self) -> Callable[["LabSpawner"], str]:
        return lambda spawner: spawner._default_options_form() + spawner.gpu_form()

    @default("options_from_form")
    def _lab_options(self) -> Callable[[dict[str, list[str]]], dict[str, str]]:
        images = self._default_options_from_form()
        return lambda fields: images(fields) | gpus.options(fields)

    @default("apply_user_options")
    def _nothing_to_apply(self) -> Callable[["LabSpawner", dict[str, Any]], None]:
        # `start` looks at them, and has words for what it refuses; without a hook, JupyterHub calls them unhandled.
        return lambda spawner, options: None

    def gpu_form(self) -> str:
        """Write the choice of a GPU, HTML; '' for whoever has none."""
        # After a start that failed, the form is shown again, by a request that the spawner does not know.
        language = language_for(self.handler) if self.handler else self._progress.language
        return gpus.form(self.allowed_gpus(), self.gpu_names, language)

    # What the user sees meanwhile

    def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what `start` is doing, as it does it; JupyterHub ends the loop when the server is ready."""
        return self._progress.stream()
