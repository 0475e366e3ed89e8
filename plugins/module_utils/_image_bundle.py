# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle tells of its images: in which archive each lies, what it was made of, and what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ._bundle import AGAIN, Bundle
from ._image_plan import Wanted

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
