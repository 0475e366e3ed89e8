"""Drifts: what a hand may change on a lab's server, and what a check has to say of it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from e2e.managed import Managed, managed, services
from e2e.server import Server

NETWORK = "jupyterhub"
STRANGER = 4242
"""A number that owns nothing in a lab."""
USER_IMAGE = "jupyter-custom-gpu"
ENGINE = ("/etc/docker/daemon.json",)
ENGINE_RECORD = "/etc/docker/gpulab.jupyterhub.json"
ENGINE_APT = tuple(f"/etc/apt/{name}" for name in ("sources.list.d/gpulab-docker-engine.sources",)) + (
    "/etc/apt/preferences.d/gpulab-docker-engine",
)
"""Files of docker_engine; the latter two are there only where apt needs telling."""
PERSON, GROUP, OTHER_GROUP = "e2e-drift", "e2e-drift-group", "e2e-drift-other"
ROSTER = {"hub_stack_users": [{"name": PERSON, "groups": [GROUP]}]}
"""What a roster says of somebody whose groups a hand changes."""


@dataclass(frozen=True)
class Drift:
    """One change by hand.

    :param name: what somebody did.
    :param objects: what it is done to: paths, images, services by their names, and the rest as `account <name>`,
        `unit <name>`, `package <name>`.
    :param make: does it, on a lab's server.
    :param told: what `--check --diff` has to say, beside the paths of `objects` and the services that start anew.
    :param anew: services that start anew for the repair.
    :param changes: how many tasks a check and a repair report as changed; None where they need not be as many.
    :param needs: what the deed works with, so that no other may have changed it.
    :param lost: what no repair brings back: a secret that was lost is another one.
    :param playbook: the one that repairs it.
    :param settings: what the inventory of this drift says beyond the lab's own.
    :param systemd: whether it is done to what only a server with systemd has.
    :param blind: whether the engine does not run then, so that a check cannot tell of services.
    """

    name: str
    objects: tuple[str, ...]
    make: Callable[[Server], object]
    told: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    changes: int | None = 1
    needs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    playbook: str = "hub"
    settings: dict[str, Any] = field(default_factory=dict)
    systemd: bool = False
    blind: bool = False

    @property
    def run(self) -> tuple[str, ...]:
        """What is typed after ./run.sh to repair it."""
        return (self.playbook, *(("-e", json.dumps(self.settings)) if self.settings else ()))

    @property
    def shown(self) -> set[str]:
        """Whose difference a check shows: that of files and accounts."""
        return self.paths | {name.removeprefix("account ") for name in self.objects if name.startswith("account ")}

    @property
    def paths(self) -> set[str]:
        """The files and directories among the objects."""
        return {name for name in self.objects if name.startswith("/")}


def all_drifts(data_root: Path) -> list[Drift]:
    """List every drift that the tests know."""
    return [
        *(drift for one in managed(data_root) for drift in drifts_of_a_path(one, data_root)),
        *drifts_of_directories(data_root),
        *(drift for service in services() for drift in drifts_of_a_service(service)),
        *drifts_of_the_stack(data_root),
        *drifts_of_images(),
        *drifts_of_the_engine(),
        *drifts_of_units(),
        *drifts_of_packages(),
        *drifts_of_accounts(),
    ]


# --- Files, modes, owners, secrets -----------------------------------------------------------------------------------


def drifts_of_a_path(one: Managed, data_root: Path) -> Iterator[Drift]:
    """Yield what can be done to a path."""
    path = one.path
    yield Drift(f"mode of {path.name}", (str(path),), typing(change_mode(path, one.mode ^ 0o022)))
    yield Drift(f"owner of {path.name}", (str(path),), _given_away(one))
    if one.kind == "secret":
        yield _lost_secret(one, data_root)
    elif one.kind == "file":
        yield Drift(f"{path.name} edited", (str(path),), typing(append(path)))
        yield Drift(f"{path.name} removed", (str(path),), typing(("rm", str(path))))


def typing(*commands: tuple[str, ...]) -> Callable[[Server], object]:
    """Return the deed of typing commands, one after the other."""
    return lambda server: [server.run(*words) for words in commands]


def change_mode(path: Path, mode: int) -> tuple[str, ...]:
    """Say how a mode is given; with its five digits, chmod takes the bits of a directory's group away, too."""
    return ("chmod", f"{mode:05o}", str(path))


