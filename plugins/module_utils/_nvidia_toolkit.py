# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a server lacks of the NVIDIA Container Toolkit, and what is wrong with its CDI specification. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ._problems import Problem, at_least, error, render, warning

Look = dict[str, Any]
Wishes = dict[str, Any]

#: One version for all of them; apt alone would mix a pinned one with newer ones.
PACKAGES = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)

_OURS = "gpulab-nvidia-container-toolkit"
SOURCES = f"/etc/apt/sources.list.d/{_OURS}.sources"
PREFERENCES = f"/etc/apt/preferences.d/{_OURS}"
KEY = f"/etc/apt/keyrings/{_OURS}.asc"
#: Any of them tells that the toolkit is the role's: they are written before its packages are installed.
OURS = (SOURCES, PREFERENCES, KEY)
#: The specification that the role keeps.
SPECIFICATION = "/etc/cdi/nvidia.yaml"

SITE = "https://nvidia.github.io/libnvidia-container"
_HEAD = "Written by Ansible, role gpulab.jupyterhub.nvidia_container_toolkit."


class Plan(NamedTuple):
    """What a converge has to do; every field empty or false on a server that is as it should be."""

    repair_dpkg: bool = False
    files: Sequence[dict[str, Any]] = ()
    packages: Sequence[str] = ()
    selections: Sequence[dict[str, str]] = ()
    mig: Sequence[dict[str, Any]] = ()
    specification: str = ""

    @property
    def installs(self) -> bool:
        """Whether packages, or what tells apt of them, have to change."""
        return bool(self.repair_dpkg or self.files or self.packages)

    def generates(self, look: Look, is_check: bool) -> bool:
        """Whether to have the specification generated; it follows slices that are made anew.

        A check knows nothing of their UUIDs, and finds no toolkit on a bare server.
        """
        if not (self.specification or self.mig):
            return False
        return not (is_check and (self.mig or not look["version"]))


def files(wishes: Wishes) -> list[dict[str, str | None]]:
    """Return apt's files, with what they shall hold: empty for one that is not to be, None for a key to be fetched."""
    is_bundled, repository = wishes["from_bundle"], wishes["repository_url"].rstrip("/") or f"{SITE}/stable/deb"
    source = f"# {_HEAD}\nTypes: deb\nURIs: {repository}/$(ARCH)/\nSuites: /\nSigned-By: {KEY}\n"
    pin = (
        f"Explanation: {_HEAD}\n"
        "Explanation: nvidia_container_toolkit_version. Below 1000, so that nothing is downgraded.\n"
        f"Package: {' '.join(PACKAGES)}\n"
        f"Pin: version {wishes['version']}*\n"
        "Pin-Priority: 990\n"
    )
    texts = {
        SOURCES: "" if is_bundled else source,
        # Of any version, too: from a bundle, nothing else tells that the toolkit is the role's.
        PREFERENCES: pin if wishes["version"] or is_bundled else "",
        KEY: "" if is_bundled else wishes["repository_key_content"],
    }
    return [{"path": path, "content": text} for path, text in texts.items()]


def to_bundle(cards: Sequence[dict[str, Any]], wishes: Wishes) -> dict[str, list[Any]]:
    """Return what a bundle shall have of the toolkit, in apt's words, and with which files apt finds it.

    :param cards: of the server that fetches it. Without any, a version says that the lab has cards elsewhere.
    """
    if wishes["source"] != "nvidia" or not (cards or wishes["version"]):
        return {"packages": [], "files": []}
    return {"packages": _words(wishes["version"]), "files": files(wishes | {"from_bundle": False})}


def _words(version: str) -> list[str]:
    """Ask apt for all packages at one version."""
    return [f"{name}={version}*" if version else name for name in PACKAGES]


def key(wishes: Wishes) -> str:
    """Return the address of the key of the repository."""
    own = wishes["repository_url"].rstrip("/")
    return wishes["repository_key"] or f"{own or SITE}/gpgkey"


def leaves_alone(look: Look, wishes: Wishes) -> bool:
    """Tell whether the packages are somebody else's business; the specification is kept all the same."""
    if wishes["source"] == "preinstalled":
        return True
    return bool(look["version"] or look["packages"]) and not look["managed"] and wishes["existing"] == "use"


def plan(look: Look, wishes: Wishes) -> Plan:
    """Decide what to do about the toolkit, from one look and the role's settings."""
    if not look["cards"] or wishes["source"] == "none":
        return Plan()
    if leaves_alone(look, wishes):
        return Plan(mig=look["mig"], specification=specification(look))
    versions = {name: look["packages"][name] for name in PACKAGES if name in look["packages"]}
    wanted = wishes["version"] or max(versions.values(), key=_numbers, default="")
    # Any one of them alone would do for apt, and two versions for nobody.
    is_whole = len(versions) == len(PACKAGES) and all(version.startswith(wanted) for version in versions.values())
    selection = "hold" if wishes["hold"] else "install"
    return Plan(
        repair_dpkg=look["dpkg_interrupted"],
        files=look["files_drifted"],
        packages=[] if is_whole else _words(wanted),
        selections=[
            {"name": name, "selection": selection} for name in versions if (name in look["held"]) is not wishes["hold"]
        ],
        mig=look["mig"],
        specification=specification(look),
    )


