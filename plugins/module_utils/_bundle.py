# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A bundle: a directory with all that servers without a way out need, which is carried to them.

C(manifest.json) says what processors it is for, which image lies in which archive of C(images/), and from what it was
made: the name of each setting and file, with a digest of its value, as values may hold passwords. C(SHA256SUMS) holds
the digests of all files, the manifest's too, in the form that `sha256sum --check` reads.

Images that are saved together share an archive, and so the layers that they have in common. C(packages/) has a tar
archive for each release of a distribution and each role: its packages with all that they depend on, and their index.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._image_digest import file_sha256

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
FORMAT = 3
#: How a bundle is made, for messages.
AGAIN = "./run.sh bundle -i INVENTORY -e lab_bundle=DIRECTORY, where there is a way out"


class BundleError(Exception):
    """A bundle is not what it should be; the text says what mends it."""


@dataclass
class Bundle:
    """What a bundle holds.

    `architecture` is that of the servers that it is for; `images` has file and ingredients of each image, by its
    reference; `packages` file and versions of each role's packages for a release, by both names; `sums` the SHA-256 of
    each file, by its path within the bundle.
    """

    path: Path
    architecture: str = ""
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)

    def archives(self, refs: Iterable[str]) -> dict[str, list[str]]:
        """Return the archives that images lie in, and which of them each has."""
        found: dict[str, list[str]] = {}
        for ref in refs:
            found.setdefault(self.images[ref]["file"], []).append(ref)
        return found

    def checked(self, name: str) -> Path:
        """Return where a file of the bundle lies, after its content was compared with its digest.

        :param name: its path within the bundle.
        :raises BundleError: if it is not the file that was put there.
        """
        path, expected = self.path / name, self.sums.get(name, "")
        found = file_sha256(path) if path.is_file() else "nothing: there is no such file"
        if not expected or found != expected:
            raise BundleError(
                f"lab_bundle: {path} is not the file that was bundled; nothing was changed.\n"
                f"  {SUMS} says {expected or 'nothing of it'}\n"
                f"  the file is     {found}\n"
                f"Copy the bundle again (`sha256sum --check {SUMS}` in it tells which files are whole), or make it "
                f"anew: {AGAIN}."
            )
        return path

    def whole(self) -> set[str]:
        """Return the references of the images whose archives are there, undamaged."""
        refs: set[str] = set()
        for name, held in self.archives(self.images).items():
            with contextlib.suppress(BundleError):
                self.checked(name)
                refs |= set(held)
        return refs

    def add_for(self, architecture: str) -> None:
        """Take what is made on a server of an architecture: the first decides, as nothing in a bundle tells them apart.

        :raises BundleError: if it is another one.
        """
        self.architecture = self.architecture or architecture
        self.meant_for(architecture)

    def meant_for(self, architecture: str) -> None:
        """Refuse servers of another architecture than the bundle's.

        :raises BundleError: then.
        """
        if self.architecture != architecture:
            raise BundleError(
                f"lab_bundle: the bundle {self.path} is for processors of the architecture {self.architecture}, and "
                f"this server's is {architecture}; nothing was changed. Set lab_bundle to another directory for "
                f"servers like this one, and make that bundle on one of them: {AGAIN}."
            )


def read(path: Path) -> Bundle:
    """Return the bundle in a directory.

    :raises BundleError: if there is none, or if it is damaged.
    """
    try:
        lines = (path / SUMS).read_text("utf-8").splitlines()
        manifest = json.loads((path / MANIFEST).read_text("utf-8"))
        if manifest["format"] != FORMAT:
            raise BundleError(
                f"lab_bundle: the bundle {path} has format {manifest['format']}; this release reads {FORMAT}. "
                f"Make it anew with this release: {AGAIN}."
            )
        sums = {name: digest for digest, name in map(str.split, lines)}
        held = {name: dict(manifest[name]) for name in ("images", "packages")}
        bundle = Bundle(path, manifest["architecture"], sums=sums, **held)
    except FileNotFoundError as error:
        raise BundleError(f"lab_bundle: there is no {error.filename}, so no bundle. Make one: {AGAIN}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"lab_bundle: the bundle {path} is damaged: {error}. Make it anew: {AGAIN}.") from error
    bundle.checked(MANIFEST)
    return bundle


def opened(given: str) -> Bundle:
    """Return the bundle in a directory to add to it, or an empty one; a damaged one is made anew.

    :raises BundleError: if the directory holds something else, or is not named by an absolute path.
    """
    path = Path(given)
    if not path.is_absolute():
        raise BundleError(
            "Name the directory of the bundle, on the machine that runs Ansible: -e lab_bundle=/media/bundle. "
            f"({given!r} is no absolute path.)"
        )
    there = {entry.name for entry in path.iterdir()} if path.exists() else set()
    if there and not there & {MANIFEST, SUMS, "images", "packages"}:
        raise BundleError(f"lab_bundle: {path} holds other files, and no bundle. Name an empty or a new directory.")
    try:
        return read(path)
    except BundleError:
        return Bundle(path)


def write(bundle: Bundle) -> None:
    """Write what a bundle holds into its directory, the digests last: until then it counts as damaged."""
    manifest = bundle.path / MANIFEST
    held = {"images": bundle.images, "packages": bundle.packages}
    holds = {"format": FORMAT, "architecture": bundle.architecture, **held}
    manifest.write_text(json.dumps(holds, indent=2, sort_keys=True) + "\n")
    bundle.sums[MANIFEST] = file_sha256(manifest)
    kept = {MANIFEST, *(one["file"] for kind in held.values() for one in kind.values())}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(bundle.sums.items()) if name in kept]
    (bundle.path / SUMS).write_text("".join(lines))
