# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds what of a lab's Compose project is not as it shall be; the module C(hub_stack_info) tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from ._docker_cli import Docker, DockerError
from ._file_tree import Entry, WrongKindError, plan

_COMPOSE = "com.docker.compose"


class Wanted(NamedTuple):
    """The stack as it shall be.

    :param path: where its compose.yml lies.
    :param compose: what is in it.
    :param project: the Compose project.
    :param images: reference of the image by service; no other service shall be there.
    :param network: Docker network of all services.
    """

    path: Path
    compose: str
    project: str
    images: Mapping[str, str]
    network: str


class Found(NamedTuple):
    """The stack as it is.

    :param hashes: what Compose makes of each service of the wanted compose.yml, as `docker compose config --hash` says.
    :param image_ids: id of the image behind each reference, of those that are there.
    :param containers: the project's containers, as `docker container inspect` says.
    :param networks: the network, as `docker network inspect` says; empty when it is not there.
    """

    hashes: Mapping[str, str]
    image_ids: Mapping[str, str]
    containers: list[dict[str, Any]]
    networks: list[dict[str, Any]]


def at_stack(docker: Docker, wanted: Wanted) -> Found:
    """Look at all of it at once, since each question to the command line takes its time.

    :raises DockerError: no engine answers.
    """
    with ThreadPoolExecutor() as pool:
        hashes = pool.submit(_hashes, docker, wanted)
        images = pool.submit(lambda: {ref: _image_id(docker, ref) for ref in wanted.images.values()})
        networks = pool.submit(_network, docker, wanted.network)
        label = f"label={_COMPOSE}.project={wanted.project}"
        names = docker.ask("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()
        containers = docker.inspect("container", *names)
        return Found(hashes.result(), images.result(), containers, networks.result())


def _hashes(docker: Docker, wanted: Wanted) -> dict[str, str]:
    """Ask Compose; without an answer every service counts as changed, and `up` then says why it is none."""
    where = ("--project-directory", str(wanted.path.parent), "--file", "-")
    try:
        said = docker.ask("compose", *where, "config", "--hash", "*", stdin=wanted.compose)
    except DockerError:
        return {}
    return dict(line.split(" ", 1) for line in said.splitlines() if " " in line)


def _image_id(docker: Docker, reference: str) -> str:
    try:
        return docker.inspect("image", reference)[0]["Id"]
    except DockerError:
        return ""


def _network(docker: Docker, name: str) -> list[dict[str, Any]]:
    try:
        return json.loads(docker.ask("network", "inspect", name))
    except DockerError:
        return []


def differences(wanted: Wanted, found: Found) -> list[str]:
    """Say in words what is not as it shall be; nothing when a converge would change nothing."""
    return [*_of_file(wanted), *_of_network(wanted, found), *_of_services(wanted, found)]


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


def _of_services(wanted: Wanted, found: Found) -> Iterator[str]:
    by_service: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted.images}
    for container in found.containers:
        by_service.setdefault(_label(container, "service"), []).append(container)
    for service, containers in by_service.items():
        if service not in wanted.images:
            yield f"the service {service} does not belong to the project {wanted.project}"
        elif len(containers) != 1:
            yield f"the service {service} has {len(containers)} containers"
        else:
            yield from _of_container(service, containers[0], wanted, found)


def replaced(wanted: Wanted, found: Found) -> list[str]:
    """Name the services that run, and whose container a converge would replace: who uses them notices."""
    running = [(_label(one, "service"), one) for one in found.containers if one["State"]["Status"] == "running"]
    known = [(service, one) for service, one in running if service in wanted.images]
    return sorted({service for service, one in known if any(_made_otherwise(service, one, wanted, found))})


def _of_container(service: str, container: dict[str, Any], wanted: Wanted, found: Found) -> Iterator[str]:
    yield from _made_otherwise(service, container, wanted, found)
    state = container["State"]
    health = (state.get("Health") or {}).get("Status", "healthy")
    if (state["Status"], health) != ("running", "healthy"):
        yield f"the container of {service} is {state['Status']} and {health}"


def _made_otherwise(service: str, container: dict[str, Any], wanted: Wanted, found: Found) -> Iterator[str]:
    """Compare as Compose does: its hash of the service, the image behind the reference, the network."""
    image = found.image_ids.get(wanted.images[service])
    joined = {network["NetworkID"] for network in container["NetworkSettings"]["Networks"].values()}
    if _label(container, "config-hash") != found.hashes.get(service):
        yield f"the container of {service} was made from other settings"
    if not image or {container["Image"], _label(container, "image")} != {image}:
        yield f"the container of {service} was made from another image than {wanted.images[service]}"
    if not joined & {network["Id"] for network in found.networks}:
        yield f"the container of {service} is not on the network {wanted.network}"


def _label(container: dict[str, Any], name: str) -> str:
    return (container["Config"].get("Labels") or {}).get(f"{_COMPOSE}.{name}", "")
