#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Make an archive of packages the source of one apt run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: package_unpack
short_description: Make an archive of packages the source of one apt run
version_added: 0.1.0
description:
  - Unpacks an archive of M(gpulab.jupyterhub.package_fetch) into a directory, anew, and writes C(apt.conf) there, by
    which an apt that is given it as C(APT_CONFIG) installs from that directory alone.
  - The server's own sources, and what its apt knows of them, stay as they are.
  - M(gpulab.jupyterhub.package_source) sends the archive, and runs it.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Reports a change and unpacks nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
options:
  archive:
    description: The archive, on the server.
    type: path
    required: true
  sha256:
    description: Its SHA-256 in hexadecimal digits.
    type: str
    required: true
  path:
    description: The directory. What it held is gone.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Unpack the engine's packages
  gpulab.jupyterhub.package_unpack:
    archive: /var/tmp/packages.tar
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    path: /var/cache/packages

- name: Install from there
  ansible.builtin.apt:
    name: docker.io
    update_cache: true
  environment:
    APT_CONFIG: /var/cache/packages/apt.conf
"""

RETURN = r""" # """

import tarfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._image_digest import file_sha256
from ..module_utils._package_source import place_repository


def main() -> None:
    """Run the module."""
    spec = {
        "archive": {"type": "path", "required": True},
        "sha256": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
    }
    module = AnsibleModule(spec, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=True)
    archive, place = Path(module.params["archive"]), Path(module.params["path"])
    try:
        if file_sha256(archive) != module.params["sha256"]:
            module.fail_json(msg=f"{archive} arrived damaged on the server. Run the same command again.")
        place_repository(archive, place)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or place}: {error.strerror}")
    except tarfile.TarError as error:
        module.fail_json(msg=f"{archive} is no archive of packages: {error}")
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
