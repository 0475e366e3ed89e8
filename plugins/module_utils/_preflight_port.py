# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the lab's door can listen where it shall, and who is in its way. Looks only."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ._problems import Problem, error

_PORT = "hub_stack_port"
_BIND = "hub_stack_bind_address"


class Published(NamedTuple):
    """A container that publishes a port of the server."""

    name: str
    project: str
    address: str
    first: int
    last: int


def parse_published(text: str) -> list[Published]:
    """Read lines of name, Compose project, its folder and ports, with tabs between, as `docker ps` prints them."""
    found = []
    for line in text.splitlines():
        name, project, _folder, ports = line.split("\t")
        for address, first, last in re.findall(r"(\S+):(\d+)(?:-(\d+))?->[\d-]+/tcp", ports):
            found.append(Published(name, project, address.strip("[]"), int(first), int(last or first)))
    return found


def parse_folders(text: str, wanted: str) -> set[str]:
    """Read from the same lines the folders that a Compose project was brought up from."""
    rows = (line.split("\t") for line in text.splitlines())
    return {folder for _name, project, folder, _ports in rows if project == wanted and folder}


def port(
    address: str,
    number: int,
    project: str,
    published: Iterable[Published],
    bind: Callable[[str, int], None] | None = None,
    proc: str = "/proc",
) -> Iterator[Problem]:
    """Yield why the lab's door cannot listen at *address* and *number*.

    :param project: Compose project of the lab; what it publishes is the lab itself, and in nobody's way.
    :param published: what containers publish; an engine without user-land proxy may hold no socket for it.
    :param bind: binds a socket as the door would, and lets go of it.
    """
    there = [p for p in published if p.first <= number <= p.last and overlap(p.address, address)]
    if any(p.project == project for p in there):
        return
    if there:
        yield _taken(address, number, f"the container {there[0].name}", f"docker stop {there[0].name}")
        return
    try:
        (bind or try_bind)(address, number)
    except OSError as refusal:
        yield _not_bound(address, number, refusal, proc)


def overlap(one: str, other: str) -> bool:
    """Tell whether two listeners at these addresses are in each other's way on the same port."""
    first, second = (ipaddress.ip_address(text) for text in (one, other))
    if first == second:
        return True
    if first.version != second.version:
        # The IPv6 wildcard takes IPv4 as well, unless its socket was told not to.
        return any(a.version == 6 and a.is_unspecified for a in (first, second))
    return first.is_unspecified or second.is_unspecified


def try_bind(address: str, number: int) -> None:
    """Bind a socket as a server would, and let go of it at once.

    :raises OSError: if that is refused.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((address, number))


def _not_bound(address: str, number: int, refusal: OSError, proc: str) -> Problem:
    if refusal.errno == errno.EADDRNOTAVAIL:
        return error(
            "address-not-here",
            _BIND,
            f"{address} is not an address of this server.",
            f"Set {_BIND} to one that `ip -brief address` shows, or to 0.0.0.0 for all of them.",
        )
    if refusal.errno == errno.EADDRINUSE:
        pid, name = holder(address, number, proc)
        who = f"{name} (process {pid})" if pid else "a process that cannot be seen from here"
        look = f"ps -fp {pid}" if pid else f"sudo ss -ltnp 'sport = :{number}'"
        return _taken(address, number, who, look)
    return error(
        "port-not-usable",
        _PORT,
        f"nothing can listen on port {number} of {address}: {refusal.strerror}.",
        f"Set {_PORT} to a port that may be used, from 1024 up, and {_BIND} to an address of this server.",
    )


def _taken(address: str, number: int, who: str, look: str) -> Problem:
    return error(
        "port-taken",
        _PORT,
        f"port {number} of {address} is taken by {who}.",
        f"Stop what holds it (`{look}`), or set {_PORT} to a free port.",
    )


def holder(address: str, number: int, proc: str = "/proc") -> tuple[int, str]:
    """Return pid and name of the process that listens where *address* and *number* are wanted; (0, "") if unseen."""
    links = {
        f"socket:[{inode}]"
        for table in ("net/tcp", "net/tcp6")
        for listening, taken, inode in listeners(_text(Path(proc, table)))
        if taken == number and overlap(listening, address)
    }
    for process in _processes(proc):
        if links & set(_open_files(process)):
            return int(process.name), _text(process / "comm").strip()
    return 0, ""


def listeners(table: str, byte_order: str = sys.byteorder) -> Iterator[tuple[str, int, str]]:
    """Yield address, port and inode of each listening socket in a table of the kernel's."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == "0A":
            address, _colon, number = fields[1].partition(":")
            yield _address(address, byte_order), int(number, 16), fields[9]


def _address(digits: str, byte_order: str) -> str:
    """Turn the kernel's hexadecimal words, each in the server's byte order, into an address."""
    words = [int(digits[at : at + 8], 16).to_bytes(4, byte_order) for at in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def _processes(proc: str) -> list[Path]:
    return [entry for entry in Path(proc).iterdir() if entry.name.isdigit()]


def _open_files(process: Path) -> Iterator[str]:
    """Yield what a process has open; one that ended meanwhile, or is another's, has nothing."""
    try:
        for link in (process / "fd").iterdir():
            yield str(link.readlink())
    except OSError:
        return


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
