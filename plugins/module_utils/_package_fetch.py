# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Fetches packages with all that they depend on, whatever of it is installed, and makes them a repository of apt's.

It has places of its own for all that apt writes, so that the server's own apt notices nothing.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote

from ansible.module_utils.urls import open_url

from ._apt_look import is_key
from ._image_digest import file_sha256

_ETC = Path("/etc/apt")
# How much of what apt says is worth telling.
_LAST_LINES = 15


class FetchError(RuntimeError):
    """The packages could not be fetched; the text has apt's last words."""


def fetch(packages: Iterable[str], place: Path, recommends: bool) -> dict[str, str]:
    """Make a repository of packages in the folder C(repository), and return their versions by name.

    :param packages: in apt's words.
    :param place: a directory that is configured.
    :raises FetchError: if apt refuses.
    :raises OSError: if the disk does.
    """
    _apt(place, "update")
    install = ["install", f"{'--' if recommends else '--no-'}install-recommends", *packages]
    # apt fetches nothing that lies on a disk already.
    for path in re.findall(r"^'file:(?://)?(/[^']+)'", _apt(place, *install, "--print-uris"), re.MULTILINE):
        shutil.copy(unquote(path), place / "cache/archives")
    _apt(place, *install, "--download-only")
    repository = place / "repository"
    repository.mkdir()
    return _index((place / "cache/archives").glob("*.deb"), repository)


def pack(repository: Path, archive: Path) -> None:
    """Write the files of a repository into a tar archive. Not compressed: packages are."""
    with tarfile.open(archive, "w") as opened:
        for path in sorted(repository.iterdir()):
            opened.add(path, path.name)


def configure(files: Sequence[Mapping[str, str | None]], key: str, place: Path) -> None:
    """Make the places of an apt that has the server's sources, and for which nothing is installed.

    :param files: sources, keys and preferences besides the server's own, by path below /etc/apt and content: an empty
        one does not count, one without content is fetched.
    :param key: where that is fetched from.
    :param place: an empty directory.
    :raises FetchError: if there is no key.
    :raises OSError: if the disk refuses.
    """
    for name in ("state/lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True)
    (place / "status").touch()
    shutil.copytree(_ETC, place / "etc", symlinks=True)
    here = {file["path"]: place / "etc" / Path(file["path"]).relative_to(_ETC) for file in files}
    for file in files:
        path, text = here[file["path"]], file["content"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if text:
            path.write_text(_trusting(text, here), errors="surrogateescape")
        elif text is None:
            path.write_bytes(_key(key))


def _trusting(source: str, here: Mapping[str, Path]) -> str:
    """Have a source trust the key of these places: where it shall lie on a server, there may be none yet."""
    return re.sub(r"(?m)^(Signed-By: )(\S+)$", lambda found: f"{found[1]}{here.get(found[2], found[2])}", source)


def _key(address: str) -> bytes:
    """Fetch the key of a repository.

    :raises FetchError: if it cannot be had, or is none, such as the page of a portal.
    """
    try:
        with open_url(address, timeout=30) as answer:
            held = answer.read()
    except (OSError, HTTPException, ValueError) as error:
        told = str(error)
    else:
        if is_key(held.decode(errors="surrogateescape")):
            return held
        told = "what came is no key"
    raise FetchError(
        f"The key of the repository could not be fetched from {address}: {told}.\n"
        "Mend: see that this server reaches it, by lab_https_proxy where it has to."
    )


def _apt(place: Path, *words: str) -> str:
    """Run apt-get in those places, and return what it printed.

    :raises FetchError: if it fails.
    """
    options = {
        "Dir::Etc": place / "etc",
        "Dir::State": place / "state",
        "Dir::State::status": place / "status",
        "Dir::Cache": place / "cache",
        # The user that apt would become may not enter a directory that is root's alone.
        "APT::Sandbox::User": "root",
    }
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(
        ["apt-get", "--yes", "-q", *given, *words], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:]
        raise FetchError("\n".join([f"`apt-get {words[0]}` failed:", *last]))
    return done.stdout


def _index(debs: Iterable[Path], repository: Path) -> dict[str, str]:
    """Move packages into a flat repository, and write its index; return the versions by name."""
    versions, stanzas = {}, []
    for deb in sorted(debs):
        control = subprocess.check_output(["dpkg-deb", "--field", str(deb)], text=True)
        fields = dict(line.split(": ", 1) for line in control.splitlines() if line[:1] != " " and ": " in line)
        # Without the version, whose colon apt writes as an escape that it does not expect in an index.
        target = repository / f"{fields['Package']}_{fields['Architecture']}.deb"
        shutil.move(deb, target)
        about = {"Filename": f"./{target.name}", "Size": target.stat().st_size, "SHA256": file_sha256(target)}
        stanzas.append(control.rstrip("\n") + "".join(f"\n{name}: {value}" for name, value in about.items()))
        versions[fields["Package"]] = fields["Version"]
    packages = "\n\n".join([*stanzas, ""]).encode()
    (repository / "Packages").write_bytes(packages)
    digest = f"{hashlib.sha256(packages).hexdigest()} {len(packages)} Packages"
    (repository / "Release").write_text(f"Origin: gpulab.jupyterhub\nLabel: lab_bundle\nSHA256:\n {digest}\n")
    return versions
