# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle tells of the packages that a role wants on a release: in which archive they lie, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from ._bundle import AGAIN, Bundle, BundleError


class Role(NamedTuple):
    """What a role's packages are, in words, and which settings decide what of them is bundled."""

    what: str
    settings: str


ROLES = {
    "docker_engine": Role("the engine", "docker_engine_version"),
    "nvidia_driver": Role("the driver", "nvidia_driver_branch and nvidia_driver_bundle_packages"),
    "nvidia_container_toolkit": Role("the container toolkit", "nvidia_container_toolkit_version"),
}


def key(release: str, role: str) -> str:
    """Return the name that a role's packages for a release have in a bundle."""
    return f"{release}/{role}"


def file_name(release: str, role: str) -> str:
    """Return where they lie in it."""
    return f"packages/{release}-{role.replace('_', '-')}.tar"


def absent(versions: dict[str, str], wanted: Iterable[str]) -> list[str]:
    """Return what of the wanted packages is not among these, or only in another version.

    :param versions: of the packages that are there, by name.
    :param wanted: in apt's words, C(name) or C(name=version*).
    """
    parts = ((words, *words.partition("=")[::2]) for words in wanted)
    return [words for words, name, pin in parts if not fnmatchcase(versions.get(name, ""), pin or "?*")]


def whole(bundle: Bundle, release: str, role: str, wanted: Iterable[str]) -> bool:
    """Tell whether a bundle has a role's packages for a release, undamaged."""
    held = bundle.packages.get(key(release, role))
    if not held or absent(held["versions"], wanted):
        return False
    try:
        return bundle.checked(held["file"]).exists()
    except BundleError:
        return False


def lacking(bundle: Bundle, release: str, role: str, wanted: Iterable[str]) -> str:
    """Say what of the packages that a role wants on a server a bundle lacks; nothing if it has all."""
    wanted, held = list(wanted), bundle.packages.get(key(release, role))
    missing = absent(held["versions"], wanted) if held else wanted
    if not missing:
        return ""
    if held:
        names = [words.partition("=")[0] for words in missing]
        has = ", ".join(f"{name} {held['versions'][name]}" for name in names if name in held["versions"])
        why = f"has no {', '.join(missing)} for {release}" + (f", but {has}" if has else "")
    else:
        others = ", ".join(sorted(name.partition("/")[0] for name in bundle.packages if name.endswith(f"/{role}")))
        why = (
            f"has packages of {ROLES[role].what} for {others or 'no release'}, and this server is {release}, which "
            f"needs {', '.join(missing)}"
        )
    return (
        f"lab_bundle: the bundle {bundle.path} {why}; nothing was changed.\n"
        f"Add them to it, by a host of the inventory that is {release} too, with the same {ROLES[role].settings}: "
        f"{AGAIN}.\n"
        f"Or install {ROLES[role].what} yourself, or from a mirror that the server reaches: {role}_bundle: ''."
    )
