# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the container of a user's server is made of: settings, mounts, environment, limits."""

import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from docker.types import DeviceRequest, Mount
from dockerspawner import DockerSpawner
from jupyterhub.traitlets import ByteSpecification
from traitlets import Dict, Enum, Int, List, TraitError, Unicode, default, validate

from labhub import gpus, mounts, names, packages

LABEL = "org.gpulab.jupyterhub"
USER_LABEL = f"{LABEL}.user"
CA_TARGET = "/etc/ssl/certs/ca-certificates.crt"
DOCKER_CALLS = 8
"""Calls of the Docker engine that are under way at once; less than the ten connections that docker-py keeps."""
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")


class LabContainer(DockerSpawner):
    """What a server's container is made of; the settings are those of ``LabSpawner``.

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
    shared_packages = Enum(
        packages.MODES,
        packages.OPEN,
        config=True,
        help=f"""
        Who changes the Python packages in {packages.TARGET}: 'open', every user; 'curated', admins of the hub, and
        others read; 'off', nobody, for they are not there. Each server keeps what was set as it started.
        """,
    )
    packages_root = Unicode(
        "/srv/jupyterhub/opt-packages",
        config=True,
        help="Directory of the Docker host with the shared packages.",
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

    gpu_access = List(
        Dict(),
        config=True,
        help="""
        Which GPUs whose server gets: a list of dicts with ``gpus`` ('all', or a list of UUIDs as ``nvidia-smi -L``
        tells them) and whom it is for: ``users`` (list of names), ``groups`` (list of hub group names), or everybody
        without either. The first that fits a user counts; whom none fits gets no GPU. With ``choice`` (False unless
        set) the user picks one or none on the page where the server starts; without, they get all that is listed.
        """,
    )
    gpu_injection = Enum(
        gpus.INJECTIONS,
        gpus.CDI,
        config=True,
        help="""
        How Docker is asked for GPUs: 'cdi', by a CDI specification; 'legacy', by the hook of the NVIDIA Container
        Toolkit, for an engine without CDI.
        """,
    )
    gpu_names = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        config=True,
        help="What to call GPUs where users choose: a dict of UUID to words, such as 'A100, 40 GB'.",
    )

    _uid: int | None = None
    """Owner of the home, once that is known."""
    _gpus: tuple[str, ...] = ()
    """GPUs of the server that is being started, as `gpus.chosen` tells them."""

    @property
    def executor(self) -> ThreadPoolExecutor:
        """Threads that call Docker, shared by all spawners.

        DockerSpawner has one: each server that takes its time to stop would hold up everyone else's start.
        """
        if LabContainer._executor is None:
            LabContainer._executor = ThreadPoolExecutor(DOCKER_CALLS, thread_name_prefix="docker")
        return LabContainer._executor

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

    @validate("mounts", "gpu_access")
    def _check_rows(self, proposal: Any) -> list[dict[str, Any]]:
        name = proposal.trait.name
        judge = {"mounts": mounts.problem, "gpu_access": gpus.problem}[name]
        for row in proposal.value:
            if problem := judge(row):
                raise TraitError(f"LabSpawner.{name}: {problem}, in {row!r}")
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
        return mounts.for_user(self.mounts, self.user.name, self._group_names())

    def allowed_gpus(self) -> gpus.Allowed:
        """Say which GPUs this user may have."""
        if self.gpu_access and self.user.name == names.PROBE:
            return gpus.PROOF
        return gpus.for_user(self.gpu_access, self.user.name, self._group_names())

    def _group_names(self) -> list[str]:
        return [group.name for group in self.user.groups]

    @property
    def mount_binds(self) -> list[Mount]:
        """The home, the lab's mounts, shared packages and the certificates, in the form that Docker takes.

        Mounts rather than binds: Docker refuses a source that is missing instead of making it, as root's.
        """
        wanted = [{"source": self.home, "target": self.home_target, "read_only": False}, *self.lab_mounts()]
        wanted += packages.mounts(self.shared_packages, self.packages_root, admin=self.user.admin)
        if self.ca_bundle:
            wanted.append({"source": self.ca_bundle, "target": CA_TARGET, "read_only": True})
        return [Mount(type="bind", **mount) for mount in wanted]

    def get_env(self) -> dict[str, str]:
        """Add who the user is, where shared packages lie, which certificates to trust, and which GPUs not to add."""
        user = self.user.name
        env = dict.fromkeys(("USER", "LOGNAME", "NB_USER"), user)
        env.update(HOME=self.home_target, SHELL="/bin/bash", **packages.environment(self.shared_packages))
        env.update(gpus.environment(self._gpus, self.gpu_injection))
        if self.ca_bundle:
            env.update(dict.fromkeys(CA_VARIABLES, CA_TARGET))
        return env | super().get_env()

    def lab_create_kwargs(self) -> dict[str, Any]:
        """What `create_container` gets from the lab: who runs in it, and whose it is."""
        return {
            "user": f"{self._uid}:{self.users_gid}",
            "working_dir": self.home_target,
            "hostname": self.container_name[:63].rstrip("-"),
            "labels": self._labels("singleuser"),
        }

    def lab_host_config(self) -> dict[str, Any]:
        """What `create_host_config` gets from the lab: limits, GPUs, and no way to become root."""
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
        if self._gpus:
            requests = gpus.requests(self._gpus, self.gpu_injection)
            config["device_requests"] = [DeviceRequest(**request) for request in requests]
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

    def _labels(self, what: str) -> dict[str, str]:
        return {LABEL: what, USER_LABEL: self.user.name}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay one tree of settings over another; neither is changed."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result
