#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: validate_variables
short_description: Check every setting of the lab before touching a server
version_added: 0.1.0
description:
  - Checks all variables of this collection that the inventory or the command line sets, for unknown names, types,
    choices, form, and what fits with what.
  - Runs on the controller only, in a fraction of a second, and connects to nothing.
author: The gpulab.jupyterhub contributors (@gpulab)
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return otherwise.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
    details: It changes nothing.
"""

EXAMPLES = r"""
- name: Check every setting before touching a server
  gpulab.jupyterhub.validate_variables:
"""

RETURN = r"""
msg:
  description: One line per wrong setting, beginning with its name.
  returned: failure
  type: str
  sample: "- hub_stack_prot: there is no such setting. Did you mean hub_stack_port?"
"""
