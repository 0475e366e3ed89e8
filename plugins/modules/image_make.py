#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Make one image on a server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_make
short_description: Make one image on a server
version_added: 0.1.0
description:
  - Builds an image of a packed build context, bootstraps one out of Debian's own packages, makes one of an archive, or
    loads a finished one from a bundle. M(gpulab.jupyterhub.image_build) decides which, and runs this in the background.
  - The image gets its name last, so that a run that is interrupted leaves none.
  - Two runs for the same image wait for each other. A run that nobody watches any more stops.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Reports a change and makes nothing.
    support: full
  diff_mode:
    description: M(gpulab.jupyterhub.image_build) shows the difference.
    support: none
options:
  ref:
    description: Name and tag of the image. An image of this name and tag is taken for what is wanted.
    type: str
    required: true
  folder:
    description: Directory on the server for the log and the temporary files.
    type: path
    required: true
  short:
    description: Name of the log, without C(.log).
    type: str
    required: true
  labels:
    description: Labels of the image.
    type: dict
    default: {}
  context:
    description: Packed build context, a tar archive on the server.
    type: path
  bootstrap:
    description: What to bootstrap.
    type: dict
    suboptions:
      suite: {description: Code name of a Debian release., type: str, required: true}
      packages: {description: Packages beyond the essential ones., type: list, elements: str, required: true}
      mirror: {description: Address of a Debian mirror; empty for the tool's own choice., type: str, default: ''}
  archive:
    description: An archive of C(docker save), or of a root file system.
    type: dict
    suboptions:
      path: {description: File on the server or address to download it from., type: str, required: true}
      sha256: {description: Its SHA-256 in hexadecimal digits., type: str, required: true}
      origin: {description: How the archive is called in messages., type: str, required: true}
  bundled:
    description: An archive with the finished image, maybe among others, of M(gpulab.jupyterhub.image_save).
    type: dict
    suboptions:
      path: {description: File on the server., type: str, required: true}
      sha256: {description: Its SHA-256 in hexadecimal digits., type: str, required: true}
      origin: {description: How the file is called in messages., type: str, required: true}
  build_args:
    description: Arguments of the build.
    type: dict
    default: {}
  pull:
    description: Whether to ask the registry for a newer image to build on.
    type: bool
    default: false
  extra_ca:
    description: Certificates in PEM form that the build trusts besides those that the server trusts.
    type: list
    elements: str
    default: []
  http_proxy:
    description: Proxy for plain HTTP; seen while building, not kept in the image.
    type: str
    default: ''
  https_proxy:
    description: Proxy for HTTPS; seen while building, not kept in the image.
    type: str
    default: ''
  no_proxy:
    description: Hosts that are reached without a proxy.
    type: str
    default: ''
  pip_config:
    description: pip's configuration file; seen while building, not kept in the image.
    type: str
    default: ''
  npm_config:
    description: npm's configuration file; seen while building, not kept in the image.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Bootstrap a Debian
  gpulab.jupyterhub.image_make:
    ref: gpulab/debian:4f0c1b2a3d4e
    short: debian
    folder: /srv/jupyterhub/build
    bootstrap:
      suite: trixie
      packages: [python3, ca-certificates]
"""

RETURN = r"""
log:
  description: Path of the log on the server.
  returned: always
  type: str
step:
  description: The step that failed, in words.
  returned: failure
  type: str
lines:
  description: The last lines that the failed step printed.
  returned: failure
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._docker_cli import Docker, DockerError
from ..module_utils._image_failure import message
from ..module_utils._image_job import Abandoned, Job
from ..module_utils._image_make import labelled_id
from ..module_utils._image_maker import MakeError, Maker
from ..module_utils._image_plan import BOOTSTRAP_OPTION


def make(params: dict[str, Any]) -> bool:
    """Make the image, unless another run has made it meanwhile; return whether it was made here.

    :raises MakeError: it cannot be made.
    :raises DockerError: the engine refuses.
    :raises Abandoned: nobody waits for it any more.
    :raises OSError: a file cannot be written.
    """
    job = Job(Path(params["folder"]), params["short"])
    with job.alone() as temporary:
        if labelled_id(Docker(), params["ref"], params["labels"]):
            return False
        Maker(params, job, temporary).make()
    return True


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True, required_one_of=[_SOURCES], mutually_exclusive=[_SOURCES])
    params = module.params
    if module.check_mode:
        module.exit_json(changed=True)
    log = str(Path(params["folder"], f"{params['short']}.log"))
    result: dict[str, Any] = {"log": log}
    try:
        module.exit_json(changed=make(params), **result)
    except MakeError as error:
        result |= {"step": error.step, "lines": error.lines}
        result["msg"] = error.text or message(params["ref"], error.step, error.lines, log)
    except (DockerError, Abandoned, OSError) as error:
        result["msg"] = message(params["ref"], "", [str(error)], log)
    module.fail_json(**result)


_SOURCES = ["context", "bootstrap", "archive", "bundled"]
_FILE: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "sha256": {"type": "str", "required": True},
    "origin": {"type": "str", "required": True},
}
_SPEC: dict[str, Any] = {
    "ref": {"type": "str", "required": True},
    "folder": {"type": "path", "required": True},
    "short": {"type": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
    "context": {"type": "path"},
    "bootstrap": BOOTSTRAP_OPTION,
    "archive": {"type": "dict", "options": _FILE},
    "bundled": {"type": "dict", "options": _FILE},
    "build_args": {"type": "dict", "default": {}},
    "pull": {"type": "bool", "default": False},
    "extra_ca": {"type": "list", "elements": "str", "default": []},
    "http_proxy": {"type": "str", "default": "", "no_log": True},
    "https_proxy": {"type": "str", "default": "", "no_log": True},
    "no_proxy": {"type": "str", "default": ""},
    "pip_config": {"type": "str", "default": "", "no_log": True},
    "npm_config": {"type": "str", "default": "", "no_log": True},
}


if __name__ == "__main__":
    main()
