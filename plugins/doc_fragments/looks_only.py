# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What all modules have in common that look and change nothing."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the attributes."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode); it looks as always.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
    details: It changes nothing.
"""
