#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Have a bundle's packages ready for one apt run; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: package_source
short_description: Have a bundle's packages ready for one apt run
version_added: 0.1.0
description:
  - Sends the packages of the server's release from a bundle of M(gpulab.jupyterhub.package_bundle) to the server, and
    has M(gpulab.jupyterhub.package_unpack) make them the source of an apt that is given C(APT_CONFIG).
  - It fails, before it changes anything, if the bundle has no such release, lacks a package, or is damaged.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Looks whether the bundle has them; it sends nothing, and reports no change.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  action:
    description: Has a part that runs on the controller.
    support: full
options:
  bundle:
    description: Directory on the controller.
    type: path
    required: true
  release:
    description: What the server's release is called in the bundle.
    type: str
    required: true
  role:
    description: The role whose packages they are.
    type: str
    choices: [docker_engine, nvidia_driver, nvidia_container_toolkit]
    required: true
  architecture:
    description: What the server's processor is, as Debian calls it.
    type: str
    required: true
  packages:
    description: The packages that will be installed, in apt's words.
    type: list
    elements: str
    required: true
  path:
    description: Directory on the server. What it held is gone.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Send the packages
  gpulab.jupyterhub.package_source:
    bundle: /media/stick/bundle
    release: debian-trixie
    role: docker_engine
    architecture: amd64
    packages: [docker.io, docker-compose]
    path: /var/cache/packages
  become: true
"""

RETURN = r""" # """
