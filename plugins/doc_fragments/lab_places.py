# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Where a lab is, for the modules that look at all of it."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the options that `_hub_gather` takes."""

    DOCUMENTATION = r"""
options:
  ca_path:
    description: File on the server with the CA certificates to trust at an C(https) door; the server's own by default.
    type: path
  user_image:
    description: Image that users' servers start from.
    type: str
    default: jupyter-custom-gpu:latest
  min_free_gb:
    description: Warn when less is free on the data root's disk or on Docker's, in GB (1024 x 1024 x 1024 bytes).
    type: float
    default: 2
  timeout:
    description: Longest wait for one reply of the hub, in seconds.
    type: int
    default: 10
  failed_hours:
    description: Tell of users' servers that failed in the last so many hours.
    type: float
    default: 24
"""
