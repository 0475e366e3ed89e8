# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds what of a lab's Compose project is not as it shall be; the module C(hub_stack_info) tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from ._docker_cli import Docker, DockerError
from ._file_tree import Entry, WrongKindError, plan
from ._image_plan import DIGEST_LABEL
from ._stack_drift import lost_mounts, of_networks, of_reading, of_settings, recorded

_COMPOSE = "com.docker.compose"


class Wanted(NamedTuple):
    """The stack as it shall be.

    :param path: where its compose.yml lies.
    :param compose: what is in it.
    :param project: the Compose project.
    :param services: the services as that file has them, by name; no other service shall be there.
    :param network: Docker network of all services.
    :param reads: SHA-256 of each file that a service reads when it starts, by service and path on the server.
    :param records: where a service says what it has read, by service.
    """

    path: Path
    compose: str
    project: str
    services: Mapping[str, Mapping[str, Any]]
    network: str
    reads: Mapping[str, Mapping[str, str]] = {}
    records: Mapping[str, str] = {}


class Found(NamedTuple):
    """The stack as it is.

    :param hashes: what Compose makes of each service of the wanted compose.yml, as `docker compose config --hash` says.
    :param images: what has each reference's name, as `docker image inspect` says; nothing for one that is not there.
    :param containers: the project's containers, as `docker container inspect` says, each with its C(lost_mounts).
    :param networks: the network, as `docker network inspect` says; empty when it is not there.
    :param records: what services say that they have read; None from one that says nothing.
    """

    hashes: Mapping[str, str]
    images: Mapping[str, Mapping[str, Any]]
    containers: list[dict[str, Any]]
    networks: list[dict[str, Any]]
    records: Mapping[str, Mapping[str, str] | None] = {}


class Differences(NamedTuple):
    """What is not as it shall be, in words.

    :param files: of compose.yml.
    :param networks: of the network.
    :param services: of the services' containers, each of which one starts anew.
    :param health: of containers that are as they shall be, and only not well: they are waited for.
    :param overlooked: the services that Compose has to be told to make anew, for it sees no difference.
    :param replaced: the services that run, and whose container goes: who uses them notices.
    """

    files: list[str]
    networks: list[str]
    services: list[str]
    health: list[str]
    overlooked: list[str]
    replaced: list[str]

    @property
    def all(self) -> list[str]:
        """Everything; empty when a converge would change nothing."""
        return [*self.files, *self.networks, *self.services, *self.health]


