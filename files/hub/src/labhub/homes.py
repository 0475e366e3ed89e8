# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Make a user's home, and the mount points in it.

Run as root in a short-lived container that sees nothing but the homes, so that the hub needs no
privilege. Whatever lies inside a home was put there by its owner, who may be hostile: it is only ever
touched with the owner's own rights, through directory descriptors, and no symbolic link is followed.
What it needs of root: CHOWN for a new home, SETUID and SETGID to act as its owner.

    python -m labhub.homes ensure --root /srv/jupyterhub/home --name alice --uid-min 20000 --gid 9100 --dir shared

prints ``{"uid": 20000, "created": true, "note": null}``, or ``{"problem": "..."}`` with exit status 1.
"""

import argparse
import contextlib
import errno
import fcntl
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

from labhub import names

HOME_MODE = 0o700
MOUNT_POINT_MODE = 0o755
_UNSQUASHED = "The lab, and Docker, need homes exported with no_root_squash"
NOBODY = 65534
"""Whom file servers take root for, unless they trust the root of this machine."""
UID_LIMIT = 60000
"""Above this lie uids with meanings of their own (nobody, user namespaces)."""

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class HomeProblem(Exception):
    """A home cannot be used as it is; the text says why and how to mend it."""


@dataclass(frozen=True)
class Home:
    """A home that is ready: whose it is, whether it is new, and what an admin might want to know."""

    uid: int
    created: bool
    note: str | None = None


@contextlib.contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Give up root's rights for the user's, for the length of a ``with``."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@contextlib.contextmanager
def _opened(path: str, flags: int, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def mount_point_parts(directory: str) -> tuple[str, ...]:
    """Split a directory inside a home into its parts.

    :raises HomeProblem: it is absolute, empty, or would leave the home.
    """
    parts = PurePosixPath(directory).parts
    if not parts or directory.startswith("/") or ".." in parts or "\0" in directory:
        raise HomeProblem(f"mount point {directory!r} must be a path below the home, without '..'")
    return parts


def next_uid(root: int, uid_min: int) -> int:
    """Find the uid after the highest that owns a home: a uid is not given twice while its home exists.

    Where the highest is the last that there is, the lowest that owns nothing: one home that came from elsewhere must
    not leave everybody else without.

    :param root: descriptor of the directory of homes.
    :raises HomeProblem: all uids from ``uid_min`` to `UID_LIMIT` are gone.
    """
    with os.scandir(root) as entries:
        owners = {entry.stat(follow_symlinks=False).st_uid for entry in entries}
    highest = max((owner for owner in owners if uid_min <= owner < UID_LIMIT), default=uid_min - 1)
    free = (uid for uid in chain(range(highest + 1, UID_LIMIT), range(uid_min, UID_LIMIT)) if uid not in owners)
    uid = next(free, None)
    if uid is None:
        mend = "lower LabSpawner.uid_min (hub_config_user_uid_min)"
        raise HomeProblem(f"no uid is left between {uid_min} and {UID_LIMIT}: {mend}")
    return uid


def _make(root: int, name: str, uid: int, gid: int) -> None:
    """Make a home, or take over an empty one that root left behind (Docker does, and so would a crash here).

    :raises PermissionError: the file system denies root that; nothing is left of the home.
    """
    made = False
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, HOME_MODE, dir_fd=root)
        made = True
    try:
        with _opened(name, os.O_RDONLY | _DIRECTORY, root) as home:
            os.fchmod(home, HOME_MODE)
            os.fchown(home, uid, gid)
    except PermissionError:
        if made:
            os.rmdir(name, dir_fd=root)
        raise


def _owner(root: int, name: str, path: str) -> int | None:
    """Say who owns the home; None when it has yet to be made, or is root's and empty.

    :raises HomeProblem: it is no directory, nobody's, or root's with something in it.
    """
    try:
        found = os.stat(name, dir_fd=root, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(found.st_mode):
        raise HomeProblem(f"{path} is not a directory: move it away, the lab then makes a home there")
    if found.st_uid == NOBODY:
        raise HomeProblem(
            f"{path} belongs to nobody ({NOBODY}), as what root makes on NFS with root_squash, so the lab cannot tell "
            f"whose it is: chown it to a uid of {name}'s own, on the file server. {_UNSQUASHED}"
        )
    if found.st_uid:
        return found.st_uid
    with _opened(name, os.O_RDONLY | _DIRECTORY, root) as home, os.scandir(home) as entries:
        if next(entries, None) is None:
            return None
    raise HomeProblem(
        f"{path} belongs to root and is not empty, so the lab cannot tell whose it is. "
        f"If it is {name}'s: chown -R <uid>:<gid> {path}, with a uid of {name}'s own"
    )


def _make_mount_point(home: int, parts: Sequence[str], path: str) -> None:
    """Make one directory below the home, with its parents, unless it is there."""
    if not parts:
        return
    path = f"{path}/{parts[0]}"
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(parts[0], MOUNT_POINT_MODE, dir_fd=home)
        with _opened(parts[0], os.O_PATH | _DIRECTORY, home) as directory:
            _make_mount_point(directory, parts[1:], path)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise HomeProblem(
                f"{path} must be a directory, for the lab mounts one there: rename what is there"
            ) from error
        raise HomeProblem(f"{path} cannot be made, so the lab cannot mount there: {error.strerror}") from error


def _put_in_order(home: int, path: str, mount_points: Sequence[Sequence[str]]) -> None:
    """Close the home to others and make the mount points; runs with the owner's rights."""
    if stat.S_IMODE(os.fstat(home).st_mode) != HOME_MODE:
        # A descriptor that was opened with O_PATH takes no fchmod, and its owner may be unable to open it otherwise.
        Path(f"/proc/self/fd/{home}").chmod(HOME_MODE)
    for parts in mount_points:
        _make_mount_point(home, parts, path)


