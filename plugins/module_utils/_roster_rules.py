# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a roster of accounts, row by row, before any hub is asked. Pure; never repeats a password."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ._name_rules import group_name, user_name

SETTING = "hub_stack_users"
#: bcrypt takes no more.
_PASSWORD_BYTES = 72
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# What guessers try first, with digits and signs around it or without. The hub knows a longer list, and is asked too.
_WORDS = re.compile(
    "admin|administrator|changeme|default|guest|iloveyou|jupyter|jupyterhub|letmein|login|passwd|passwort|password"
    "|qwerty|qwertyuiop|qwertz|secret|student|superuser|teacher|test|trustno|welcome"
)
_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


def check(values: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the roster among an inventory's settings.

    :param values: settings by name; other settings tell who the administrator is and how long passwords are.
    :returns: one line per fault, each beginning with the setting's name, the row's number and its user.
    """
    rows = values.get(SETTING)
    admin = values.get("hub_stack_admin_name", values.get("lab_admin_name", "admin"))
    length = values.get("hub_config_password_length", 10)
    if not isinstance(rows, list):
        return []
    return [f"{SETTING}, {fault}" for fault in faults(rows, admin, int(length) if str(length).isdigit() else 10)]


def faults(rows: list[Any], admin_name: str, password_length: int = 1) -> list[str]:
    """Say what is wrong with each row; what is of the wrong type altogether is left to the argument spec.

    :param rows: the roster.
    :param admin_name: the lab's administrator, who stays one.
    :param password_length: shortest password, in characters, if that is known here; the hub knows.
    :returns: one line per fault, each beginning with the row's number, from 1, and its user.
    """
    told = []
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            continue
        found = [*_row(row, admin_name, password_length)]
        name = str(row.get("name"))
        if first.setdefault(name, number) != number:
            found.append(f"stands in row {first[name]} already; one row holds all that is wanted of a user.")
        told += [f"{label(number, row)}: {fault}" for fault in found]
    return told


def label(number: int, row: Mapping[str, Any]) -> str:
    """Name a row as people find it: by number and user."""
    return f"row {number} ({str(row.get('name', 'no name'))[:40]})"


def _row(row: Mapping[str, Any], admin_name: str, password_length: int) -> Iterator[str]:
    name = row.get("name")
    wrong = user_name(name) if isinstance(name, str) else f"{name!r} cannot name a user; write a name, in quotes."
    if name is not None and wrong:
        yield wrong
    if name == admin_name:
        yield from _administrator(row)
    if row.get("state") == "absent":
        return
    if row.get("home"):
        yield "home goes with state: absent only; a user who is there has one."
    if row.get("email") and not _EMAIL.fullmatch(str(row["email"])):
        yield f"{row['email']!r} is not an e-mail address of the form name@domain."
    groups = row.get("groups") or []
    if isinstance(groups, list):
        yield from (wrong for wrong in map(group_name, map(str, groups)) if wrong)
    if row.get("password") is not None:
        yield from password_faults(row["password"], str(name), password_length)


def _administrator(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what would lock the administrator out; the hub's configuration would make the name an admin again."""
    refused = {
        "state: absent": row.get("state") == "absent",
        "admin: false": _is_false(row.get("admin")),
        "authorized: false": _is_false(row.get("authorized")),
    }
    for setting, is_set in refused.items():
        if is_set:
            yield f"is the lab's administrator (lab_admin_name), so {setting} cannot be."


def _is_false(value: Any) -> bool:
    return value is not None and boolean(value, strict=False) is False


def password_faults(password: Any, name: str, length: int) -> Iterator[str]:
    """Yield what is wrong with a password, without repeating it.

    :param name: user name, which the password must not be.
    :param length: shortest password, in characters.
    """
    if not isinstance(password, str):
        yield "password is not a string; write it in quotes."
    elif len(password) < length:
        yield f"password is too short: it needs at least {length} characters (hub_config_password_length)."
    elif len(password.encode()) > _PASSWORD_BYTES:
        yield f"password is too long: it has at most {_PASSWORD_BYTES} bytes."
    elif _is_guessable(password.lower(), name):
        yield "password is one that guessers try first; choose another, or leave it out to have one generated."


def _is_guessable(password: str, name: str) -> bool:
    if len(set(password)) <= 3:
        return True
    if any(password in run or password in run[::-1] for run in _RUNS):
        return True
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password)
    return bool(_WORDS.fullmatch(core)) or core in (name, name * 2, name[::-1])
