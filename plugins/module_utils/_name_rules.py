# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What users and groups may be called. Pure."""

from __future__ import annotations

import re

USER_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
USER_NAME_MAX = 32
USER_NAME_TEXT = (
    f"a name has lower-case letters, digits and single hyphens between them, begins with a letter "
    f"and has at most {USER_NAME_MAX} characters"
)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_.-]*")


def user_name(value: str) -> str | None:
    """Say why *value* cannot name a user, or return V(None)."""
    if len(value) <= USER_NAME_MAX and USER_NAME.fullmatch(value):
        if value == "root" or value.startswith("lab-"):
            return f"{value!r} is reserved; take another name."
        return None
    return f"{value!r} cannot name a user: {USER_NAME_TEXT}."


def group_name(value: str) -> str | None:
    """Say why *value* cannot name a group."""
    return (
        None
        if _IDENTIFIER.fullmatch(value)
        else f"{value!r} cannot name a group (lower-case letters, digits and . _ -)."
    )