def append(path: Path) -> tuple[str, ...]:
    """Say how a line is put at the end of a file."""
    return ("sh", "-c", 'echo "# by hand" >>"$0"', str(path))


def _given_away(one: Managed) -> Callable[[Server], object]:
    # The hub goes on to write into its state.
    owner = one.uid if one.path.name == "state" else STRANGER
    return typing(("chown", f"{owner}:{STRANGER}", str(one.path)), change_mode(one.path, one.mode))


def _lost_secret(one: Managed, data_root: Path) -> Drift:
    """Return that somebody removed a secret: it is made anew, and who reads it when it starts starts anew."""
    readers = {"admin_password": (), "proxy_auth_token": ("jupyterhub", "proxy")}
    anew = readers.get(one.path.name, ("jupyterhub",))
    # By a digest in compose.yml Compose knows who has to read the new one.
    paths = (str(one.path), *([str(data_root / "compose.yml")] if anew else []))
    return Drift(
        f"{one.path.name} removed",
        paths,
        typing(("rm", str(one.path))),
        ("(a new secret)",),
        anew,
        changes={0: 1, 1: 3}.get(len(anew)),
        lost=paths,
    )


def drifts_of_directories(data_root: Path) -> Iterator[Drift]:
    """Yield what can be done to directories that hold nothing but what is made again."""
    build, config, routes = (data_root / name for name in ("build", "config", "proxy"))
    yield Drift("directory build removed", (str(build),), typing(("rm", "-r", str(build))))
    held = (config, config / "ca-bundle.pem", config / "jupyterhub_config.py")
    lost = "the container of jupyterhub keeps a /etc/jupyterhub that is gone"
    paths = tuple(map(str, held))
    yield Drift(
        "directory config removed", paths, typing(("rm", "-r", str(config))), (lost,), ("jupyterhub",), changes=2
    )
    told = "the container of proxy keeps a /srv/proxy that is gone"
    yield Drift(
        "directory proxy removed", (str(routes),), typing(("rm", "-r", str(routes))), (told,), ("proxy",), changes=2
    )


# --- Services --------------------------------------------------------------------------------------------------------


def drifts_of_a_service(service: str) -> Iterator[Drift]:
    """Yield what can be done to the container of a service."""
    deeds = {
        "removed": (("rm", "--force", "{}"), "has no container"),
        "stopped": (("stop", "{}"), "is exited"),
        "killed": (("kill", "{}"), "is exited"),
        "paused": (("pause", "{}"), "is paused"),
        "limited in memory": (("update", "--memory=1g", "--memory-swap=1g", "{}"), "has a limit that compose.yml"),
        "limited in processors": (("update", "--cpus=1", "{}"), "has a limit that compose.yml"),
        "limited in processes": (("update", "--pids-limit=500", "{}"), "has a limit that compose.yml"),
        "restart policy changed": (("update", "--restart=no", "{}"), "has the restart policy no instead"),
        "off the network": (("network", "disconnect", NETWORK, "{}"), f"is not on the network {NETWORK}"),
        "on another network": (("network", "connect", "bridge", "{}"), "is on the network bridge, where"),
    }
    for name, (words, told) in deeds.items():
        subject = f"the service {service}" if name == "removed" else f"the container of {service}"
        yield Drift(f"{service} {name}", (service,), _docker_on(service, words), (f"{subject} {told}",), (service,))
    told = f"the container of {service} is not found as {service} on the network {NETWORK}"
    rejoined = [words for name, (words, _told) in deeds.items() if name == "off the network"]
    rejoined.append(("network", "connect", NETWORK, "{}"))
    yield Drift(f"{service} without its name", (service,), _docker_on(service, *rejoined), (told,), (service,))