def ensure(
    root: str,
    name: str,
    uid_min: int,
    gid: int,
    directories: Sequence[str] = (),
    as_user: Callable[[int, int], contextlib.AbstractContextManager[None]] = acting_as,
) -> Home:
    """Make sure that a user has a home of their own, mode 0700, with the mount points in it.

    A home that exists keeps its owner, whatever non-zero uid that is; nothing in it changes hands.

    :param root: directory of the homes.
    :param name: user name; it follows `labhub.names`.
    :param uid_min: lowest uid for a new home.
    :param gid: group of a new home, and the group that acts in it.
    :param directories: mount points, relative to the home.
    :param as_user: context manager that acts as a uid and gid.
    :raises HomeProblem: the home cannot be used; the text holds the mend.
    """
    if not names.may_have_account(name):
        raise HomeProblem(names.refusal(name))
    mount_points = [mount_point_parts(directory) for directory in directories]
    path = f"{root}/{name}"
    with _opened(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) as homes:
        fcntl.flock(homes, fcntl.LOCK_EX)
        uid = _owner(homes, name, path)
        created = uid is None
        if uid is None:
            uid = next_uid(homes, uid_min)
            _make(homes, name, uid, gid)
        with _opened(name, os.O_PATH | _DIRECTORY, homes) as home, as_user(uid, gid):
            _put_in_order(home, path, mount_points)
    note = None if uid >= uid_min else f"{path} belongs to uid {uid}, below {uid_min}: it is used as it is"
    return Home(uid, created, note)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labhub.homes", description="Make users' homes.")
    command = parser.add_subparsers(required=True).add_parser("ensure", help="make one home, or find it ready")
    command.add_argument("--root", required=True, help="directory of the homes")
    command.add_argument("--name", required=True, help="user name")
    command.add_argument("--uid-min", required=True, type=int, help="lowest uid for a new home")
    command.add_argument("--gid", required=True, type=int, help="group of all users")
    command.add_argument("--dir", action="append", default=[], help="mount point in the home; may be repeated")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    asked = _arguments(argv)
    os.umask(0o022)
    try:
        home = ensure(asked.root, asked.name, asked.uid_min, asked.gid, asked.dir)
    except HomeProblem as problem:
        print(json.dumps({"problem": str(problem)}))
        return 1
    except PermissionError as error:
        squashed = f"root may not do that there, as on NFS with root_squash. {_UNSQUASHED}"
        print(
            json.dumps({"problem": f"the home of {asked.name} below {asked.root} cannot be made: {error}: {squashed}"})
        )
        return 1
    except OSError as error:
        print(json.dumps({"problem": f"the home of {asked.name} below {asked.root} cannot be made: {error}"}))
        return 1
    print(json.dumps(asdict(home)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