def at_stack(docker: Docker, wanted: Wanted) -> Found:
    """Look at all of it at once, since each question to the command line takes its time.

    :raises DockerError: no engine answers.
    """
    with ThreadPoolExecutor() as pool:
        hashes = pool.submit(_hashes, docker, wanted)
        references = [service["image"] for service in wanted.services.values()]
        images = pool.submit(lambda: {ref: _image(docker, ref) for ref in references})
        networks = pool.submit(_network, docker, wanted.network)
        label = f"label={_COMPOSE}.project={wanted.project}"
        names = docker.ask("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()
        containers = [one | {"lost_mounts": lost_mounts(one)} for one in docker.inspect("container", *names)]
        records = {service: recorded(Path(path)) for service, path in wanted.records.items()}
        return Found(hashes.result(), images.result(), containers, networks.result(), records)


def _hashes(docker: Docker, wanted: Wanted) -> dict[str, str]:
    """Ask Compose; when it refuses, every service counts as changed, and `up` then says why.

    :raises DockerError: no engine answers.
    """
    where = ("--project-directory", str(wanted.path.parent), "--file", "-")
    try:
        said = docker.ask("compose", *where, "config", "--hash", "*", stdin=wanted.compose)
    except DockerError as fault:
        if fault.state != "failed":
            raise
        return {}
    return dict(line.split(" ", 1) for line in said.splitlines() if " " in line)


def _image(docker: Docker, reference: str) -> dict[str, Any]:
    return next(iter(_if_there(docker, "image", reference)), {})


def _network(docker: Docker, name: str) -> list[dict[str, Any]]:
    return _if_there(docker, "network", name)


def _if_there(docker: Docker, kind: str, name: str) -> list[dict[str, Any]]:
    """Inspect one thing; nothing if there is none.

    :raises DockerError: the engine does not tell. The network of everybody's servers must not count as gone for that.
    """
    try:
        return docker.inspect(kind, name)
    except DockerError as fault:
        if fault.state != "failed":
            raise
        return []


def differences(wanted: Wanted, found: Found) -> Differences:
    """Say in words what is not as it shall be."""
    result = Differences([*_of_file(wanted)], [*_of_network(wanted, found)], [], [], [], [])
    for service, containers in _by_service(wanted, found).items():
        if service not in wanted.services:
            names = ", ".join(sorted(one["Name"].lstrip("/") for one in containers))
            result.services.append(f"{names} is of no service of the project {wanted.project}")
        elif len(containers) != 1:
            number = f"{len(containers)} containers" if containers else "no container"
            result.services.append(f"the service {service} has {number}")
        else:
            _compare(service, containers[0], wanted, found, result)
    return result


def _by_service(wanted: Wanted, found: Found) -> dict[str, list[dict[str, Any]]]:
    """Return the containers by service, first what others depend on, in the order in which services start."""
    first = sorted(wanted.services, key=lambda name: len(wanted.services[name].get("depends_on", ())))
    by_service: dict[str, list[dict[str, Any]]] = {name: [] for name in first}
    for container in found.containers:
        by_service.setdefault(_label(container, "service"), []).append(container)
    return by_service


def _compare(service: str, container: dict[str, Any], wanted: Wanted, found: Found, result: Differences) -> None:
    """Add to the result what differs of a service's one container."""
    seen = [*_seen_by_compose(service, container, wanted, found)]
    overlooked = [*_overlooked(service, container, wanted, found, made_anew=bool(seen))]
    result.services.extend(f"the container of {service} {why}" for why in seen + overlooked)
    result.overlooked.extend([service] if overlooked else [])
    result.replaced.extend([service] if seen + overlooked and container["State"]["Status"] == "running" else [])
    state = container["State"]
    health = (state.get("Health") or {}).get("Status", "healthy")
    if not seen + overlooked and (state["Status"], health) != ("running", "healthy"):
        result.health.append(f"the container of {service} is {state['Status']} and {health}")


def _of_file(wanted: Wanted) -> Iterator[str]:
    entry = Entry(wanted.path, "file", uid=0, gid=0, mode=0o644, content=wanted.compose.encode())
    try:
        if plan(entry).needed:
            yield f"{wanted.path} is not as it shall be"
    except (WrongKindError, OSError) as error:
        yield str(error)


def _of_network(wanted: Wanted, found: Found) -> Iterator[str]:
    # One that is there is used as it is: to give it anything that it lacks, it would have to be taken from under
    # everybody's server.
    if not found.networks:
        yield f"there is no network {wanted.network}"


def _seen_by_compose(service: str, container: dict[str, Any], wanted: Wanted, found: Found) -> Iterator[str]:
    """Compare as Compose does: its hash of the service, the image behind the reference, whether it runs."""
    reference = wanted.services[service]["image"]
    if _label(container, "config-hash") != found.hashes.get(service):
        yield "was made from other settings"
    if not _is_made_from(container, reference, found.images.get(reference) or {}):
        yield f"was made from another image than {reference}"
    if container["State"]["Status"] not in ("running", "paused", "restarting"):
        yield f"is {container['State']['Status']}"


def _is_made_from(container: dict[str, Any], reference: str, image: Mapping[str, Any]) -> bool:
    """Tell whether a container runs the image that has the reference's name, or that will have it again.

    Only a check comes here while the image is not there or its name is another one's: a run makes it first. What its
    tag says then tells whether the container would go.
    """
    tag = reference.rpartition(":")[2]
    if _digest(container) == tag != _digest(image):
        return True
    return {container["Image"], _label(container, "image")} == {image.get("Id")}


def _digest(thing: Mapping[str, Any]) -> str:
    """Return the content digest that an image carries as a label, and its containers with it."""
    return ((thing.get("Config") or {}).get("Labels") or {}).get(DIGEST_LABEL, "")


def _overlooked(
    service: str, container: dict[str, Any], wanted: Wanted, found: Found, *, made_anew: bool
) -> Iterator[str]:
    """Compare what Compose does not."""
    network_id = found.networks[0]["Id"] if found.networks else ""
    yield from of_settings(wanted.services[service], container)
    yield from of_networks(service, container, wanted.network, network_id)
    yield from (f"keeps a {place} that is gone from the server" for place in container["lost_mounts"])
    # One that is made anew for other reasons reads everything anew.
    if service in wanted.records and not made_anew:
        yield from of_reading(wanted.reads.get(service, {}), found.records.get(service))


def _label(container: dict[str, Any], name: str) -> str:
    return (container["Config"].get("Labels") or {}).get(f"{_COMPOSE}.{name}", "")
