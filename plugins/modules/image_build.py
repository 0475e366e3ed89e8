#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Keep images of the lab as their inputs say; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_build
short_description: Keep the images of a lab as their inputs say
version_added: 0.1.0
description:
  - Gives every image a tag that is a digest of all that goes into it, and makes those whose tag the server does not
    have. An image whose inputs are as they were is never made again; one whose inputs changed always is.
  - The build context is read on the controller, sent to the server and built there by BuildKit. Every ten seconds it
    says how far a build is.
  - When all images are there, it costs one look at the server.
  - A run that is interrupted leaves no image half made. What the server was at goes on for a minute and a half; who
    starts again within that time joins it, who comes later goes on from the last finished step.
  - Certificates, proxies and package indexes are seen by the build and not kept in the image.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Tells which images it would make and which it would remove.
    support: full
  diff_mode:
    description: Shows the references before and after.
    support: full
  action:
    description: Has a part that runs on the controller.
    support: full
options:
  images:
    description: The images, each one after those that it is made from.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name without a tag.
        type: str
        required: true
      what:
        description: Value of the label C(org.gpulab.jupyterhub).
        type: str
        required: true
      base:
        description: What it is made from, an image further up in the list or one that a registry has.
        type: str
      context:
        description: Directory on the controller with a Dockerfile; it gets O(images[].base) as the argument C(BASE).
        type: path
      bootstrap:
        description: Makes it out of Debian's own packages, instead of O(images[].context).
        type: dict
        suboptions:
          suite: {description: Code name of a Debian release., type: str, required: true}
          packages: {description: Packages beyond the essential ones., type: list, elements: str, required: true}
          mirror: {description: Address of a Debian mirror; empty for mmdebstrap's own choice., type: str, default: ''}
      archive:
        description: Loads it from an archive of C(docker save) or of a root file system.
        type: dict
        suboptions:
          path: {description: File on the controller or address the server downloads from., type: str, required: true}
          sha256: {description: SHA-256 of the archive., type: str, required: true}
      build_args:
        description: Arguments of the build.
        type: dict
        default: {}
      files:
        description: Text of files that are put into the context, by path.
        type: dict
        default: {}
      inputs:
        description: What else decides the content of the image, such as addresses of package indexes.
        type: dict
        default: {}
      aliases:
        description: Further tags.
        type: list
        elements: str
        default: []
  data_root:
    description: Directory of the lab on the server; logs go to C(build) in it.
    type: path
    required: true
  bundle:
    description:
      - Directory on the controller that M(gpulab.jupyterhub.image_bundle) has made. Nothing is built then; what is
        missing and no other image is made from is loaded from there.
      - It fails, before it changes anything, if the bundle lacks one, and names the settings by which it differs.
    type: path
    default: ''
  refresh:
    description: Any text; a new one makes all images anew.
    type: str
    default: ''
  prune:
    description:
      - Whether to remove images of the project that O(images) does not name and that no container uses; so name all
        images of the lab in one task.
    type: bool
    default: true
  extra_ca:
    description: Files on the controller with certificates in PEM form that builds trust besides what the server trusts.
    type: list
    elements: path
    default: []
  http_proxy:
    description: Proxy for plain HTTP.
    type: str
    default: ''
  https_proxy:
    description: Proxy for HTTPS.
    type: str
    default: ''
  no_proxy:
    description: Hosts that are reached without a proxy.
    type: str
    default: ''
  pip_index_url:
    description: Index that Python packages come from; empty for pip's own default.
    type: str
    default: ''
  pip_extra_index_urls:
    description: Further indexes.
    type: list
    elements: str
    default: []
  npm_registry:
    description: Registry that Node packages come from; empty for npm's own default.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Keep the user image as its inputs say
  gpulab.jupyterhub.image_build:
    data_root: /srv/jupyterhub
    images:
      - name: jupyter-custom-gpu
        what: singleuser
        base: debian:trixie-slim
        context: "{{ playbook_dir }}/my-image"
        aliases: [latest]
"""

RETURN = r"""
refs:
  description: Name with tag of each image, by name.
  returned: success
  type: dict
  sample: {gpulab/hub: 'gpulab/hub:4f0c1b2a3d4e'}
built:
  description: References that were made or loaded, or would be in check mode.
  returned: success
  type: list
  elements: str
removed:
  description: References that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
sizes:
  description: Size of each image that is there, in bytes, by reference.
  returned: success
  type: dict
"""
