# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Certificates, for the doctor: CAs that the lab trusts beyond the server's own, and the door's. Looks and judges."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ._problems import Problem, error, warning

Facts = Mapping[str, Any]

SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"
_DAY = 86400
# Days before the end of a certificate; what renews itself does so at thirty.
_SOON = 21
_PATIENCE = 10


def look(data_root: str, url: str, ca_path: str | None, system_ca: str = SYSTEM_CA) -> dict[str, Any]:
    """Read the certificates.

    :param system_ca: the server's own bundle, whose certificates its distribution looks after.
    :returns: `bundle` (its path), `fault` (why it cannot be read), and `certificates`, each with `kind` (ca or door),
        `subject` and `ends`, in seconds since 1970.
    """
    path = Path(data_root, "config/ca-bundle.pem")
    found: dict[str, Any] = {"bundle": str(path), "fault": "", "certificates": []}
    if path.is_file():
        try:
            own = {_key(one) for one in _read(Path(system_ca))} if Path(system_ca).is_file() else set()
            found["certificates"] = [_certificate("ca", one) for one in _read(path) if _key(one) not in own]
        except (OSError, ssl.SSLError) as fault:
            found["fault"] = str(fault)
    parts = urlsplit(url)
    if parts.scheme == "https":
        found["certificates"] += _at_door(parts.hostname or "", parts.port or 443, ca_path)
    return found


def _read(path: Path) -> list[dict[str, Any]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(path))
    return context.get_ca_certs()


def _key(one: Facts) -> tuple[Any, Any]:
    return one["serialNumber"], one["issuer"]


def _certificate(kind: str, one: Facts) -> dict[str, Any]:
    names = {key: value for part in one.get("subject", ()) for key, value in part}
    subject = names.get("commonName") or names.get("organizationalUnitName") or names.get("organizationName") or "?"
    return {"kind": kind, "subject": subject, "ends": float(ssl.cert_time_to_seconds(one["notAfter"]))}


def _at_door(host: str, port: int, ca_path: str | None) -> list[dict[str, Any]]:
    """Read the certificate of a door that is trusted; of any other, and of a CA that is not there, hub_info tells."""
    try:
        context = ssl.create_default_context(cafile=ca_path)
        with (
            socket.create_connection((host, port), _PATIENCE) as line,
            context.wrap_socket(line, server_hostname=host) as safe,
        ):
            return [_certificate("door", safe.getpeercert() or {})]
    except OSError:
        return []


def judge(found: Facts, now: float) -> Iterator[Problem]:
    """Yield the certificates that have ended, or soon will.

    :param now: in seconds since 1970.
    """
    if found["fault"]:
        yield error(
            "ca-bundle-unusable",
            found["bundle"],
            f"no certificate can be read in it ({found['fault']}), so nothing in a container trusts any site.",
            "./run.sh writes it anew.",
        )
    for one in found["certificates"]:
        days = (one["ends"] - now) / _DAY
        if days >= _SOON:
            continue
        when = f"it {'ended' if days < 0 else 'ends'} on {time.strftime('%Y-%m-%d', time.gmtime(one['ends']))}"
        if one["kind"] == "ca":
            yield warning(
                "ca-ended" if days < 0 else "ca-ends",
                f"CA {one['subject']}",
                f"{when}; then what it has signed is refused, an index of packages for example.",
                "Put its successor into the file that lab_extra_ca names; then ./run.sh.",
            )
        else:
            yield (error if days < 0 else warning)(
                "certificate-ends",
                f"certificate of {one['subject']}",
                f"{when}; then browsers turn people away.",
                "Renew it where HTTPS is served before the lab.",
            )


def told(found: Facts) -> str:
    """Say what was seen."""
    count = len(found["certificates"])
    if not count:
        return "none but the server's own"
    first = min(found["certificates"], key=lambda one: one["ends"])
    ends = time.strftime("%Y-%m-%d", time.gmtime(first["ends"]))
    return f"{count} beside the server's own; the first to end is {first['subject']}, {ends}"
