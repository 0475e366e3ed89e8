# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A bundle: a directory with all that servers without a way out need, which is carried to them.

C(manifest.json) says what processors it is for, which image lies in which archive of C(images/), and from what it was
made: the name of each setting and file, with a digest of its value, as values may hold passwords. C(SHA256SUMS) holds
the digests of all files, the manifest's too, in the form that `sha256sum --check` reads.

Images that are saved together share an archive, and so the layers that they have in common.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._image_digest import file_sha256
from ._image_plan import Wanted

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
FORMAT = 2
#: How a bundle is made, for messages.
AGAIN = "./run.sh bundle -i INVENTORY -e lab_bundle=DIRECTORY, where there is a way out"

# What people set, by the name of the file or of the input that it becomes.
_FILES = {
    "user-packages.txt": "hub_images_user_packages",
    "apt-packages.txt": "hub_images_user_apt_packages",
}
_INPUTS = {
    "refresh": "hub_images_refresh",
    "index": "hub_images_pip_index_url",
    "more": "hub_images_pip_extra_index_urls",
    "mirror": "hub_images_base_mirror",
    "sha256": "hub_images_base_archive_sha256",
}


class BundleError(Exception):
    """A bundle is not what it should be; the text says what mends it."""


@dataclass
class Bundle:
    """What a bundle holds.

    `architecture` is that of the servers that it is for; `images` has file and ingredients of each image, by its
    reference; `sums` the SHA-256 of each file, by its path within the bundle.
    """

    path: Path
    architecture: str = ""
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
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
        bundle = Bundle(path, manifest["architecture"], dict(manifest["images"]), sums)
    except FileNotFoundError as error:
        raise BundleError(f"lab_bundle: there is no {error.filename}, so no bundle. Make one: {AGAIN}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"lab_bundle: the bundle {path} is damaged: {error}. Make it anew: {AGAIN}.") from error
    bundle.checked(MANIFEST)
    return bundle


def write(bundle: Bundle) -> None:
    """Write what a bundle holds into its directory, the digests last: until then it counts as damaged."""
    manifest = bundle.path / MANIFEST
    holds = {"format": FORMAT, "architecture": bundle.architecture, "images": bundle.images}
    manifest.write_text(json.dumps(holds, indent=2, sort_keys=True) + "\n")
    bundle.sums[MANIFEST] = file_sha256(manifest)
    kept = {MANIFEST, *(image["file"] for image in bundle.images.values())}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(bundle.sums.items()) if name in kept]
    (bundle.path / SUMS).write_text("".join(lines))


def file_name(images: Iterable[Wanted]) -> str:
    """Return where images that are saved together lie in a bundle."""
    images = list(images)
    digest = hashlib.sha256(" ".join(sorted(image.ref for image in images)).encode()).hexdigest()
    return f"images/{'-'.join(image.short for image in images)}-{digest[:12]}.tar.gz"


def made_of(image: Wanted, wanted: Iterable[Wanted]) -> dict[str, str]:
    """Return a digest of each setting and file that decides an image and what is below it, by a name that people know.

    :param wanted: all images, that one among them.
    """
    by_ref = {one.ref: one for one in wanted}
    parts: dict[str, Any] = {}
    at: Wanted | None = image
    while at:
        parts |= _own(at)
        below = by_ref.get(at.below) if at.inner else None
        if not below:
            parts |= _lowest(at)
        at = below
    return {name: hashlib.sha256(value.encode()).hexdigest()[:12] for name, value in parts.items()}


def _own(image: Wanted) -> dict[str, str]:
    """Return what decides an image by itself, as text, by name."""
    given = {"refresh": image.refresh, **image.inputs, **image.settings}
    given |= {name.lower(): value for name, value in given.pop("build_args", {}).items()}
    given.pop("path", None)
    parts = {_INPUTS.get(name, f"{image.short}: {name}"): json.dumps(value) for name, value in given.items()}
    for entry in image.entries:
        value = f"{entry.executable} {hashlib.sha256(entry.content).hexdigest()}"
        parts[_FILES.get(entry.path, f"{image.short}/{entry.path}")] = value
    return parts


def _lowest(image: Wanted) -> dict[str, str]:
    """Return what the lowest of the project's images is made from, as text, by the settings that choose it."""
    source = "registry" if image.below else image.kind
    return {"hub_images_base_source": source} | ({"hub_images_base_image": image.below} if image.below else {})


def lacking(bundle: Bundle, refs: Iterable[Wanted], wanted: Iterable[Wanted]) -> str:
    """Say which images a bundle lacks and by what its own differ from them; nothing if it has all.

    :param refs: the images that are needed.
    :param wanted: all images of the inventory.
    """
    wanted = list(wanted)
    lines = [f"  {image.ref}: {_difference(bundle, image, wanted)}" for image in refs if image.ref not in bundle.images]
    if not lines:
        return ""
    return "\n".join(
        [
            f"lab_bundle: the bundle {bundle.path} lacks images that this inventory wants; nothing was changed.",
            *lines,
            f"Take the settings and the release that it was made with, or make it anew with these: {AGAIN}.",
        ]
    )


def _difference(bundle: Bundle, image: Wanted, wanted: Iterable[Wanted]) -> str:
    own = made_of(image, wanted)
    others = [set(own.items()) ^ set(found["made_of"].items()) for ref, found in _named(bundle, image.name)]
    if not others:
        setting = " (hub_images_user_image names it)" if image.what == "singleuser" else ""
        return f"the bundle has no image of that name{setting}."
    names = sorted({name for name, _digest in min(others, key=len)})
    settings = [name for name in names if name.startswith("hub_images_")]
    files = [name for name in names if name not in settings]
    words = [f"the bundle's was made with other {', '.join(settings)}"] if settings else []
    if files:
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        words.append(f"another release of this collection made the bundle's ({', '.join(files[:3])}{more})")
    return "; ".join(words) + "."


def _named(bundle: Bundle, name: str) -> list[tuple[str, Mapping[str, Any]]]:
    return [(ref, found) for ref, found in bundle.images.items() if ref.rpartition(":")[0] == name]
