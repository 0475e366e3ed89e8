# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a hub's accounts and carries out the steps of `_hub_roster`, through the hub's API and on its disk."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import _hub_homes, _hub_passwords
from ._docker_cli import Docker, DockerError
from ._hub_api import HubApi, Refused
from ._hub_roster import GENERATED, Look, Step

#: How long the servers of a user who is removed may take to stop.
STOP_SECONDS = 60


class NoKeyError(RuntimeError):
    """The hub hands out no key; the text says why."""


class StepError(RuntimeError):
    """A step could not be taken; the text says why."""


def get_key(docker: Docker, project: str, user: str, seconds: int) -> str:
    """Get an admin's API token that ends by itself, as root may: by a command in the hub's container.

    :param project: Compose project of the lab.
    :param user: the admin whose it is.
    :param seconds: how long it is good for.
    :raises NoKeyError: no hub runs here, or it knows no such admin.
    """
    labels = (f"project={project}", "service=jupyterhub")
    filters = [word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")]
    try:
        hub = docker.ask("ps", *filters, "--format", "{{.Names}}").strip()
        if not hub:
            raise NoKeyError(f"no hub runs in the Compose project {project}")
        command = ("python", "-m", "labhub.key", "--user", user, "--seconds", str(seconds))
        return json.loads(docker.ask("exec", hub, *command))["token"]
    except DockerError as fault:
        raise NoKeyError(str(fault)) from fault


class Disk:
    """What lies on the server of a lab beside its hub: homes, and the passwords that were generated."""

    def __init__(self, data_root: str) -> None:
        self.homes = Path(data_root, "home")
        self.passwords = _hub_passwords.PasswordFiles(Path(data_root, "secrets", "users"))

    def draw_passwords(self, steps: list[Step]) -> dict[str, str]:
        """Return the password of every account that gets a generated one: that in its file, or a new one.

        :raises OSError: a file cannot be read.
        """
        names = [step.name for step in steps if step.ask.get("password") is GENERATED]
        return {name: self.passwords.read(name) or _hub_passwords.generate() for name in names}

    def in_the_way(self, steps: list[Step]) -> list[str]:
        """Say which homes cannot be removed, as one line each."""
        refused = []
        for step in steps:
            try:
                if "home" in step.before:
                    _hub_homes.check(self.homes, step.name)
            except _hub_homes.HomeError as fault:
                refused.append(f"{step.label}: {fault}")
        return refused


def look_at(api: HubApi | None, disk: Disk, names: list[str]) -> Look:
    """Look at everything once.

    :param api: the hub, asked with a token that may read users; None looks at the disk alone.
    :param names: users who are of interest.
    :raises Refused: the hub does not tell.
    :raises Unreachable: the hub does not answer.
    :raises OSError: a directory cannot be read.
    """
    users = api.pages("/api/users") if api else []
    accounts = api.fetch("/api/lab/accounts") if api else []
    return Look(
        users={user["name"]: user for user in users},
        accounts={account["name"]: account for account in accounts},
        homes=_hub_homes.existing(disk.homes, names),
        password_files=disk.passwords.modes(names),
    )


class Hand:
    """Takes steps.

    :param api: the hub, asked with an admin's key.
    :param disk: the server's disk.
    :param drawn: generated passwords by user.
    """

    def __init__(self, api: HubApi, disk: Disk, drawn: Mapping[str, str]) -> None:
        self._api = api
        self._disk = disk
        self._drawn = drawn

    def settle(self, step: Step) -> str | None:
        """Have the hub say what of a step's account would change; return its refusal, if it refuses.

        :raises Refused: the hub did not take the question.
        """
        reply = self._api.send("POST", _account(step.name), self._body(step), also=(400,))
        if reply.status == 400:
            return reply.data["message"]
        step.settle(reply.data["changed"])
        return None

    def take(self, step: Step) -> None:
        """Do what a step says.

        :raises StepError: it could not be done.
        """
        try:
            (self._remove if step.removes else self._keep)(step)
        except (Refused, _hub_homes.HomeError, OSError) as fault:
            raise StepError(str(fault)) from fault

    def _body(self, step: Step) -> dict[str, Any]:
        return {what: self._drawn[step.name] if value is GENERATED else value for what, value in step.ask.items()}

    def _keep(self, step: Step) -> None:
        if "password file" in step.after:
            self._disk.passwords.close(step.name)
        if step.ask.get("password") is GENERATED:
            # First the file: a password that only the hub knows would be nobody's.
            self._disk.passwords.keep(step.name, self._drawn[step.name])
        if step.ask:
            self._api.send("PUT", _account(step.name), self._body(step))
        if step.make_user:
            self._api.send("POST", _user(step.name), also=(409,))
        if step.admin is not None:
            self._api.send("PATCH", _user(step.name), {"admin": step.admin})
        for group in step.join:
            self._api.send("POST", _group(group), also=(409,))
            self._api.send("POST", f"{_group(group)}/users", {"users": [step.name]})
        for group in step.leave:
            self._api.send("DELETE", f"{_group(group)}/users", {"users": [step.name]})

    def _remove(self, step: Step) -> None:
        if "hub user" in step.before:
            self._stop(step.name)
            self._api.send("DELETE", _user(step.name), also=(404,))
        if "account" in step.before:
            # The hub's user has taken it along, unless there was none.
            self._api.send("DELETE", _account(step.name), also=(404,))
        self._disk.passwords.forget(step.name)
        if "home" in step.before:
            _hub_homes.remove(self._disk.homes, step.name)

    def _stop(self, name: str) -> None:
        """Stop all servers of a user, also those that are on their way up; the hub needs some asking for those."""
        deadline = time.monotonic() + STOP_SECONDS
        while servers := self._api.fetch(_user(name)).get("servers"):
            if time.monotonic() > deadline:
                raise StepError(f"the server of {name} did not stop within {STOP_SECONDS} seconds")
            for server in servers:
                where = f"servers/{quote(server, safe='')}" if server else "server"
                self._api.send("DELETE", f"{_user(name)}/{where}", also=(400, 404, 500))
            time.sleep(0.3)


def _user(name: str) -> str:
    return f"/api/users/{quote(name, safe='')}"


def _account(name: str) -> str:
    return f"/api/lab/accounts/{quote(name, safe='')}"


def _group(name: str) -> str:
    return f"/api/groups/{quote(name, safe='')}"
