# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Which images a lab wants, which of them must be made, and which of the project's images it has no use for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._image_digest import Entry, digest, read_context

LABEL = "org.gpulab.jupyterhub"
DIGEST_LABEL = f"{LABEL}.digest"

#: The option C(bootstrap) of an image, wherever images are described.
BOOTSTRAP_OPTION: dict[str, Any] = {
    "type": "dict",
    "options": {
        "suite": {"type": "str", "required": True},
        "packages": {"type": "list", "elements": "str", "required": True},
        "mirror": {"type": "str", "default": ""},
    },
}


@dataclass(frozen=True)
class Wanted:
    """An image with all that decides its tag.

    `below` is the full reference of the image that it is made from, or empty; `inner` tells that `below` is one of
    the images wanted here, and not one that a registry has.
    """

    name: str
    what: str
    kind: str
    tag: str
    below: str = ""
    inner: bool = False
    aliases: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    refresh: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """Name and tag."""
        return f"{self.name}:{self.tag}"

    @property
    def short(self) -> str:
        """The last part of the name: what people and log files call the image."""
        return self.name.rpartition("/")[2]


def resolve(images: Iterable[Mapping[str, Any]], refresh: str = "") -> list[Wanted]:
    """Return the images of a task, lowest first, with their tags.

    :param images: as the option O(images) of the action has them.
    :param refresh: any text; another one gives other tags to all.
    :raises OSError: if a build context cannot be read.
    """
    wanted: dict[str, Wanted] = {}
    for image in images:
        kind = next(kind for kind in ("context", "bootstrap", "archive") if image.get(kind))
        lower = wanted.get(image.get("base") or "")
        below = lower.ref if lower else image.get("base") or ""
        entries = _entries(image) if kind == "context" else []
        settings = {"build_args": dict(image.get("build_args") or {})} if kind == "context" else dict(image[kind])
        more = dict(image.get("inputs") or {})
        inputs = {"kind": kind, "below": below, "refresh": refresh, "more": more}
        wanted[image["name"]] = Wanted(
            name=image["name"],
            what=image["what"],
            kind=kind,
            tag=digest(entries, inputs | _without_place(settings)),
            below=below,
            inner=lower is not None,
            aliases=tuple(image.get("aliases") or ()),
            entries=tuple(entries),
            settings=settings,
            refresh=refresh,
            inputs=more,
        )
    return list(wanted.values())


def _entries(image: Mapping[str, Any]) -> list[Entry]:
    return read_context(Path(image["context"]), image.get("files"))


def _without_place(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out where an archive lies: it is its content that counts."""
    return {name: value for name, value in settings.items() if name != "path"}


def to_make(wanted: list[Wanted], missing: Iterable[str]) -> list[Wanted]:
    """Return what must be made, in order.

    An image that others are made from is wanted for their sake only: it may be missing as long as they are there.
    """
    missing = set(missing)
    lower = {image.below for image in wanted if image.inner}
    needed: set[str] = set()
    for image in reversed(wanted):
        if image.ref in missing and (image.ref not in lower or image.ref in needed):
            needed |= {image.ref, image.below}
    return [image for image in wanted if image.ref in needed and image.ref in missing]


def to_load(wanted: list[Wanted], missing: Iterable[str]) -> list[Wanted]:
    """Return what must be loaded where nothing is made: an image brings along what it was made from."""
    missing = set(missing)
    return [image for image in tops(wanted) if image.ref in missing]


def tops(wanted: list[Wanted]) -> list[Wanted]:
    """Return the images that no other one is made from: those that containers run."""
    lower = {image.below for image in wanted if image.inner}
    return [image for image in wanted if image.ref not in lower]


def superseded(present: Iterable[Mapping[str, Any]], keep: Iterable[str], used: Iterable[str]) -> list[str]:
    """Return the references to remove: images of the project that are neither wanted nor used by a container.

    Labels are inherited, so an image that somebody made from one of ours carries ours too; what tells ours is
    that its tag is the digest in its label.

    :param present: `docker image inspect` of each image with the project's label.
    :param keep: references that are wanted.
    :param used: what containers were made from: references or ids.
    """
    keep, used = set(keep), set(used)
    remove = []
    for image in present:
        refs = image.get("RepoTags") or []
        if (used | keep).intersection({image["Id"], *refs}):
            continue
        made_as = (image["Config"].get("Labels") or {}).get(DIGEST_LABEL, "")
        for own in (ref for ref in refs if ref.rpartition(":")[2] == made_as):
            remove += [own, *(ref for ref in refs if ref == f"{own.rpartition(':')[0]}:latest")]
    return sorted(remove)


def pip_config(index_url: str, extra_index_urls: Iterable[str]) -> str:
    """Return the pip configuration that a build sees, and the image does not."""
    extra = "".join(f"\n    {url}" for url in extra_index_urls)
    lines = [f"index-url = {index_url}"] if index_url else []
    lines += [f"extra-index-url ={extra}"] if extra else []
    return "".join(f"{line}\n" for line in ["[global]", *lines])


def npm_config(registry: str) -> str:
    """Return the npm configuration that a build sees, and the image does not."""
    return f"registry={registry}\n" if registry else ""
