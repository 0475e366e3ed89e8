# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands that make an image: built by BuildKit, bootstrapped by mmdebstrap, or loaded from an archive."""

from __future__ import annotations

import json
import ssl
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ._docker_cli import SOCKET, Docker, DockerError

# What a server's own programs trust, by family of distributions.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
)

# What a bootstrapped system would take along from the server that it was made on.
_FOREIGN = 'rm -f "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/apt/apt.conf.d/99mmdebstrap'
# Ubuntu has the keys of Debian in a package, and its apt does not look for them there.
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LEAN = ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/doc/*")


def docker(*words: str) -> list[str]:
    """Return the command line of a command that runs for long, and is followed line by line."""
    return ["docker", "--host", f"unix://{SOCKET}", *words]


def labelled_id(engine: Docker, ref: str, labels: Mapping[str, str] | None = None) -> str:
    """Return the id of an image, or nothing if it is not there or lacks one of the labels.

    :raises DockerError: if no engine answers.
    """
    try:
        found = engine.inspect("image", ref)[0]
    except DockerError as error:
        if error.state != "failed":
            raise
        return ""
    own = found["Config"].get("Labels") or {}
    return found["Id"] if dict(labels or {}).items() <= own.items() else ""


def trusted(extra: Iterable[str]) -> str:
    """Return the server's own CA bundle and more certificates in PEM form, as one bundle."""
    places = [*_BUNDLES, ssl.get_default_verify_paths().cafile or ""]
    own = next((Path(place) for place in places if place and Path(place).is_file()), None)
    return "\n".join([own.read_text("utf-8") if own else "", *extra])


def shown(place: str) -> str:
    """Return a path as it is, and an address without what may let one in: user, password, query."""
    if "://" not in place:
        return place
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def proxy_environment(proxies: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that tell programs of proxies, in both spellings.

    :param proxies: addresses by C(http), C(https) and C(no).
    """
    named = {f"{scheme}_proxy": address for scheme, address in proxies.items() if address}
    return named | {name.upper(): address for name, address in named.items()}


def build(
    ref: str,
    labels: Mapping[str, str],
    build_args: Mapping[str, str],
    secrets: Mapping[str, Path],
    from_environment: Iterable[str] = (),
    pull: bool = False,
) -> list[str]:
    """Return the words of `docker` that build a context that is given on standard input.

    :param secrets: files that instructions of the build can ask for, by id.
    :param from_environment: build arguments whose values no list of processes shall show.
    """
    words = ["buildx", "build", "--builder", "default", "--load", "--progress", "plain", "--tag", ref]
    words += [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    words += [word for name, value in build_args.items() for word in ("--build-arg", f"{name}={value}")]
    words += [word for name in from_environment for word in ("--build-arg", name)]
    words += [word for name, path in secrets.items() for word in ("--secret", f"id={name},src={path}")]
    return [*words, *(["--pull"] if pull else []), "-"]


def bootstrap(suite: str, packages: Iterable[str], mirror: str, bundle: Path, tar: Path) -> list[str]:
    """Return the command that makes a root file system out of Debian's own signed packages.

    :param mirror: address of a Debian mirror, or empty for mmdebstrap's own choice, security updates included.
    """
    options = [f"--dpkgopt={line}" for line in _LEAN]
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        *([f"--keyring={_KEYRING}"] if _KEYRING.exists() else []),
        *options,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f'--aptopt=Acquire::https::CAInfo "{bundle}"',
        f"--customize-hook={_FOREIGN}",
        suite,
        str(tar),
        *([mirror] if mirror else []),
    ]


def adopt(ref: str, labels: Mapping[str, str], tar: Path) -> list[str]:
    """Return the words of `docker` that make an image of a root file system."""
    changes = [word for name, value in labels.items() for word in ("--change", f"LABEL {name}={value}")]
    return ["image", "import", *changes, str(tar), ref]


def saved_names(archive: Path) -> list[str] | None:
    """Return the names in an archive of `docker save`; None for one that is a root file system.

    :raises tarfile.TarError: if it is no archive at all.
    """
    with tarfile.open(archive) as opened:
        for member in opened:
            if member.name == "manifest.json":
                manifest = json.load(opened.extractfile(member))
                return [name for image in manifest for name in image.get("RepoTags") or []]
            # The folders of a root file system come first in one, and there may be very many files.
            if member.name.removeprefix("./").split("/")[0] in ("bin", "etc", "usr"):
                return None
    return None
