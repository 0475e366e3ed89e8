#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Fetch packages of the server's release, with all that they depend on, into an archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: package_fetch
short_description: Fetch packages of the server's release into an archive
version_added: 0.1.0
description:
  - Fetches packages with all that they depend on, whatever of it the server has installed, by C(apt-get) from the
    server's own sources, and writes them, with an index that apt reads, into a tar archive.
  - What the server has installed, and what its apt knows, stays as it is.
  - M(gpulab.jupyterhub.package_bundle) runs it, and fetches the archive.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Reports a change and fetches nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
options:
  packages:
    description: The packages, in apt's words.
    type: list
    elements: str
    required: true
  files:
    description: Sources, keys and preferences that count besides the server's own.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: "Where it would lie, below C(/etc/apt).", type: path, required: true}
      content:
        description:
          - Its content; an empty one does not count. Without, it is fetched from O(key).
          - C({apt_mirror}) in it stands for where the server takes its own release from.
        type: str
  key:
    description: Address of the key of a source among O(files), which trusts it wherever it says that the key lies.
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
  path:
    description: The archive.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Fetch the engine
  gpulab.jupyterhub.package_fetch:
    packages: [docker.io, docker-compose]
    codename: trixie
    path: /var/tmp/packages.tar
"""

RETURN = r"""
versions:
  description: Versions of the packages in the archive, by name.
  returned: success, not in check mode
  type: dict
  sample: {docker.io: 26.1.5+dfsg1-9}
sha256:
  description: SHA-256 of the archive, in hexadecimal digits.
  returned: success, not in check mode
  type: str
size:
  description: Size of the archive, in bytes.
  returned: success, not in check mode
  type: int
architecture:
  description: What the server's processor is, as Debian calls it.
  returned: success, not in check mode
  type: str
  sample: amd64
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _docker_apt as apt
from ..module_utils._apt_look import FILES_OPTION
from ..module_utils._image_digest import file_sha256
from ..module_utils._package_fetch import FetchError, configure, fetch, pack
from ..module_utils._platform import architecture

_SPEC: dict[str, Any] = {
    "packages": {"type": "list", "elements": "str", "required": True},
    "files": FILES_OPTION,
    "key": {"type": "str", "default": "", "no_log": False},
    "codename": {"type": "str", "required": True},
    "recommends": {"type": "bool", "default": False},
    "path": {"type": "path", "required": True},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True)
    params, path = module.params, Path(module.params["path"])
    if module.check_mode:
        module.exit_json(changed=True)
    files, mirror_found = apt.filled_in(params["files"], params["codename"])
    if not mirror_found:
        module.fail_json(msg="None of the sources in /etc/apt says where this server takes its own release from.")
    try:
        with TemporaryDirectory(dir="/var/tmp") as place:
            configure(files, params["key"], Path(place))
            versions = fetch(params["packages"], Path(place), params["recommends"])
            pack(Path(place) / "repository", path)
    except FetchError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or path}: {error.strerror}")
    # Who fetches it may be an unprivileged user, and there is no secret in it.
    path.chmod(0o644)
    found = {"sha256": file_sha256(path), "size": path.stat().st_size, "architecture": architecture()}
    module.exit_json(changed=True, versions=versions, **found)


if __name__ == "__main__":
    main()
