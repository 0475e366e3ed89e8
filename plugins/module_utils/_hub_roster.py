# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Decides what a hub's accounts lack of a roster; the module C(hub_user) looks before and acts after. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._roster_rules import label

#: Stands in a `Step.ask` for a password that is made once and kept in a file.
GENERATED = object()


@dataclass(frozen=True)
class Look:
    """What is there.

    :param users: the hub's users by name, with `admin`, `groups` and `servers`, as its API tells of them.
    :param accounts: accounts by name, with `authorized`, `has_2fa` and `email`.
    :param homes: users of whose homes something is there.
    :param password_files: modes, such as V(0600), and wrong owners of the files of generated passwords, by user.
    """

    users: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    homes: frozenset[str] = frozenset()
    password_files: Mapping[str, str] = field(default_factory=dict)

    def admins(self) -> set[str]:
        """Name the users who can log in and act as admins."""
        return {name for name, user in self.users.items() if user["admin"] and self.is_authorized(name)}

    def is_authorized(self, name: str) -> bool:
        """Tell whether an account is there and may log in."""
        return bool(self.accounts.get(name, {}).get("authorized"))


@dataclass
class Step:
    """What has to be done for one row, with both sides of the difference for people.

    :param ask: what the accounts API is asked for; empty when the account is as it shall be.
    :param make_user: the hub does not know the user yet.
    :param admin: what the right has to be set to; None when it is as it shall be.
    :param servers: names of the servers that have to stop, for a user who is removed; '' is the main one.
    """

    number: int
    row: Mapping[str, Any]
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    ask: dict[str, Any] = field(default_factory=dict)
    make_user: bool = False
    admin: bool | None = None
    join: list[str] = field(default_factory=list)
    leave: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The user's."""
        return self.row["name"]

    @property
    def label(self) -> str:
        """The row, as people find it."""
        return label(self.number, self.row)

    @property
    def removes(self) -> bool:
        """Whether the row wants the user gone."""
        return self.row["state"] == "absent"

    @property
    def needed(self) -> bool:
        """Whether there is, or may be, anything to do."""
        return self.before != self.after or bool(self.ask)

    def note(self, what: str, before: Any, after: Any) -> None:
        """Note a difference; None is for what was, or will be, not there."""
        if before is not None:
            self.before[what] = before
        if after is not None:
            self.after[what] = after

    def settle(self, changed: Iterable[str]) -> None:
        """Keep of what is asked only what the hub would change; whether a password differs, it alone can tell."""
        self.ask = {what: value for what, value in self.ask.items() if what in changed}
        if "password" in self.ask:
            new = "a new one" if self.ask["password"] is GENERATED else "as the roster says"
            self.note("password", None if "account" in self.after else "another", new)


def plan(rows: list[Mapping[str, Any]], look: Look) -> list[Step]:
    """Decide for every row what has to be done; steps that have nothing to do are left out."""
    steps = [
        (_remove if row["state"] == "absent" else _keep)(Step(number, row), look)
        for number, row in enumerate(rows, start=1)
    ]
    return [step for step in steps if step.needed]


def _keep(step: Step, look: Look) -> Step:
    _account(step, look.accounts.get(step.name))
    user = look.users.get(step.name)
    step.make_user = user is None
    if user is None and "account" not in step.after:
        step.note("hub user", None, "present")
    has = user or {"admin": False, "groups": []}
    wanted = step.row["admin"]
    if wanted is not None and wanted != has["admin"]:
        step.admin = wanted
        step.note("admin", has["admin"], wanted)
    if step.row["groups"] is not None:
        _groups(step, sorted(has["groups"]), sorted(set(step.row["groups"])))
    mode = look.password_files.get(step.name, "0600")
    if mode != "0600":
        step.note("password file", f"mode {mode}", "mode 0600")
    return step


def _account(step: Step, account: Mapping[str, Any] | None) -> None:
    """Ask for an account as the row has it; for one that is there, only for what differs."""
    row = step.row
    if account is None:
        step.note("account", None, "present")
        step.ask["password"] = GENERATED if row["password"] is None else row["password"]
        step.ask["authorized"] = row["authorized"] is not False
        step.note("authorized", None, step.ask["authorized"])
    else:
        if row["password"] is not None and row["update_password"] == "always":  # noqa: S105 - a choice, and no password
            step.ask["password"] = row["password"]
        if row["authorized"] not in (None, account["authorized"]):
            step.ask["authorized"] = row["authorized"]
            step.note("authorized", account["authorized"], row["authorized"])
        if row["second_factor"] == "reset" and account["has_2fa"]:
            step.ask["has_2fa"] = False
            step.note("second factor", "present", None)
    has = account["email"] if account else ""
    if row["email"] not in (None, has):
        step.ask["email"] = row["email"]
        step.note("email", has or None, row["email"] or None)


def _groups(step: Step, has: list[str], wanted: list[str]) -> None:
    step.join = [group for group in wanted if group not in has]
    step.leave = [group for group in has if group not in wanted]
    if step.join or step.leave:
        step.note("groups", ", ".join(has) or None, ", ".join(wanted) or None)


def _remove(step: Step, look: Look) -> Step:
    name = step.name
    if name in look.accounts:
        step.note("account", "present", None)
    if name in look.users:
        step.note("hub user", "present", None)
        step.servers = sorted(look.users[name].get("servers") or {})
    if step.servers:
        step.note("servers", f"{len(step.servers)} running", None)
    if name in look.password_files:
        step.note("password file", "present", None)
    if step.row["home"] == "remove" and name in look.homes:
        step.note("home", "present", None)
    return step


def refusals(steps: list[Step], look: Look) -> list[str]:
    """Say which steps must not be taken on this hub, as one line each."""
    refused = [
        f"{step.label}: somebody has signed up by this name and is not authorized, so admin: true would be theirs. "
        "If they are who you mean, write authorized: true as well."
        for step in steps
        if step.admin and step.name in look.accounts and not (look.is_authorized(step.name) or _authorizes(step))
    ]
    left = look.admins()
    for step in steps:
        left -= {step.name} if step.removes or step.admin is False or step.ask.get("authorized") is False else set()
        left |= {step.name} if step.admin and (look.is_authorized(step.name) or _authorizes(step)) else set()
    if look.admins() and not left:
        refused.append("the roster leaves the lab without an admin who can log in; let one of them be.")
    return refused


def _authorizes(step: Step) -> bool:
    return step.ask.get("authorized") is True


def waiting(rows: list[Mapping[str, Any]], look: Look) -> list[str]:
    """Name the users whose account is not authorized and whose row leaves it so."""
    return [
        row["name"]
        for row in rows
        if row["state"] == "present"
        and row["authorized"] is None
        and row["name"] in look.accounts
        and not look.is_authorized(row["name"])
    ]


def told(steps: list[Step]) -> dict[str, Any]:
    """Return what a play is told of the steps: no password, neither old nor new."""
    return {
        "changed": bool(steps),
        "users": [
            {
                "name": step.name,
                "changed": sorted({*step.before, *step.after}),
                "generated": step.ask.get("password") is GENERATED,
            }
            for step in steps
        ],
        "stopped": [step.name for step in steps if step.servers],
        "diff": [
            {
                "before_header": step.name,
                "after_header": step.name,
                "before": _lines(step.before),
                "after": _lines(step.after),
            }
            for step in steps
        ],
    }


def _lines(side: Mapping[str, Any]) -> str:
    return "".join(f"{what}: {value}\n" for what, value in side.items())
