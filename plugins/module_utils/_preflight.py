# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What on a server would stop a converge later. Looks only, through readers that a test can replace."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ._problems import Problem, error, warning

#: What the roles were written for; docs/operations.md tells which of these a converge was seen on.
PLATFORMS = {"debian": ("12", "13"), "ubuntu": ("22.04", "24.04", "26.04")}
ARCHITECTURES = ("x86_64", "aarch64")

#: The time of the machine that asks, as modules take it; documented by the fragment `asked_at`.
ASKED_AT_OPTION = {"asked_at": {"type": "float", "default": 0}}
# Seconds; a slow connection may lose some between asking for the time and looking.
_APART = 60

# Before this the collection did not exist, and certificates of today are not valid yet.
_EARLIEST_YEAR = 2026

_GB = 1024**3
_DATA_ROOT = "lab_data_root"


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


def elsewhere(path: str, folders: Iterable[str]) -> Iterator[Problem]:
    """Yield whether the containers of the lab's Compose project were brought up from another directory than *path*."""
    others = sorted(folder for folder in set(folders) - {""} if os.path.realpath(folder) != os.path.realpath(path))
    if others:
        yield error(
            "stack-elsewhere",
            _DATA_ROOT,
            f"it is {path}, but what is there was brought up from {' and '.join(others)}: two labs of one server, or "
            "two inventories for one lab.",
            f"Set {_DATA_ROOT}: {others[0]} to keep that lab. To have a new one instead, take that one down first: "
            f"docker compose --project-directory {others[0]} down",
        )


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
    return {key.strip(): value.strip().strip("\"'") for key, _equals, value in pairs}


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


def clock(now: float, ahead: float = 0.0) -> Iterator[Problem]:
    """Yield whether the server's clock is so wrong that no certificate is valid, or else not that of others.

    :param now: what it says, in seconds since 1970.
    :param ahead: of the machine that asks, in seconds.
    """
    there = time.gmtime(now)
    if there.tm_year < _EARLIEST_YEAR:
        yield error(
            "clock-wrong",
            "the server's clock",
            f"it says {time.strftime('%Y-%m-%d %H:%M', there)}; every download fails, as no certificate is valid then.",
            "Set it: timedatectl set-ntp true, or date -s 'YYYY-MM-DD hh:mm'.",
        )
    elif abs(ahead) > _APART:
        yield warning(
            "clock-differs",
            "the server's clock",
            f"it is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} that of the machine that asks. With a "
            "wrong one, certificates, logins and a second factor are refused.",
            "Compare both with a watch (date -u). On the one that is wrong: timedatectl set-ntp true",
        )