def _docker_on(service: str, *commands: tuple[str, ...]) -> Callable[[Server], object]:
    def make(server: Server) -> None:
        for words in commands:
            server.docker(*(word.format(server.container(service)) for word in words))

    return make


def drifts_of_the_stack(data_root: Path) -> Iterator[Drift]:
    """Yield what only a record tells, and what does not belong."""
    config = data_root / "config/jupyterhub_config.py"
    yield Drift(
        "a hub that read another configuration",
        ("jupyterhub",),
        lambda server: _read_by_a_restarted_hub(server, config),
        (f"the container of jupyterhub read another {config} when it started",),
        ("jupyterhub",),
        needs=(str(config),),
    )
    told = ("jupyterhub-yesterday-1 is of no service",)
    yield Drift("a service of yesterday", ("yesterday",), _service_of_yesterday, told, needs=("proxy",))


def _read_by_a_restarted_hub(server: Server, config: Path) -> None:
    kept = f"{config}.kept"
    server.run("cp", "--archive", config, kept)
    server.run("sh", "-c", 'echo "c.LabAuthenticator.minimum_password_length = 1" >>"$0"', config)
    server.docker("restart", server.container("jupyterhub"))
    # It has read the file by then, and not before.
    compose = ("compose", "--project-directory", server.data_root)
    server.docker(*compose, "up", "--wait", "--no-recreate", "jupyterhub")
    # Into the same file: another one in its place would be another difference.
    server.run("cp", kept, config)
    server.run("rm", kept)


