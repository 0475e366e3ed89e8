# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""`LabSpawner`: one container per user, as that user's own uid, in a home that is ready before it starts."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, ImageNotFound
from docker.types import Mount
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException
from jupyterhub.traitlets import ByteSpecification
from requests import RequestException
from traitlets import Bool, Dict, Int, List, TraitError, Unicode, default, validate

from labhub import names

LABEL = "org.gpulab.jupyterhub"
USER_LABEL = f"{LABEL}.user"
CA_TARGET = "/etc/ssl/certs/ca-certificates.crt"
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
LAST_WORDS = 20
"""Lines of a dead server's log that its user and the hub's log get to see."""


class SpawnProblem(SpawnException):
    """A server cannot start, in words that JupyterHub logs and shows to the user as they are.

    :param reason: ``home``, ``image``, ``mount``, ``docker``, ``name`` or ``died``; a label in the hub's metrics.
    """

    def __init__(self, message: str, reason: str):
        super().__init__(message, reason=reason, status_code=500)
        self.jupyterhub_message = message


class LabSpawner(DockerSpawner):
    """A spawner for labs: a home with the right owner first, then a container, always a fresh one.

    Whatever an operator sets in ``extra_host_config``, ``extra_create_kwargs`` and ``environment`` is laid
    over the lab's own settings.
    """

    home_root = Unicode(
        "/srv/jupyterhub/home",
        config=True,
        help="Directory of the users' homes on the Docker host; the hub sees it, read-only, at the same path.",
    )
    users_gid = Int(9100, config=True, help="Group (gid) of every user's server, which owns the shared directories.")
    uid_min = Int(20000, min=1, config=True, help="Lowest uid that a new home is given.")
    helper_image = Unicode(
        config=True,
        help="Image with labhub in /opt/lab, the hub's own, in which homes are made. Required.",
    )
    mounts = List(
        Dict(),
        config=True,
        help="""
        Directories of the Docker host that servers see, besides the home: a list of dicts with ``source``
        (host path), ``target`` (path in the container), ``mode`` ('ro', the default, or 'rw') and, for
        members of some hub groups only, ``groups`` (list of group names). ``{username}`` in source and
        target stands for the user's name. A target below ``/home/{username}`` must be a directory.
        """,
    )
    ca_bundle = Unicode(
        config=True,
        help=f"""
        Certificates (PEM file on the Docker host) that servers trust, mounted over {CA_TARGET}.
        Empty: those of the image.
        """,
    )
    shm_size = ByteSpecification(
        None,
        allow_none=True,
        config=True,
        help="Size of /dev/shm, in bytes or with a suffix K, M, G, T. None: Docker's 64 MiB, too little for PyTorch.",
    )
    pids_limit = Int(4096, min=0, config=True, help="Most processes and threads that one server may have. 0: no limit.")
    will_resume = Bool(False, help="A server never comes back with its old token, for its container is a new one.")

    _homes_ready: dict[str, tuple[int, frozenset[str]]] = {}
    """Homes that this hub has seen ready: path -> (uid, mount points); shared by all spawners."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._uid: int | None = None
        self._events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    # Defaults that differ from DockerSpawner's

    @default("remove")
    def _keep_until_read(self) -> bool:
        # Docker's auto-remove takes the log of a dead server with it; `start` and `stop` remove containers here.
        return False

    @default("pull_policy")
    def _never_pull(self) -> str:
        # The image is made by the playbook, on this server. A pull can only end in "access denied".
        return "never"

    @default("network_name")
    def _lab_network(self) -> str:
        return "jupyterhub"

    @default("use_internal_ip")
    def _inside_the_network(self) -> bool:
        return True

    @default("image")
    def _lab_image(self) -> str:
        return "jupyter-custom-gpu:latest"

    @default("escape")
    def _names_as_they_are(self) -> Any:
        # DockerSpawner's own turns `a-b` into `a-2db`; a name that follows the rule is safe as it is.
        return lambda text: text if names.is_well_formed(text) else DockerSpawner._escape(text)

    @validate("mounts")
    def _check_mounts(self, proposal: Any) -> list[dict[str, Any]]:
        for mount in proposal.value:
            problem = mount_problem(mount)
            if problem:
                raise TraitError(f"LabSpawner.mounts: {problem}, in {mount!r}")
        return proposal.value

    # What the container is made of

    @property
    def home(self) -> str:
        """Path of the user's home, the same on the Docker host and in the hub."""
        return f"{self.home_root}/{self.user.name}"

    @property
    def home_target(self) -> str:
        """Path of the user's home in the container."""
        return f"/home/{self.user.name}"

    def lab_mounts(self) -> list[dict[str, Any]]:
        """List the mounts that this user gets, with the user's name filled in."""
        groups = {group.name for group in self.user.groups}
        return [
            {
                "source": mount["source"].replace("{username}", self.user.name),
                "target": mount["target"].replace("{username}", self.user.name).rstrip("/"),
                "read_only": mount.get("mode", "ro") == "ro",
            }
            for mount in self.mounts
            if not mount.get("groups") or groups.intersection(mount["groups"])
        ]

    @property
    def mount_binds(self) -> list[Mount]:
        """The home, the lab's mounts and the certificates, in the form that Docker takes.

        Mounts rather than binds: Docker refuses a source that is missing instead of making it, as root's.
        """
        wanted = [{"source": self.home, "target": self.home_target, "read_only": False}, *self.lab_mounts()]
        if self.ca_bundle:
            wanted.append({"source": self.ca_bundle, "target": CA_TARGET, "read_only": True})
        return [Mount(type="bind", **mount) for mount in wanted]

    def get_env(self) -> dict[str, str]:
        """Add who the user is, and which certificates to trust, to the server's environment."""
        user = self.user.name
        env = dict.fromkeys(("USER", "LOGNAME", "NB_USER"), user)
        env.update(HOME=self.home_target, SHELL="/bin/bash")
        if self.ca_bundle:
            env.update(dict.fromkeys(CA_VARIABLES, CA_TARGET))
        return env | super().get_env()

    def lab_create_kwargs(self) -> dict[str, Any]:
        """What `create_container` gets from the lab: who runs in it, and whose it is."""
        return {
            "user": f"{self._uid}:{self.users_gid}",
            "working_dir": self.home_target,
            "hostname": self.container_name[:63].rstrip("-"),
            "labels": {LABEL: "singleuser", USER_LABEL: self.user.name},
        }

    def lab_host_config(self) -> dict[str, Any]:
        """What `create_host_config` gets from the lab: limits, and no way to become root."""
        config: dict[str, Any] = {
            "init": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "restart_policy": {"Name": "no"},
        }
        if self.mem_limit:
            # Without it, Docker lets the user have as much again of swap.
            config["memswap_limit"] = self.mem_limit
        if self.shm_size:
            config["shm_size"] = self.shm_size
        if self.pids_limit:
            config["pids_limit"] = self.pids_limit
        return config

    async def create_object(self) -> dict[str, Any]:
        """Create the container, with the operator's extra settings laid over the lab's."""
        create_kwargs, host_config = self.extra_create_kwargs, self.extra_host_config
        try:
            self.extra_create_kwargs = merged(self.lab_create_kwargs(), await self._evaluated(create_kwargs))
            self.extra_host_config = merged(self.lab_host_config(), await self._evaluated(host_config))
            return await super().create_object()
        finally:
            self.extra_create_kwargs, self.extra_host_config = create_kwargs, host_config

    async def _evaluated(self, value: Any) -> dict[str, Any]:
        value = self._eval_if_callable(value)
        return await value if inspect.isawaitable(value) else value

    # Starting and stopping

    async def start(self) -> tuple[str, int]:
        """Make the home, then the container, and wait until the server in it listens.

        :returns: address and port of the server.
        :raises SpawnProblem: any of it failed; the text says what, and the mend.
        """
        self._events.clear()
        try:
            self._tell(10, "Making sure that your home is there")
            self._uid = await self.ensure_home()
            await self._clear_leftover()
            self._tell(30, f"Creating your container from {self.image}")
            ip, port = await super().start()
            self._tell(60, "Waiting for your server to answer")
            await self._until_listening(ip, port)
            self._tell(90, "Your server listens")
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
        while not await accepts_connections(ip, port):
            status = await self.poll()
            if status is not None:
                raise SpawnProblem(f"Your server stopped as it started: {status}", reason="died")
            await asyncio.sleep(0.2)

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
        inside = f"{self.home_target}/"
        wanted = frozenset(
            mount["target"].removeprefix(inside) for mount in self.lab_mounts() if mount["target"].startswith(inside)
        )
        ready = self._homes_ready.get(self.home)
        if ready and ready[1] >= wanted and home_owner(self.home) == ready[0]:
            return ready[0]
        made = await self._make_home(sorted(wanted))
        if made["note"]:
            self.log.warning("%s", made["note"])
        self._homes_ready[self.home] = made["uid"], wanted
        return made["uid"]

    async def _make_home(self, mount_points: list[str]) -> dict[str, Any]:
        """Run `labhub.homes` as root in a container that sees the homes and nothing else."""
        command = ["/opt/lab/bin/python", "-I", "-m", "labhub.homes", "ensure", "--root", self.home_root]
        command += ["--name", self.user.name, "--uid-min", str(self.uid_min), "--gid", str(self.users_gid)]
        command += [f"--dir={directory}" for directory in mount_points]
        host_config = self.client.create_host_config(
            mounts=[Mount(self.home_root, self.home_root, type="bind")],
            network_mode="none",
            cap_drop=["ALL"],
            cap_add=["CHOWN", "SETUID", "SETGID"],
            security_opt=["no-new-privileges"],
        )
        helper = await self.docker(
            "create_container",
            self.helper_image,
            entrypoint=command,
            user="0:0",
            working_dir="/",
            labels={LABEL: "home-helper", USER_LABEL: self.user.name},
            host_config=host_config,
        )
        try:
            return await self._helper_result(helper["Id"])
        finally:
            await self.docker("remove_container", helper["Id"], force=True)

    async def _helper_result(self, helper: str) -> dict[str, Any]:
        await self.docker("start", helper)
        # Docker's wait would hold the one thread that all spawners share.
        while (state := (await self.docker("inspect_container", helper))["State"])["Status"] == "running":
            await asyncio.sleep(0.05)
        said = (await self.docker("logs", helper)).decode(errors="replace").strip()
        try:
            result = json.loads(said.splitlines()[-1])
        except (ValueError, IndexError):
            result = {"problem": f"making it ended with exit code {state['ExitCode']}: {said or state.get('Error')}"}
        if "problem" in result:
            raise SpawnProblem(f"Your home is not ready: {result['problem']}", reason="home")
        return result

    # What the user sees meanwhile

    def _tell(self, percent: int, message: str) -> None:
        self._events.append({"progress": percent, "message": message})
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what `start` is doing, as it does it; JupyterHub ends the loop when the server is ready."""
        told = 0
        while True:
            news = self._news
            for event in self._events[told:]:
                yield event
            told = len(self._events)
            await news.wait()


def docker_problem(error: Exception) -> SpawnProblem:
    """Say what Docker refused, and the mend where it is known."""
    said = getattr(error, "explanation", None) or str(error)
    if isinstance(error, ImageNotFound) or "No such image" in said:
        return SpawnProblem(f"Docker lacks an image ({said}). Run the playbook again: it makes it.", reason="image")
    if "bind source path does not exist" in said:
        return SpawnProblem(f"A directory is missing ({said}). Run the playbook again: it makes it.", reason="mount")
    return SpawnProblem(f"Docker could not start your server: {said}", reason="docker")


def mount_problem(mount: dict[str, Any]) -> str | None:
    """Say what is wrong with one entry of ``LabSpawner.mounts``; None when nothing is."""
    unknown = mount.keys() - {"source", "target", "mode", "groups"}
    if unknown:
        return f"unknown {', '.join(sorted(unknown))} (accepted: source, target, mode, groups)"
    for key in ("source", "target"):
        path = mount.get(key)
        if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
            return f"{key} must be an absolute path without '..'"
    if mount.get("mode", "ro") not in ("ro", "rw"):
        return "mode must be 'ro' or 'rw'"
    groups = mount.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        return "groups must be a list of group names"
    return None


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one tree of settings over another; neither is changed."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def home_owner(path: str) -> int | None:
    """Say which uid owns a home; None when there is no directory."""
    try:
        return Path(path).stat(follow_symlinks=False).st_uid
    except OSError:
        return None


async def accepts_connections(ip: str, port: int) -> bool:
    """Tell whether something listens at an address."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(ip, port), timeout=2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
