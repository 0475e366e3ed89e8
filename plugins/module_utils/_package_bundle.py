# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle tells of a release's packages: in which archive they lie, and whether it has those that are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from ._bundle import AGAIN, Bundle, BundleError


def file_name(release: str) -> str:
    """Return where the packages of a release lie in a bundle."""
    return f"packages/{release}.tar"


def absent(versions: dict[str, str], wanted: Iterable[str]) -> list[str]:
    """Return what of the wanted packages is not among these, or only in another version.

    :param versions: of the packages that are there, by name.
    :param wanted: in apt's words, C(name) or C(name=version*).
    """
    parts = ((words, *words.partition("=")[::2]) for words in wanted)
    return [words for words, name, pin in parts if not fnmatchcase(versions.get(name, ""), pin or "?*")]


def whole(bundle: Bundle, release: str, wanted: Iterable[str]) -> bool:
    """Tell whether a bundle has the packages of a release, undamaged."""
    held = bundle.packages.get(release)
    if not held or absent(held["versions"], wanted):
        return False
    try:
        return bundle.checked(held["file"]).exists()
    except BundleError:
        return False


def lacking(bundle: Bundle, release: str, wanted: Iterable[str]) -> str:
    """Say what of the packages that a server needs a bundle lacks; nothing if it has all."""
    wanted, held = list(wanted), bundle.packages.get(release)
    missing = absent(held["versions"], wanted) if held else wanted
    if not missing:
        return ""
    if held:
        names = [words.partition("=")[0] for words in missing]
        has = ", ".join(f"{name} {held['versions'][name]}" for name in names if name in held["versions"])
        why = f"has no {', '.join(missing)} for {release}" + (f", but {has}" if has else "")
    else:
        others = ", ".join(sorted(bundle.packages)) or "no release"
        why = f"has packages for {others}, and this server is {release}, which needs {', '.join(missing)}"
    return (
        f"lab_bundle: the bundle {bundle.path} {why}; nothing was changed.\n"
        f"Add them to it, by a host of the inventory that is {release} too, with the same docker_engine_version: "
        f"{AGAIN}.\n"
        "Or install the engine yourself, or from a mirror that the server reaches: docker_engine_bundle: ''."
    )