def _service_of_yesterday(server: Server) -> None:
    labels = {"project": "jupyterhub", "service": "yesterday", "oneoff": "False", "config-hash": "x"}
    options = [f"--label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    command = ["--entrypoint=sleep", server.image_of("proxy"), "600"]
    server.docker("run", "--detach", "--name=jupyterhub-yesterday-1", "--network=none", *options, *command)


# --- Images ----------------------------------------------------------------------------------------------------------


def exact_user_image(server: Server) -> str:
    """Name the user image by its digest; the one that `latest` stands for."""
    (found,) = json.loads(server.docker("image", "inspect", f"{USER_IMAGE}:latest"))
    return next(name for name in found["RepoTags"] if name.startswith(f"{USER_IMAGE}:") and "latest" not in name)


IMAGES = {"gpulab/hub": lambda server: server.image_of("jupyterhub")}
IMAGES |= {"gpulab/proxy": lambda server: server.image_of("proxy")}
IMAGES |= {f"{USER_IMAGE}:latest": lambda server: f"{USER_IMAGE}:latest", USER_IMAGE: exact_user_image}
"""The images that a lab runs, and how the one that this lab runs is found."""


def drifts_of_images() -> Iterator[Drift]:
    """Yield what can be done to the names of images."""
    for name, find in IMAGES.items():
        other = "proxy" if name != "gpulab/proxy" else "jupyterhub"
        added = f"+{name}" if ":" in name else f"+{name}:"
        yield Drift(
            f"{name} is another image",
            (name,),
            lambda server, find=find, other=other: server.docker("image", "tag", server.image_of(other), find(server)),
            (added, "(another image)"),
            needs=tuple(services()),
        )
        yield Drift(
            f"{name} has lost its name",
            (name,),
            lambda server, find=find: server.docker("image", "rm", "--force", "--no-prune", find(server)),
            (added,),
            needs=tuple(services()),
        )


# --- The engine ------------------------------------------------------------------------------------------------------


def drifts_of_the_engine() -> Iterator[Drift]:
    """Yield what can be done to files of docker_engine; the running engine has read none of it."""
    (options,) = map(Path, ENGINE)
    # An option that needs no restart: where somebody else has started the engine, it may have read the edited file.
    edited = ("sed", "--in-place", 's/"live-restore": true/"live-restore": false/', str(options))
    said = ('+ "live-restore": true',)
    yield Drift("daemon.json edited", ENGINE, typing(edited), said, changes=None, playbook="server")
    yield Drift("daemon.json removed", ENGINE, _remove_options, said, playbook="server")
    for path, mode in {**dict.fromkeys((*ENGINE, *ENGINE_APT), 0o644), ENGINE_RECORD: 0o600}.items():
        one = Managed(Path(path), "file", mode, 0, 0)
        yield Drift(f"mode of {one.path.name}", (path,), typing(change_mode(one.path, 0o666)), playbook="server")
        yield Drift(f"owner of {one.path.name}", (path,), _given_away(one), playbook="server")
    for path in map(Path, ENGINE_APT):
        yield Drift(f"{path.name} edited", (str(path),), typing(append(path)), playbook="server")
        yield Drift(f"{path.name} removed", (str(path),), typing(("rm", str(path))), playbook="server")


def _remove_options(server: Server) -> None:
    """Remove daemon.json, unless no run can write it again, or only with a restart of the engine."""
    (options,) = ENGINE
    record, held = (json.loads(server.run("cat", path)) for path in (ENGINE_RECORD, options))
    if not held == record["options"] == record["loaded"]:
        pytest.skip("somebody has written options of their own into daemon.json")
    server.run("rm", options)


UNIT = "docker.service"
"""What starts the engine on a server with systemd; `docker.socket`, which does so too, is its distribution's."""


def drifts_of_units() -> Iterator[Drift]:
    """Yield what can be done to the engine's unit; with live-restore, containers outlive the engine."""
    what = (f"unit {UNIT}",)
    for name in ("disable", "mask"):
        yield Drift(f"{UNIT}: {name}", what, typing(("systemctl", name, UNIT)), playbook="server", systemd=True)
    stop = ("systemctl", "stop", "docker.socket", UNIT)
    for name, commands in {"stop": [stop], "mask and stop": [("systemctl", "mask", UNIT), stop]}.items():
        yield Drift(
            f"{UNIT}: {name}",
            (*what, "unit docker.socket"),
            typing(*commands),
            # The socket that the hub was given is gone for good: the engine makes another.
            anew=("jupyterhub",),
            changes=None,
            playbook="site",
            systemd=True,
            blind=True,
        )


PACKAGE = "docker-buildx"
"""One of the engine's packages that nothing in a running lab uses."""


def drifts_of_packages() -> Iterator[Drift]:
    """Yield what can be done to the engine's packages."""
    remove = typing(("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "remove", "--yes", PACKAGE))
    told = (f"apt-get install {PACKAGE}",)
    yield Drift(f"{PACKAGE} removed", (f"package {PACKAGE}",), remove, told, changes=None, playbook="server")


# --- Accounts --------------------------------------------------------------------------------------------------------


def drifts_of_accounts() -> Iterator[Drift]:
    """Yield what can be done to an account that a roster names."""
    yield Drift(
        "groups of an account changed",
        (f"account {PERSON}",),
        _change_groups,
        (f"-groups: {OTHER_GROUP}", f"+groups: {GROUP}"),
        playbook="users",
        settings=ROSTER,
    )


def _change_groups(server: Server) -> None:
    hub = server.as_admin()
    hub.call("POST", f"/hub/api/groups/{OTHER_GROUP}", 409)
    hub.call("POST", f"/hub/api/groups/{OTHER_GROUP}/users", json={"users": [PERSON]})
    hub.call("DELETE", f"/hub/api/groups/{GROUP}/users", json={"users": [PERSON]})


def forget_accounts(server: Server) -> None:
    """Remove what the roster of these drifts has made."""
    hub = server.as_admin()
    hub.remove(PERSON)
    for group in (GROUP, OTHER_GROUP):
        hub.call("DELETE", f"/hub/api/groups/{group}", 404)
    server.run("rm", "--force", server.data_root / "secrets/users" / PERSON)
