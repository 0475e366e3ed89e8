# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What modules have in common that compare a server's clock with another."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the option C(asked_at)."""

    DOCUMENTATION = r"""
options:
  asked_at:
    description:
      - The time of the machine that runs Ansible, in seconds since 1970, to compare the server's clock with.
      - V(0) compares with nothing.
    type: float
    default: 0
"""
