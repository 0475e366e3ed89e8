# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What on a server would stop a converge later. Looks only, through readers that a test can replace."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import re
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ._problems import Problem, error, warning

#: What the roles were written for; docs/operations.md tells which of these a converge was seen on.
PLATFORMS = {"debian": ("12", "13"), "ubuntu": ("22.04", "24.04", "26.04")}
ARCHITECTURES = ("x86_64", "aarch64")

# Before this the collection did not exist, and certificates of today are not valid yet.
_EARLIEST_YEAR = 2026

_GB = 1024**3
_DATA_ROOT = "lab_data_root"
_DOCKER_ROOT = "docker_engine_data_root"
_PORT = "hub_stack_port"
_BIND = "hub_stack_bind_address"


# --- Directories and space -------------------------------------------------------------------------------------------


def nearest_existing(path: str) -> Path:
    """Return *path*, or the nearest directory above it that is there."""
    return next(place for place in (Path(path), *Path(path).parents) if place.exists())


def data_root(path: str, access: Callable[[Path, int], bool] = os.access, statvfs=os.statvfs) -> Iterator[Problem]:
    """Yield why the lab cannot keep its things in *path*."""
    if not path.startswith("/"):
        yield error(
            "data-root-relative",
            _DATA_ROOT,
            f"{path!r} is not an absolute path.",
            f"Set {_DATA_ROOT} to a path that begins with /, such as /srv/jupyterhub.",
        )
        return
    blocked = next((p for p in (Path(path), *Path(path).parents) if os.path.lexists(p) and not p.is_dir()), None)
    if blocked:
        yield error(
            "data-root-not-a-directory",
            _DATA_ROOT,
            f"{blocked} is {_kind(blocked)}, not a directory, so {path} cannot hold the lab.",
            f"Move {blocked} out of the way, or set {_DATA_ROOT} to another directory.",
        )
        return
    place = nearest_existing(path)
    if access(place, os.W_OK | os.X_OK):
        return
    read_only = statvfs(place).f_flag & os.ST_RDONLY
    yield error(
        "data-root-not-writable",
        _DATA_ROOT,
        f"{place} cannot be written to: " + ("its file system is mounted read-only." if read_only else _refused(place)),
        (f"Remount it (mount -o remount,rw {place})" if read_only else f"Let root write there (lsattr -d {place})")
        + f", or set {_DATA_ROOT} to another directory.",
    )


def _kind(path: Path) -> str:
    if path.is_symlink():
        return f"a link to {path.readlink()}" + ("" if path.exists() else ", which does not exist")
    return "a file" if stat.S_ISREG(path.stat().st_mode) else "a device, pipe or socket"


def _refused(place: Path) -> str:
    found = place.stat()
    if os.geteuid() == 0:
        return "not even root may; it is immutable, or on another machine's disk."
    return f"uid {os.geteuid()} may not; it belongs to uid {found.st_uid} and has mode {found.st_mode & 0o7777:04o}."


def space(
    places: Mapping[str, str],
    min_free_gb: float,
    statvfs=os.statvfs,
    device: Callable[[Path], int] = lambda place: place.stat().st_dev,
) -> Iterator[Problem]:
    """Yield the file systems that have too little room.

    :param places: path by the setting that chooses it; those on one file system are told together.
    :param min_free_gb: what each file system needs to have free, in units of 1024**3 bytes.
    """
    by_device: dict[int, list[tuple[str, str, Path]]] = {}
    for setting, path in places.items():
        if path.startswith("/"):
            place = nearest_existing(path)
            by_device.setdefault(device(place), []).append((setting, path, place))
    for members in by_device.values():
        settings, paths = [member[0] for member in members], [member[1] for member in members]
        existing = members[0][2]
        found = statvfs(existing)
        free = found.f_bavail * found.f_frsize / _GB
        if free < min_free_gb:
            yield error(
                "disk-full",
                " and ".join(settings),
                f"the file system of {' and '.join(paths)} has {free:.1f} GB free; {min_free_gb:g} GB are needed.",
                f"Free some (du -xh {existing} | sort -h | tail; docker system df), "
                f"or set {' or '.join(settings)} to a directory on a larger disk.",
            )


