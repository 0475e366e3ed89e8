#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Keep a bundle of a lab's images; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_bundle
short_description: Keep a bundle of a lab's images
version_added: 0.1.0
description:
  - Saves the images of a lab that containers run from a server's engine into a directory on the controller, which
    M(gpulab.jupyterhub.image_build) loads them from on servers without a way out.
  - What the directory already has is not saved again, and images that it has beside these stay.
  - Next to the archives in C(images/) it writes C(manifest.json), which says what each was made from, and
    C(SHA256SUMS).
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Tells which images it would save.
    support: full
  diff_mode:
    description: Shows the references in the bundle before and after.
    support: full
  action:
    description: Has a part that runs on the controller.
    support: full
options:
  images:
    description: The images, as the option of the same name of M(gpulab.jupyterhub.image_build) has them.
    type: list
    elements: dict
    required: true
  data_root:
    description: Directory of the lab on the server; archives lie in C(build) in it until they are fetched.
    type: path
    required: true
  bundle:
    description: Directory on the controller, made if it is not there.
    type: path
    required: true
  refresh:
    description: The same text that M(gpulab.jupyterhub.image_build) gets.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Bundle the user image
  gpulab.jupyterhub.image_bundle:
    data_root: /srv/jupyterhub
    bundle: /media/stick/bundle
    images:
      - name: jupyter-custom-gpu
        what: singleuser
        base: debian:trixie-slim
        context: "{{ playbook_dir }}/my-image"
"""

RETURN = r"""
saved:
  description: References that were saved, or would be in check mode.
  returned: success
  type: list
  elements: str
images:
  description: References of all images in the bundle.
  returned: success
  type: list
  elements: str
"""
