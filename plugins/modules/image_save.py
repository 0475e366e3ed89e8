#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Write images of a Docker engine into a file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_save
short_description: Write images of a Docker engine into a file
version_added: 0.1.0
description:
  - Writes what C(docker image save) gives, compressed, into a new file, which C(docker image load) reads.
    Layers that several of the images have are in it once.
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
  refs:
    description: Name and tag of each image.
    type: list
    elements: str
    required: true
  path:
    description: The file. Its directory is made if it is not there.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Save the images of the hub and its proxy
  gpulab.jupyterhub.image_save:
    refs: [gpulab/hub:4f0c1b2a3d4e, gpulab/proxy:0d4f6a1b9c8e]
    path: /srv/jupyterhub/build/bundle.tar.gz
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
architecture:
  description: What processors the images are for, as Docker calls it, which is the server's own.
  returned: success, not in check mode
  type: str
  sample: amd64
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._image_digest import file_sha256
from ..module_utils._image_save import save
from ..module_utils._platform import architecture


def main() -> None:
    """Run the module."""
    spec = {
        "refs": {"type": "list", "elements": "str", "required": True},
        "path": {"type": "path", "required": True},
    }
    module = AnsibleModule(spec, supports_check_mode=True)
    refs, path = module.params["refs"], Path(module.params["path"])
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        refusal = save(refs, path)
    except OSError as error:
        refusal = f"{error.filename or path}: {error.strerror}"
    if refusal:
        path.unlink(missing_ok=True)
        module.fail_json(msg=f"{', '.join(refs)} could not be saved to {path}: {refusal}")
    # Who fetches it may be an unprivileged user, and there is no secret in it.
    path.chmod(0o644)
    module.exit_json(changed=True, sha256=file_sha256(path), size=path.stat().st_size, architecture=architecture())


if __name__ == "__main__":
    main()