def specification(look: Look, path: str = SPECIFICATION) -> str:
    """Say why a CDI specification has to be generated; empty where it is right, or there is nothing to name.

    That is so without a driver that tells of GPUs, and on cards in MIG mode until somebody has made slices.
    """
    wanted = to_name(look["gpus"])
    if not wanted or elsewhere(look, path):
        return ""
    kept = [spec for spec in look["specs"] if spec["path"] == path]
    if not kept:
        return "there is none"
    # By UUID: the hub asks by nothing else, and an index is another card's when one dies.
    unnamed = sorted(wanted - {*kept[0]["devices"]})
    reasons = [*look["stale"].get(path, []), *([f"it has no UUID {', '.join(unnamed)}"] if unnamed else [])]
    return kept[0]["error"] or "; ".join(reasons)


def to_name(gpus: Iterable[dict[str, Any]]) -> set[str]:
    """Return the UUIDs that a specification has to name: of slices, and of GPUs that are not in MIG mode."""
    slices = {device["uuid"] for gpu in gpus for device in gpu["mig_devices"] if device["uuid"]}
    return slices | {gpu["uuid"] for gpu in gpus if gpu["mig_mode"] != "enabled"}


def elsewhere(look: Look, path: str = SPECIFICATION) -> list[str]:
    """Name other specifications beside the one that is kept: two that have a device of one name give neither."""
    folder = path.rpartition("/")[0]
    others = [spec["path"] for spec in look["specs"] if spec["path"] != path and spec["kind"] == "nvidia.com/gpu"]
    return [other for other in others if other.rpartition("/")[0] == folder]


# --- What stands in the way -------------------------------------------------------------------------------------------


def problems(look: Look, wishes: Wishes) -> list[Problem]:
    """Judge what is there and what is wished."""
    if not look["cards"] or wishes["source"] == "none":
        return []
    found = [*_gone(look, wishes), *_elsewhere(look), *look["mig_problems"]]
    if not leaves_alone(look, wishes):
        found += [*_newer(look, wishes), *_doubled(look)]
    if wishes["source"] == "preinstalled" and not look["version"]:
        found.append(
            error(
                "toolkit-missing",
                "nvidia_container_toolkit_source",
                "It is preinstalled, and there is no nvidia-ctk on this server.",
                "Install it by hand, or set `nvidia_container_toolkit_source: nvidia` to have it installed.",
            )
        )
    return found


def refusal(found: Iterable[Problem]) -> str:
    """Say in one text what stands in the way; '' if nothing does."""
    errors = at_least("error", found)
    return f"The container toolkit cannot be made ready; nothing was changed.\n\n{render(errors)}" if errors else ""


def _newer(look: Look, wishes: Wishes) -> list[Problem]:
    """Refuse to downgrade."""
    wanted = wishes["version"]
    found = [
        f"{name} {look['packages'][name]}"
        for name in PACKAGES
        if wanted and _numbers(look["packages"].get(name, "0"))[: len(_numbers(wanted))] > _numbers(wanted)
    ]
    if not found:
        return []
    return [
        error(
            "toolkit-newer",
            "nvidia_container_toolkit_version",
            f"{', '.join(found)} is installed, newer than the wanted {wanted}.",
            "Raise or empty `nvidia_container_toolkit_version`; nothing is downgraded by surprise.",
        )
    ]


def _doubled(look: Look) -> list[Problem]:
    """Refuse a second source with another key: apt stops at two keys for one address."""
    if not look["other_sources"]:
        return []
    return [
        error(
            "toolkit-source-doubled",
            path,
            "It names the same repository as the role's own source, and apt takes no two keys for one address.",
            f"Remove it: `rm {path}`.",
        )
        for path in look["other_sources"]
    ]


def _elsewhere(look: Look) -> list[Problem]:
    """Say that somebody keeps a specification of their own, beside which the role's would clash."""
    return [
        warning(
            "cdi-elsewhere",
            other,
            f"It names this server's GPUs, so {SPECIFICATION} is not kept: the engine takes no device that two name.",
            f"Remove it and run this again to have the specification kept: `rm {other}`.",
        )
        for other in elsewhere(look)
    ]


def _gone(look: Look, wishes: Wishes) -> list[Problem]:
    """Name GPUs that somebody shall get and that are not there; nothing while the driver tells of none."""
    slices = {device["uuid"] for gpu in look["gpus"] for device in gpu["mig_devices"]}
    there = {gpu["uuid"] for gpu in look["gpus"]} | slices - {""}
    gone = sorted({*wishes["expected_gpus"]} - there)
    if not gone or not there:
        return []
    return [
        warning(
            "gpu-given-away-gone",
            "hub_config_gpu_access",
            f"{', '.join(gone)} is given to users, and this server has {', '.join(sorted(there))}. Their servers will "
            "not start.",
            "Mend the UUID there (`nvidia-smi -L` tells them), or see why the card is gone: ./run.sh doctor.",
        )
    ]


def _numbers(version: str) -> tuple[int, ...]:
    """Turn `1.17.8-1` into (1, 17, 8)."""
    return tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdigit())
