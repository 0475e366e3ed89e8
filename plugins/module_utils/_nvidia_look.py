# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at what a server has of NVIDIA's driver, for the role that keeps it; changes nothing."""

from __future__ import annotations

import os
import re
from typing import Any

from . import _apt_look as apt
from . import _docker_apt as sources
from . import _docker_users as users
from . import _gpu_bus as bus
from . import _gpu_look as gpu
from . import _nvidia_files as files
from . import _nvidia_packages as names
from ._docker_cli import Docker, DockerError
from ._nvidia_driver import Choice, Wishes, choose, to_bundle
from ._platform import architecture

_PERSISTENCE, _FABRIC = "nvidia-persistenced.service", "nvidia-fabricmanager.service"
_INSTALLER = "usr/bin/nvidia-uninstall"
_KERNELS = ["linux-image-*", "linux-headers-*"]
_NON_FREE = re.compile(r"\bnon-free\b(?!-)")


def at_server(module, wishes: Wishes, docker: Docker) -> dict[str, Any]:
    """Look at everything that the plan and its judges want; a server without a card is asked for nothing else.

    :raises DockerError: an engine is there and does not tell whose servers run.
    """
    cards = bus.of_the_server(gpu.ROOT)
    if not cards or wishes["source"] == "none":
        return {"cards": cards}
    found = {"cards": cards, "switches": bus.switches(gpu.ROOT), **gpu.at_driver(there=True)}
    found |= {"installed_version": found.pop("installed")["installed_version"], "kernel": os.uname().release}
    choice = choose(found, wishes)
    packages, held = apt.known(module, [*choice.packages, *_KERNELS])
    kernels = gpu.ROOT / "lib/modules"
    return {
        **found,
        **at_apt(wishes, choice),
        "packages": packages,
        "held": held,
        "managed": any((gpu.ROOT / path.lstrip("/")).exists() for path in files.OURS),
        "installer": f"/{_INSTALLER}" if (gpu.ROOT / _INSTALLER).exists() else "",
        "kernel_headers": (kernels / found["kernel"] / "build").exists(),
        "kernels_without_module": kernels_without_module(found["driver"]["dkms"]),
        "services": {unit: service(unit) for unit in (_PERSISTENCE, *([_FABRIC] if found["switches"] else []))},
        "user_servers": user_servers(docker),
    }


def at_apt(wishes: Wishes, choice: Choice) -> dict[str, Any]:
    """Compare apt's files, and those by which the module is loaded, with what they shall hold."""
    source = source_for(wishes)
    wanted = files.files(wishes, choice, source)
    drifted = apt.drifted(wanted)
    if files.of_another_address(source, sources.read_sources().get(files.SOURCES, "")):
        drifted += [file for file in wanted if file["content"] is None and file not in drifted]
    # From a bundle the role has no source, so that of somebody else is in nobody's way.
    has_source = wishes["source"] == names.NVIDIA and not wishes["from_bundle"]
    return {
        "files_drifted": drifted,
        "other_sources": apt.naming(source.repository, files.SOURCES) if has_source else [],
        "repository_known": bool(source.repository),
        "mirror_found": bool(source.mirror) or wishes["from_bundle"] or not wants_mirror(wishes),
        "dpkg_interrupted": apt.interrupted(),
    }


def source_for(wishes: Wishes) -> files.Source:
    """Tell where the driver's packages come from, unless from a bundle."""
    release = names.Release(*wishes["release"])
    repository = wishes["repository_url"].rstrip("/") or names.repository(release, architecture())
    mirror = wishes["debian_mirror"] or sources.mirror(sources.read_sources(), wishes["codename"])
    key = wishes["repository_key"] or names.key(release, repository)
    trusted = sources.signed_by(sources.read_sources(), mirror)
    return files.Source(repository, key, mirror if wants_mirror(wishes) else "", trusted)


def for_bundle(module, wishes: Wishes, found: dict[str, Any]) -> dict[str, list[Any]]:
    """Tell what a bundle for servers like this one shall have, and by which of apt's files it is found.

    :param found: by `at_server`.
    """
    if wishes["source"] not in (names.NVIDIA, names.DISTRO) or not (found["cards"] or wishes["branch"]):
        return {"packages": [], "files": []}
    look = {"switches": [], "kernel": os.uname().release, **found}
    look.setdefault("packages", apt.known(module, _KERNELS)[0])
    wanted = files.files({**wishes, "from_bundle": False}, choose(look, wishes), source_for(wishes))
    return {
        "packages": to_bundle(look, wishes),
        "files": [file for file in wanted if file["path"].startswith("/etc/apt/")],
    }


def wants_mirror(wishes: Wishes) -> bool:
    """Tell whether the server lacks a source of Debian's own driver."""
    return wishes["source"] == names.DISTRO and wishes["release"][0] == "Debian" and not has_non_free()


def has_non_free() -> bool:
    """Tell whether the server takes Debian's non-free packages already, by a source that is not the role's."""
    return any(_NON_FREE.search(text) for path, text in sources.read_sources().items() if path != files.SOURCES)


def kernels_without_module(dkms: list[dict[str, str]]) -> list[str]:
    """Name the installed kernels that DKMS has not built the module for, and could; none where it is not DKMS.

    It builds against headers; an old kernel that nobody starts any longer seldom has them.
    """
    if not dkms:
        return []
    built = {entry["kernel"] for entry in dkms if entry["state"] == "installed"}
    kernels = [place.parent.name for place in sorted((gpu.ROOT / "lib/modules").glob("*/build"))]
    return [name for name in kernels if name not in built and (gpu.ROOT / f"boot/vmlinuz-{name}").exists()]


def service(unit: str) -> str:
    """Tell how a daemon of the driver's is: running, now and with the server, stopped, or absent."""
    if not (gpu.ROOT / "run/systemd/system").is_dir():
        return "absent"
    shown = gpu.run(["systemctl", "show", unit, "--property=LoadState,ActiveState,UnitFileState"]).out
    state = dict(re.findall(r"^(\w+)=(.*)$", shown, re.M))
    if state.get("LoadState") != "loaded":
        return "absent"
    # A unit that something else starts, such as a rule of udev's, has no state of its own.
    starts = state.get("UnitFileState") in ("enabled", "static", "indirect", "generated")
    return "running" if state.get("ActiveState") == "active" and starts else "stopped"


def user_servers(docker: Docker) -> list[str]:
    """Name the running containers of the lab's users; none where no engine runs."""
    try:
        return users.user_servers(docker)
    except DockerError as error:
        if error.no_engine:
            return []
        raise
