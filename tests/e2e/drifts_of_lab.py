"""What a hand may change of a lab: paths and secrets, services, images, accounts."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from e2e.drift import Drift, append, change_mode, give_away, typing
from e2e.managed import Managed, services
from e2e.server import Server

NETWORK = "jupyterhub"
USER_IMAGE = "jupyter-custom-gpu"
PERSON, GROUP, OTHER_GROUP = "e2e-drift", "e2e-drift-group", "e2e-drift-other"
ROSTER = {"hub_stack_users": [{"name": PERSON, "groups": [GROUP]}]}
"""What a roster says of somebody whose groups a hand changes."""


# --- Files, modes, owners, secrets ------------------------------------------------------------------------------------


def drifts_of_a_path(one: Managed, data_root: Path) -> Iterator[Drift]:
    """Yield what can be done to a path."""
    path = one.path
    yield Drift(f"mode of {path.name}", (str(path),), typing(change_mode(path, one.mode ^ 0o022)))
    yield Drift(f"owner of {path.name}", (str(path),), give_away(one))
    if one.kind == "secret":
        yield _lost_secret(one, data_root)
    elif one.kind == "file":
        yield Drift(f"{path.name} edited", (str(path),), typing(append(path)))
        yield Drift(f"{path.name} removed", (str(path),), typing(("rm", str(path))))


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


# --- Services ---------------------------------------------------------------------------------------------------------


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
        name = server.container(service)
        for words in commands:
            server.docker(*(word.format(name) for word in words))

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


# --- Images -----------------------------------------------------------------------------------------------------------


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


# --- Accounts ---------------------------------------------------------------------------------------------------------


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
