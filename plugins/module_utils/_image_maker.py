# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes an image on a server: runs the commands of C(_image_make) as a job that can be watched."""

from __future__ import annotations

import contextlib
import http.client
import os
import tarfile
from pathlib import Path
from typing import Any

from ansible.module_utils.urls import open_url

from . import _image_make as make
from ._buildlog import BootstrapLog, BuildLog
from ._docker_cli import Docker, DockerError
from ._image_digest import Entry, file_sha256, pack
from ._image_failure import wrong_digest
from ._image_job import Job

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
        elif self._params["bundled"]:
            self._load_bundled(**self._params["bundled"])
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
        archive, origin = self._fetch(path) if "://" in path else Path(path), make.shown(origin)
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
                    self._job.say(f"downloading {make.shown(url)}, {file.tell() >> 20} MB")
        except (OSError, http.client.HTTPException) as error:
            raise MakeError(f"the download of {make.shown(url)}", [str(error)]) from error
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
        except MakeError:
            # Why it failed is what matters: what fails here as well would take the place of that.
            with contextlib.suppress(DockerError):
                self._give_back(passing, before)
            raise
        self._give_back(passing, before)

    def _give_back(self, passing: str, before: dict[str, str]) -> None:
        """Remove a passing name, and let other names mean what they meant before."""
        self._docker.ask("image", "rm", passing)
        for name, owner in before.items():
            self._docker.ask("image", *(("tag", owner, name) if owner else ("rm", name)))

    def _load_bundled(self, path: str, sha256: str, origin: str) -> None:
        """Load what an archive of a bundle holds; whether that is what was meant, a look at all images tells."""
        if file_sha256(Path(path)) != sha256:
            raise MakeError("", [], f"{origin} arrived damaged on the server. Run the same command again.")
        self._run(make.docker("image", "load", "--input", path), BootstrapLog())

    def _run(self, argv: list[str], story: BuildLog | BootstrapLog, stdin: Path | None = None) -> None:
        try:
            code = self._job.run(argv, story, self._proxies, stdin)
        except FileNotFoundError as error:
            raise MakeError("", [f"{argv[0]}: command not found"]) from error
        if code != 0:
            raise MakeError(story.failed_step, story.last_lines(_LAST_LINES))
