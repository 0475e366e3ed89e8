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
  - Builds an image of a packed build context, bootstraps one out of Debian's own packages, or loads one from an
    archive. M(gpulab.jupyterhub.image_build) decides which, and runs this in the background.
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
      path: {description: File on the server, or address to download it from., type: str, required: true}
      sha256: {description: Its SHA-256 in hexadecimal digits., type: str, required: true}
      origin: {description: How the archive is called in messages., type: str, required: true}
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

import os
import tarfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ..module_utils import _image_make as make
from ..module_utils._buildlog import BootstrapLog, BuildLog
from ..module_utils._docker_cli import Docker, DockerError
from ..module_utils._image_digest import Entry, file_sha256, pack
from ..module_utils._image_failure import message, wrong_digest
from ..module_utils._image_job import Abandoned, Job

_LAST_LINES = 20


class MakeError(RuntimeError):
    """An image could not be made; *step* and *lines* say where and what was printed last."""

    def __init__(self, step: str, lines: list[str], text: str = "") -> None:
        super().__init__(text or step)
        self.step, self.lines, self.text = step, lines, text


class Maker:
    """Makes the image that a module's parameters describe.

    :param temporary: directory for what is needed only meanwhile.
    """

    def __init__(self, params: dict[str, Any], job: Job, temporary: Path) -> None:
        self._params, self._job, self._temporary = params, job, temporary
        self._docker = Docker()
        self._proxies = make.proxy_environment({n: params[f"{n}_proxy"] for n in ("http", "https", "no")})

    def make(self) -> None:
        """Make it.

        :raises MakeError: if that fails.
        :raises DockerError: if the engine refuses.
        """
        self._job.log.write_text("")
        if self._params["bootstrap"]:
            self._bootstrap(**self._params["bootstrap"])
        elif self._params["archive"]:
            self._load(**self._params["archive"])
        else:
            self._build(Path(self._params["context"]), self._params["build_args"])

    def _build(self, context: Path, build_args: dict[str, str]) -> None:
        words = make.build(
            self._params["ref"],
            self._params["labels"],
            build_args,
            {name: self._secret(name) for name in ("ca", "pip", "npm")},
            self._proxies,
            self._params["pull"],
        )
        self._run(make.docker(*words), BuildLog(), context)

    def _secret(self, name: str) -> Path:
        """Write what a build may ask for where only root reads it."""
        text = make.trusted(self._params["extra_ca"]) if name == "ca" else self._params[f"{name}_config"]
        path = self._temporary / name
        path.write_text(text)
        return path

    def _bootstrap(self, suite: str, packages: list[str], mirror: str) -> None:
        tar = self._temporary / "base.tar"
        self._run(make.bootstrap(suite, packages, mirror, self._secret("ca"), tar), BootstrapLog())
        self._adopt(tar)

    def _adopt(self, tar: Path) -> None:
        words = make.adopt(self._params["ref"], self._params["labels"], tar)
        self._run(make.docker(*words), BootstrapLog())

    def _load(self, path: str, sha256: str, origin: str) -> None:
        archive = self._fetch(path) if "://" in path else Path(path)
        found = file_sha256(archive)
        if found != sha256.lower():
            raise MakeError("", [], wrong_digest(origin, sha256, found))
        try:
            names = make.saved_names(archive)
        except tarfile.TarError as error:
            raise MakeError("", [], f"hub_images_base_archive: {origin} is no tar archive: {error}") from error
        if names is None:
            self._adopt(archive)
        else:
            self._load_saved(archive, names)

    def _fetch(self, url: str) -> Path:
        target = self._temporary / "archive"
        os.environ.update(self._proxies)
        try:
            with open_url(url, ca_path=str(self._secret("ca")), timeout=60) as source, target.open("wb") as file:
                while chunk := source.read(1 << 20):
                    file.write(chunk)
                    self._job.say(f"downloading {url}, {file.tell() >> 20} MB")
        except OSError as error:
            raise MakeError(f"the download of {url}", [str(error)]) from error
        return target

    def _load_saved(self, archive: Path, names: list[str]) -> None:
        """Load it, label it, and give the names in it back to what had them before."""
        before = {name: make.labelled_id(self._docker, name) for name in names}
        story = BootstrapLog()
        self._run(make.docker("image", "load", "--input", str(archive)), story)
        loaded = names[0] if names else story.last_lines(1)[0].split()[-1]
        passing = f"{self._params['ref']}-loaded"
        self._docker.ask("image", "tag", loaded, passing)
        context = self._temporary / "context.tar"
        context.write_bytes(pack([Entry("Dockerfile", False, f"FROM {passing}\n".encode())]))
        try:
            self._build(context, {})
        finally:
            self._docker.ask("image", "rm", passing)
            for name, owner in before.items():
                self._docker.ask("image", *(("tag", owner, name) if owner else ("rm", name)))

    def _run(self, argv: list[str], story: BuildLog | BootstrapLog, stdin: Path | None = None) -> None:
        try:
            code = self._job.run(argv, story, self._proxies, stdin)
        except FileNotFoundError as error:
            raise MakeError("", [f"{argv[0]}: command not found"]) from error
        if code != 0:
            raise MakeError(story.failed_step, story.last_lines(_LAST_LINES))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(_SPEC, supports_check_mode=True, required_one_of=[_SOURCES], mutually_exclusive=[_SOURCES])
    params = module.params
    if module.check_mode:
        module.exit_json(changed=True)
    job = Job(Path(params["folder"]), params["short"])
    result: dict[str, Any] = {"log": str(job.log)}
    with job.alone() as temporary:
        try:
            if make.labelled_id(Docker(), params["ref"], params["labels"]):
                module.exit_json(changed=False, **result)
            Maker(params, job, temporary).make()
        except MakeError as error:
            result |= {"step": error.step, "lines": error.lines}
            msg = error.text or message(params["ref"], error.step, error.lines, str(job.log))
        except (DockerError, Abandoned) as error:
            msg = message(params["ref"], "", [str(error)], str(job.log))
        else:
            module.exit_json(changed=True, **result)
    module.fail_json(msg=msg, **result)


_SOURCES = ["context", "bootstrap", "archive"]
_SPEC: dict[str, Any] = {
    "ref": {"type": "str", "required": True},
    "folder": {"type": "path", "required": True},
    "short": {"type": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
    "context": {"type": "path"},
    "bootstrap": {
        "type": "dict",
        "options": {
            "suite": {"type": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "mirror": {"type": "str", "default": ""},
        },
    },
    "archive": {
        "type": "dict",
        "options": {
            "path": {"type": "str", "required": True},
            "sha256": {"type": "str", "required": True},
            "origin": {"type": "str", "required": True},
        },
    },
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
