# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Why an image could not be made, and what mends it, from the last lines of its log."""

from __future__ import annotations

import re
from collections.abc import Iterable

_AGAIN = "Then run the same command again: it goes on from the last step that was finished."

# First match wins: what is more telling stands further up.
_REMEDIES = (
    (
        r"No space left on device|disk quota exceeded",
        "The server's disk is full. `df -h` and `docker system df` tell by what; `docker builder prune` empties the "
        f"build cache. {_AGAIN}",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|self[- ]signed certificate|SSL certificate problem|Certificate verification failed"
        r"|(?i:unable to get local issuer)|certificate signed by unknown authority|certificate is not trusted",
        "Something between the server and the internet answers with a certificate of its own. Name the file with its "
        f"CA in lab_extra_ca (or hub_images_extra_ca). {_AGAIN}",
    ),
    (
        r"DO NOT MATCH THE HASHES|EINTEGRITY|Hash Sum mismatch|checksum mismatch",
        "What was downloaded is not what this collection pins: a proxy or mirror on the way altered it or has an "
        "older one. Look at hub_images_pip_index_url, hub_images_npm_registry and the proxy settings, then run again.",
    ),
    (
        r"Cannot connect to the Docker daemon|error during connect|failed to connect to the docker API",
        "The Docker engine does not answer. `docker info` on the server tells more; playbooks/server.yml mends it.",
    ),
    (
        r"'buildx' is not a docker command|unknown command: docker buildx|BuildKit is enabled but the buildx",
        "The server's Docker lacks its buildx plugin. Let the role docker_engine install it, or install "
        "docker-buildx-plugin (Docker's packages) or docker-buildx (Debian's).",
    ),
    (
        r"Unable to locate package|has no installation candidate",
        "A package that hub_images_user_apt_packages names is not in Debian trixie. Mend its name there; "
        "packages that only Ubuntu or another Debian has cannot be had.",
    ),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "A package of hub_images_user_packages wants other releases than the user's server is made of. Choose another "
        "release of it in hub_images_user_packages.",
    ),
    (
        r"pull access denied|failed to resolve source metadata|manifest unknown|toomanyrequests|/manifests/",
        "The base image could not be pulled. hub_images_base_image names it; where no registry can be reached, set "
        "hub_images_base_source to bootstrap or archive.",
    ),
    (
        r"(?:NameResolution|ConnectTimeout|ReadTimeout|NewConnection|ConnectionReset|Connect(?:ion)?)Error"
        r"|Temporary failure (?:in name resolution|resolving)|Name or service not known|Could not resolve"
        r"|Network is unreachable|Connection (?:refused|reset|timed out)|ECONNRE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT"
        r"|Could not connect|Unable to connect|Failed to fetch|no such host|i/o timeout|TLS handshake timeout"
        r"|Read timed out|Tunnel connection failed|Cannot connect to proxy",
        "The server did not reach a place that packages come from. Look at its network, and at lab_http_proxy, "
        f"lab_https_proxy and the mirrors in hub_images_*. {_AGAIN}",
    ),
    (
        r"No matching distribution found|Invalid requirement|is not a valid (?:editable )?requirement"
        r"|Expected .*(?:specifier|requirement)",
        "A package or release that hub_images_user_packages names does not exist for this Python, or the mirror at "
        "hub_images_pip_index_url lacks it. Mend the one or the other.",
    ),
    (
        r"HTTP Error \d+",
        "The address in hub_images_base_archive does not give a file. Mend it there.",
    ),
    (
        r"no public key available|is not signed|NO_PUBKEY|invalid signature",
        "The server's keyring does not know Debian's signing keys. Update its package debian-archive-keyring, or take "
        "the base image from a registry or an archive (hub_images_base_source).",
    ),
)
_UNKNOWN = f"The log tells more. {_AGAIN}"


def remedy(lines: Iterable[str]) -> str:
    """Return what mends a build that ended with these lines."""
    text = "\n".join(lines)
    return next((words for pattern, words in _REMEDIES if re.search(pattern, text)), _UNKNOWN)


def message(image: str, step: str, lines: list[str], log: str) -> str:
    """Tell of a failed build: which image, where, its last lines, its log and the mend.

    :param image: reference of the image.
    :param step: the step that failed, in words, or empty.
    :param lines: the last lines of its output.
    :param log: path of the whole log on the server.
    """
    where = f" It failed at {step}." if step else ""
    return "\n".join(
        [
            f"The image {image} could not be made; what the lab runs on now is untouched.{where}",
            *(f"  {line}" for line in lines),
            f"Whole log, on the server: {log}",
            remedy(lines),
        ]
    )


def wrong_digest(path: str, expected: str, found: str) -> str:
    """Tell that an archive is not the one that was meant."""
    return (
        f"hub_images_base_archive: {path} is not the file that was meant; nothing was changed.\n"
        f"  hub_images_base_archive_sha256 is {expected}\n"
        f"  the file's own SHA-256 is         {found}\n"
        "Fetch the file again; or, if it is the one you want, set hub_images_base_archive_sha256 to its own digest."
    )
