"""Drifts: what a hand may change on a lab's server, and what a check has to say of it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from e2e.labclient import Lab
from e2e.managed import Managed, managed, services
from e2e.server import as_admin, docker

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
    :param objects: what it is done to: paths, images, services by their names, and accounts, as `account <name>`.
    :param make: does it.
    :param told: what `--check --diff` has to say, beside the paths of `objects` and the services that start anew.
    :param anew: services that start anew for the repair.
    :param changes: how many tasks a check and a repair report as changed; None where they need not be as many.
    :param needs: what the deed works with, so that no other may have changed it.
    :param lost: what no repair brings back: a secret that was lost is another one.
    :param playbook: the one that repairs it.
    :param settings: what the inventory of this drift says beyond the lab's own.
    """

    name: str
    objects: tuple[str, ...]
    make: Callable[[], object]
    told: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    changes: int | None = 1
    needs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    playbook: str = "hub"
    settings: dict[str, Any] = field(default_factory=dict)

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


def container(service: str) -> str:
    """Name the container of a service."""
    label = f"label=com.docker.compose.service={service}"
    return docker("ps", "--all", "--filter", label, "--format", "{{.Names}}")


def image_of(service: str) -> str:
    """Name the image that a service runs."""
    return docker("inspect", container(service), "--format", "{{.Config.Image}}")


def all_drifts(data_root: Path) -> list[Drift]:
    """List every drift that the tests know."""
    return [
        *(drift for one in managed(data_root) for drift in drifts_of_a_path(one, data_root)),
        *drifts_of_directories(data_root),
        *(drift for service in services() for drift in drifts_of_a_service(service)),
        *drifts_of_the_stack(data_root),
        *drifts_of_images(),
        *drifts_of_the_engine(),
        *drifts_of_accounts(),
    ]


# --- Files, modes, owners, secrets -----------------------------------------------------------------------------------


def drifts_of_a_path(one: Managed, data_root: Path) -> Iterator[Drift]:
    """Yield what can be done to a path."""
    path = one.path
    yield Drift(f"mode of {path.name}", (str(path),), lambda: path.chmod(one.mode ^ 0o022))
    yield Drift(f"owner of {path.name}", (str(path),), lambda: _give_away(one))
    if one.kind == "secret":
        yield _lost_secret(one, data_root)
    elif one.kind == "file":
        yield Drift(f"{path.name} edited", (str(path),), lambda: _append(path))
        yield Drift(f"{path.name} removed", (str(path),), path.unlink)


def _give_away(one: Managed) -> None:
    # The hub goes on to write into its state.
    os.chown(one.path, one.uid if one.path.name == "state" else STRANGER, STRANGER)
    one.path.chmod(one.mode)


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"# by hand\n")


def _lost_secret(one: Managed, data_root: Path) -> Drift:
    """Return that somebody removed a secret: it is made anew, and who reads it when it starts starts anew."""
    readers = {"admin_password": (), "proxy_auth_token": ("jupyterhub", "proxy")}
    anew = readers.get(one.path.name, ("jupyterhub",))
    # By a digest in compose.yml Compose knows who has to read the new one.
    paths = (str(one.path), *([str(data_root / "compose.yml")] if anew else []))
    return Drift(
        f"{one.path.name} removed",
        paths,
        one.path.unlink,
        ("(a new secret)",),
        anew,
        changes={0: 1, 1: 3}.get(len(anew)),
        lost=paths,
    )


