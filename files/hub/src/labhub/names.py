# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The rule for user names, and its text.

A name becomes a directory, a container, a Docker label and a part of URLs, so it is made of what is
safe in all of them, and two names never become the same thing.
"""

import re

from labhub.texts import Text

MAX_LENGTH = 32
PATTERN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RULE = Text(
    "a user name has 1 to %(most)s characters: lower-case letters a-z, digits and single hyphens; "
    "it begins with a letter and ends with a letter or a digit",
    most=MAX_LENGTH,
)
RESERVED_RULE = Text("'root' and names that begin with 'lab-' are reserved for the lab itself")

PROBE = "lab-probe"
"""The account that ``labhub.probe`` makes for itself: reserved, yet able to log in."""


def is_well_formed(name: str) -> bool:
    """Tell whether a string follows the rule, reserved or not."""
    return len(name) <= MAX_LENGTH and PATTERN.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Tell whether a name is kept for the lab, so that no person can have it."""
    return name == "root" or name.startswith("lab-")


def may_have_account(name: str) -> bool:
    """Tell whether a name may log in: a person's, or the probe's."""
    return is_well_formed(name) and (not is_reserved(name) or name == PROBE)


def refusal(name: str) -> Text | None:
    """Say why a person cannot have this name; None when they can."""
    if not is_well_formed(name):
        return Text("%(name)s cannot be a user name: %(rule)s.", name=repr(name), rule=RULE)
    if is_reserved(name):
        return Text("%(name)s cannot be a user name: %(rule)s.", name=repr(name), rule=RESERVED_RULE)
    return None
