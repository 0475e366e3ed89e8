#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Keep a role's packages for a release in a bundle; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: package_bundle
short_description: Keep a role's packages for a release in a bundle
version_added: 0.1.0
description:
  - Has a server fetch packages of its own release with all that they depend on, and keeps them in a directory on the
    controller, from which M(gpulab.jupyterhub.package_source) serves them to servers without a way out.
  - What the directory already has for that release is not fetched again.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Tells whether it would fetch them.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  action:
    description: Has a part that runs on the controller.
    support: full
options:
  bundle:
    description: Directory on the controller, made if it is not there.
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
  packages:
    description: The packages, in apt's words.
    type: list
    elements: str
    required: true
  files:
    description: The same as that of M(gpulab.jupyterhub.package_fetch).
    type: list
    elements: dict
    default: []
  key:
    description: The same as that of M(gpulab.jupyterhub.package_fetch).
    type: str
    default: ''
  codename:
    description: Code name of the server's release.
    type: str
    required: true
  recommends:
    description: Whether to take along what packages recommend.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Bundle the engine
  gpulab.jupyterhub.package_bundle:
    bundle: /media/stick/bundle
    release: debian-trixie
    role: docker_engine
    codename: trixie
    packages: [docker.io, docker-compose]
  become: true
"""

RETURN = r"""
versions:
  description: Versions of the packages in the bundle, by name.
  returned: success, not in check mode
  type: dict
  sample: {docker.io: 26.1.5+dfsg1-9}
"""