def drifts_of_directories(data_root: Path) -> Iterator[Drift]:
    """Yield what can be done to directories that hold nothing but what is made again."""
    build, config, routes = (data_root / name for name in ("build", "config", "proxy"))
    yield Drift("directory build removed", (str(build),), lambda: shutil.rmtree(build))
    held = (config, config / "ca-bundle.pem", config / "jupyterhub_config.py")
    lost = "the container of jupyterhub keeps a /etc/jupyterhub that is gone"
    paths = tuple(map(str, held))
    yield Drift("directory config removed", paths, lambda: shutil.rmtree(config), (lost,), ("jupyterhub",), changes=2)
    told = "the container of proxy keeps a /srv/proxy that is gone"
    yield Drift(
        "directory proxy removed", (str(routes),), lambda: shutil.rmtree(routes), (told,), ("proxy",), changes=2
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
    yield Drift(f"{service} without its name", (service,), lambda: _rejoin(service), (told,), (service,))


def _docker_on(service: str, words: tuple[str, ...]) -> Callable[[], object]:
    return lambda: docker(*(word.format(container(service)) for word in words))


def _rejoin(service: str) -> None:
    docker("network", "disconnect", NETWORK, container(service))
    docker("network", "connect", NETWORK, container(service))


def drifts_of_the_stack(data_root: Path) -> Iterator[Drift]:
    """Yield what only a record tells, and what does not belong."""
    config = data_root / "config/jupyterhub_config.py"
    yield Drift(
        "a hub that read another configuration",
        ("jupyterhub",),
        lambda: _read_by_a_restarted_hub(config),
        (f"the container of jupyterhub read another {config} when it started",),
        ("jupyterhub",),
        needs=(str(config),),
    )
    told = ("jupyterhub-yesterday-1 is of no service",)
    yield Drift("a service of yesterday", ("yesterday",), _service_of_yesterday, told, needs=("proxy",))


def _read_by_a_restarted_hub(config: Path) -> None:
    before = config.read_bytes()
    config.write_bytes(before + b"c.LabAuthenticator.minimum_password_length = 1\n")
    docker("restart", container("jupyterhub"))
    # It has read the file by then, and not before.
    docker("compose", "up", "--wait", "--no-recreate", "jupyterhub", cwd=config.parents[1])
    config.write_bytes(before)


def _service_of_yesterday() -> None:
    labels = {"project": "jupyterhub", "service": "yesterday", "oneoff": "False", "config-hash": "x"}
    options = [f"--label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    command = ["--entrypoint=sleep", image_of("proxy"), "600"]
    docker("run", "--detach", "--name=jupyterhub-yesterday-1", "--network=none", *options, *command)


# --- Images ----------------------------------------------------------------------------------------------------------


def exact_user_image() -> str:
    """Name the user image by its digest; the one that `latest` stands for."""
    (found,) = json.loads(docker("image", "inspect", f"{USER_IMAGE}:latest"))
    return next(name for name in found["RepoTags"] if name.startswith(f"{USER_IMAGE}:") and "latest" not in name)


IMAGES = {"gpulab/hub": lambda: image_of("jupyterhub"), "gpulab/proxy": lambda: image_of("proxy")}
IMAGES |= {f"{USER_IMAGE}:latest": lambda: f"{USER_IMAGE}:latest", USER_IMAGE: exact_user_image}
"""The images that a lab runs, and how the one that this lab runs is found."""


def drifts_of_images() -> Iterator[Drift]:
    """Yield what can be done to the names of images."""
    for name, ref in IMAGES.items():
        other = "proxy" if name != "gpulab/proxy" else "jupyterhub"
        added = f"+{name}" if ":" in name else f"+{name}:"
        yield Drift(
            f"{name} is another image",
            (name,),
            lambda ref=ref, other=other: docker("image", "tag", image_of(other), ref()),
            (added, "(another image)"),
            needs=tuple(services()),
        )
        yield Drift(
            f"{name} has lost its name",
            (name,),
            lambda ref=ref: docker("image", "rm", "--force", "--no-prune", ref()),
            (added,),
            needs=tuple(services()),
        )


# --- The engine ------------------------------------------------------------------------------------------------------


def drifts_of_the_engine() -> Iterator[Drift]:
    """Yield what can be done to files of docker_engine; the running engine has read none of it."""
    (options,) = map(Path, ENGINE)
    yield Drift(
        "daemon.json edited",
        ENGINE,
        # An option that needs no restart: where somebody else has started the engine, it may have read the edited file.
        lambda: options.write_text(options.read_text().replace('"live-restore": true', '"live-restore": false')),
        ('+ "live-restore": true',),
        changes=None,
        playbook="server",
    )
    yield Drift("daemon.json removed", ENGINE, lambda: _remove(options), ('+ "live-restore": true',), playbook="server")
    for path, mode in {**dict.fromkeys((*ENGINE, *ENGINE_APT), 0o644), ENGINE_RECORD: 0o600}.items():
        one = Managed(Path(path), "file", mode, 0, 0)
        yield Drift(f"mode of {one.path.name}", (path,), lambda one=one: one.path.chmod(0o666), playbook="server")
        yield Drift(f"owner of {one.path.name}", (path,), lambda one=one: _give_away(one), playbook="server")
    for path in map(Path, ENGINE_APT):
        yield Drift(f"{path.name} edited", (str(path),), lambda path=path: _append(path), playbook="server")
        yield Drift(f"{path.name} removed", (str(path),), path.unlink, playbook="server")


def _remove(options: Path) -> None:
    """Remove daemon.json, unless no run can write it again, or only with a restart of the engine."""
    record = json.loads(Path(ENGINE_RECORD).read_text())
    held = json.loads(options.read_text())
    if not held == record["options"] == record["loaded"]:
        pytest.skip("somebody has written options of their own into daemon.json")
    options.unlink()


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


def _change_groups() -> None:
    hub = as_admin(Lab.from_environment())
    hub.call("POST", f"/hub/api/groups/{OTHER_GROUP}", 409)
    hub.call("POST", f"/hub/api/groups/{OTHER_GROUP}/users", json={"users": [PERSON]})
    hub.call("DELETE", f"/hub/api/groups/{GROUP}/users", json={"users": [PERSON]})


def forget_accounts() -> None:
    """Remove what the roster of these drifts has made."""
    lab = Lab.from_environment()
    hub = as_admin(lab)
    hub.remove(PERSON)
    for group in (GROUP, OTHER_GROUP):
        hub.call("DELETE", f"/hub/api/groups/{group}", 404)
    (lab.data_root / "secrets/users" / PERSON).unlink(missing_ok=True)
