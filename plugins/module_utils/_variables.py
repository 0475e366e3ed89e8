# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks an inventory's variables against argument specs, before any server is touched. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

_CONTAINERS = {"list": list, "dict": dict}


def check(variables: Mapping[str, Any], specs: Mapping[str, dict], prefixes: Iterable[str]) -> list[str]:
    """Say what is wrong with *variables*.

    :param variables: values by name, templated; names without one of *prefixes* are somebody else's.
    :param specs: argument specs by variable name, as in a role's C(meta/argument_specs.yml).
    :param prefixes: beginnings of names that belong to this collection, such as C(hub_stack_).
    :returns: one line per wrong setting, each beginning with the setting's name; empty when all is well.
    """
    ours = {name: value for name, value in variables.items() if name.startswith(tuple(prefixes))}
    unknown = [_unknown(name, specs) for name in sorted(ours) if name not in specs]
    return unknown + [line for name in sorted(ours) if name in specs for line in _ill_typed(name, ours[name], specs)]


def _unknown(name: str, specs: Mapping[str, dict]) -> str:
    near = difflib.get_close_matches(name, specs, n=1, cutoff=0.8)
    return f"{name}: there is no such setting." + (f" Did you mean {near[0]}?" if near else "")


def _ill_typed(name: str, value: Any, specs: Mapping[str, dict]) -> list[str]:
    spec = specs[name]
    container = _CONTAINERS.get(spec.get("type", "str"))
    # Ansible's validator would split a string into a list; a template that loops over it would see letters.
    if container and not isinstance(value, container):
        return [f"{name}: {value!r} is not a {spec['type']}."]
    # YAML reads 28.10 as the number 28.1, and 2026-11-22 as a date; templates would stumble over either.
    if spec.get("type", "str") == "str" and not isinstance(value, str) and not _is_off(value, spec):
        quotes = "" if isinstance(value, (dict, list)) else f"; write it in quotes, {str(value)!r}"
        return [f"{name}: {value!r} is not a string{quotes}."]
    if spec.get("elements") == "dict" and spec.get("options"):
        return [line for row in enumerate(value, start=1) for line in _ill_typed_row(name, *row, spec)]
    return [text if text.startswith(name) else f"{name}: {text}" for text in _messages(name, value, spec)]


def _is_off(value: Any, spec: dict) -> bool:
    """Tell whether *value* is what YAML makes of a choice V(off) without quotes, which Ansible takes for the choice."""
    return value is False and "off" in spec.get("choices", [])


def _ill_typed_row(name: str, number: int, row: Any, spec: dict) -> list[str]:
    """Check one row of a list by itself: Ansible does not tell which one it means."""
    where = f"{name}, row {number}"
    if not isinstance(row, Mapping):
        return [f"{where}: is a {type(row).__name__}, not a dictionary."]
    where += f" ({str(row['name'])[:40]})" if "name" in row else ""
    texts = (text.removesuffix(f" found in {name}") for text in _messages(name, [row], spec))
    return [f"{where}: {text.removeprefix(f'{name}.')}" for text in texts]


def _messages(name: str, value: Any, spec: dict) -> list[str]:
    result = ArgumentSpecValidator({name: spec}).validate({name: value}, validate_role_argument_spec=True)
    return [
        text.replace(". Supported parameters include:", ": no such key. There are:") for text in result.error_messages
    ]
