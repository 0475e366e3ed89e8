# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The files by which a server's driver comes from the right source, stays as it is, and is loaded. Pure."""

from __future__ import annotations

from typing import NamedTuple

from . import _nvidia_packages as names
from ._nvidia_driver import Choice, Wishes

_OURS = "gpulab-nvidia-driver"
SOURCES = f"/etc/apt/sources.list.d/{_OURS}.sources"
PREFERENCES = f"/etc/apt/preferences.d/{_OURS}"
KEY = f"/etc/apt/keyrings/{_OURS}.asc"
UNATTENDED = f"/etc/apt/apt.conf.d/52{_OURS}"
LOAD = f"/etc/modules-load.d/{_OURS}.conf"
NOUVEAU = f"/etc/modprobe.d/{_OURS}.conf"

#: Any of them tells that the driver is the role's: they are written before its packages are installed.
OURS = (SOURCES, PREFERENCES, KEY, UNATTENDED, LOAD, NOUVEAU)

_KEY = "# Key: "
_HEAD = "Written by Ansible, role gpulab.jupyterhub.nvidia_driver."
_ARCHIVE_KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"
_COMPONENTS = "contrib non-free non-free-firmware"

_BLACKLIST = f"""# {_HEAD}
# An upgrade that nobody awaits replaces the libraries under the module that is loaded: no GPU until a reboot.
Unattended-Upgrade::Package-Blacklist {{
    "nvidia-";
    "libnvidia-";
    "libcuda";
    "cuda-";
}};
"""
_LOAD = f"# {_HEAD}\nnvidia\n# CUDA does not start without it.\nnvidia-uvm\n"
_NOUVEAU = f"# {_HEAD}\nblacklist nouveau\noptions nouveau modeset=0\n"


class Source(NamedTuple):
    """Where packages come from.

    :param repository: address of NVIDIA's repository, or of the site's own.
    :param key: address of its key.
    :param mirror: where Debian's own packages come from; empty if the server takes its non-free ones already.
    :param trusted: file of the keys that sign those; apt takes one file only for an address.
    """

    repository: str
    key: str
    mirror: str
    trusted: str


def files(wishes: Wishes, choice: Choice, source: Source) -> list[dict[str, str | None]]:
    """Return the files, with what they shall hold: empty for one that is not to be, None for a key to be fetched."""
    from_nvidia, is_bundled = wishes["source"] == names.NVIDIA, wishes["from_bundle"]
    texts = {
        SOURCES: "" if is_bundled else _source(wishes, source),
        KEY: wishes["repository_key_content"] if from_nvidia and not is_bundled else "",
        PREFERENCES: _pin(choice.branch) if from_nvidia and choice.branch else "",
        UNATTENDED: _BLACKLIST if wishes["hold"] else "",
        LOAD: _LOAD,
        NOUVEAU: _NOUVEAU,
    }
    return [{"path": path, "content": text} for path, text in texts.items()]


def of_another_address(source: Source, held: str) -> bool:
    """Tell whether the key that is there is another's.

    :param held: what the role's own source holds, which names the address of its key.
    """
    return _KEY in held and f"{_KEY}{source.key}\n" not in held


def _source(wishes: Wishes, source: Source) -> str:
    if wishes["source"] == names.NVIDIA:
        return _from_nvidia(source)
    return _from_debian(wishes, source) if source.mirror else ""


def _from_nvidia(source: Source) -> str:
    where = f"Types: deb\nURIs: {source.repository}/\nSuites: /\nSigned-By: {KEY}\n"
    return f"# {_HEAD}\n{_KEY}{source.key}\n{where}"


def _from_debian(wishes: Wishes, source: Source) -> str:
    suite = f"Suites: {wishes['codename']}\nComponents: {_COMPONENTS}"
    trusted = source.trusted or _ARCHIVE_KEY
    return f"# {_HEAD}\nTypes: deb\nURIs: {source.mirror}\n{suite}\nSigned-By: {trusted}\n"


def _pin(branch: int) -> str:
    return (
        f"Explanation: {_HEAD}\n"
        "Explanation: nvidia_driver_branch, or what is for the cards. Below 1000, so that nothing is downgraded.\n"
        "Package: nvidia-* libnvidia-* libcuda* libcudadebugger* firmware-nvidia-* cuda-drivers*\n"
        f"Pin: version {branch}.*\n"
        "Pin-Priority: 990\n"
    )
