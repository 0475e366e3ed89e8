#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Write an image of a Docker engine into a file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_save
short_description: Write an image of a Docker engine into a file
version_added: 0.1.0
description:
  - Writes what C(docker image save) gives, compressed, into a new file, which C(docker image load) reads.
  - M(gpulab.jupyterhub.image_bundle) runs it, fetches the file and removes it.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Reports a change and writes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
options:
  ref:
    description: Name and tag of the image.
    type: str
    required: true
  path:
    description: The file. Its directory is made if it is not there.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Save the hub's image
  gpulab.jupyterhub.image_save:
    ref: gpulab/hub:4f0c1b2a3d4e
    path: /srv/jupyterhub/build/hub.tar.gz
"""

RETURN = r"""
sha256:
  description: SHA-256 of the file, in hexadecimal digits.
  returned: success, not in check mode
  type: str
size:
  description: Size of the file, in bytes.
  returned: success, not in check mode
  type: int
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._image_digest import file_sha256
from ..module_utils._image_save import save


def main() -> None:
    """Run the module."""
    spec = {"ref": {"type": "str", "required": True}, "path": {"type": "path", "required": True}}
    module = AnsibleModule(spec, supports_check_mode=True)
    ref, path = module.params["ref"], Path(module.params["path"])
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refusal = save(ref, path)
    except OSError as error:
        refusal = f"{error.filename or path}: {error.strerror}"
    if refusal:
        path.unlink(missing_ok=True)
        module.fail_json(msg=f"The image {ref} could not be saved to {path}: {refusal}")
    # Who fetches it may be an unprivileged user, and there is no secret in it.
    path.chmod(0o644)
    module.exit_json(changed=True, sha256=file_sha256(path), size=path.stat().st_size)


if __name__ == "__main__":
    main()
