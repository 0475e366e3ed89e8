# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The filter C(to_python): data as the Python literal that a person would have typed."""

from __future__ import annotations

DOCUMENTATION = r"""
name: to_python
short_description: Write data as a Python literal
version_added: 0.1.0
description:
  - Turns strings, numbers, booleans, V(none), lists and dictionaries into the text of a Python literal, for
    templates of Python configuration files.
  - JSON will not do there, as V(true) and V(null) are not Python.
options:
  _input:
    description: The data.
    type: raw
    required: true
  indent:
    description: Columns by which every line but the first is indented.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Show a Python literal
  ansible.builtin.debug:
    msg: "c.Spawner.environment = {{ {'A': true} | gpulab.jupyterhub.to_python }}"  # {'A': True}
"""

RETURN = r"""
_value:
  description: The literal.
  type: str
"""

import pprint

from ansible.errors import AnsibleFilterError


def _native(value: object) -> object:
    """Copy *value* into plain Python types, as Ansible's own carry tags that have no literal."""
    if value is None or isinstance(value, bool):
        return value
    for plain in (int, float, str):
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, dict):
        return {_native(key): _native(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_native(item) for item in value]
    raise AnsibleFilterError(f"to_python: {type(value).__name__} has no Python literal")


def to_python(value: object, indent: int = 0) -> str:
    """Return *value* as the text of a Python literal, wrapped at 100 columns."""
    text = pprint.pformat(_native(value), width=100 - indent, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)


class FilterModule:
    """Offer the filter to Jinja."""

    def filters(self) -> dict[str, object]:
        """Return the filters by name."""
        return {"to_python": to_python}