# --- The port --------------------------------------------------------------------------------------------------------


class Published(NamedTuple):
    """A container that publishes a port of the server."""

    name: str
    project: str
    address: str
    first: int
    last: int


def parse_published(text: str) -> list[Published]:
    """Read lines of name, Compose project and ports, with tabs between them, as `docker ps` prints them."""
    found = []
    for line in text.splitlines():
        name, project, ports = line.split("\t")
        for address, first, last in re.findall(r"(\S+):(\d+)(?:-(\d+))?->[\d-]+/tcp", ports):
            found.append(Published(name, project, address.strip("[]"), int(first), int(last or first)))
    return found


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
            address, _, number = fields[1].partition(":")
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


# --- daemon.json -----------------------------------------------------------------------------------------------------


def daemon_json(path: str) -> tuple[dict, list[Problem]]:
    """Read Docker's file of options; a missing or empty one holds none, as dockerd has it."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        options = json.loads(text) if text.strip() else {}
    except FileNotFoundError:
        return {}, []
    except json.JSONDecodeError as fault:
        return {}, [_malformed(path, f"line {fault.lineno}, column {fault.colno}: {fault.msg}", text, fault.lineno)]
    except UnicodeDecodeError as fault:
        return {}, [_malformed(path, f"byte {fault.start} is not UTF-8")]
    except OSError as fault:
        return {}, [_malformed(path, f"it cannot be read: {fault.strerror}")]
    if not isinstance(options, dict):
        return {}, [_malformed(path, "it holds no object; it must begin with { and end with }")]
    return options, []


def _malformed(path: str, fault: str, text: str = "", line: int = 0) -> Problem:
    shown = f"\n{text.splitlines()[line - 1].strip()}" if text and line <= len(text.splitlines()) else ""
    return error(
        "daemon-json-malformed",
        "docker_engine_daemon_options",
        f"{path} is no valid file of options: {fault}.{shown}",
        f"Put it right (python3 -m json.tool {path} checks it), or remove it and write what it should hold "
        "into docker_engine_daemon_options.",
    )


# --- The server itself -----------------------------------------------------------------------------------------------


def parse_os_release(text: str) -> dict[str, str]:
    """Read /etc/os-release."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def platform(release: Mapping[str, str], machine: str) -> Iterator[Problem]:
    """Yield what is unusual about a server's distribution and processor; it may work all the same."""
    name, version = release.get("ID", ""), release.get("VERSION_ID", "")
    if version not in PLATFORMS.get(name, ()):
        known = "; ".join(f"{one.capitalize()} {', '.join(versions)}" for one, versions in PLATFORMS.items())
        yield warning(
            "platform-not-tried",
            "the server's distribution",
            f"this is {release.get('PRETTY_NAME') or 'no distribution that tells its name'}; "
            f"the lab is written for {known}.",
            "Go on if you know what differs, or take a server with one of those.",
        )
    if machine not in ARCHITECTURES:
        yield warning(
            "architecture-not-tried",
            "the server's processor",
            f"this is {machine}; the lab is written for {' and '.join(ARCHITECTURES)}.",
            "Go on if every package that your users need exists for it, or take another server.",
        )


def clock(now: float) -> Iterator[Problem]:
    """Yield whether the server's clock, in seconds since 1970, is so wrong that no certificate is valid."""
    there = time.gmtime(now)
    if there.tm_year < _EARLIEST_YEAR:
        yield error(
            "clock-wrong",
            "the server's clock",
            f"it says {time.strftime('%Y-%m-%d %H:%M', there)}; every download fails, as no certificate is valid then.",
            "Set it: timedatectl set-ntp true, or date -s 'YYYY-MM-DD hh:mm'.",
        )
