# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What all modules have in common that ask one engine."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the option C(docker_socket)."""

    DOCUMENTATION = r"""
options:
  docker_socket:
    description: Socket of the Docker engine.
    type: path
    default: /var/run/docker.sock
"""
