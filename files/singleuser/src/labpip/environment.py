# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The shared folder as an environment of pip's: what pip sees, where it installs, what it may uninstall."""

import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pip
from pip._internal.commands import install as install_command
from pip._internal.commands.install import InstallCommand
from pip._internal.commands.uninstall import UninstallCommand
from pip._internal.locations import _sysconfig
from pip._internal.metadata.importlib import Environment
from pip._internal.models.scheme import Scheme
from pip._internal.utils import virtualenv

from labpip.interrupt import late_interrupts


def look_first_in(paths: list[str]) -> None:
    """Have pip see what lies in PYTHONPATH, as Python does, though this process imports nothing from there."""
    # A copy: importlib.metadata is asked for these, sys.path is for imports.
    seen = [path for path in paths if path] + sys.path
    Environment.default = classmethod(lambda cls: cls(seen))
    given = Environment.from_paths.__func__
    Environment.from_paths = classmethod(lambda cls, paths: cls(seen) if paths is None else given(cls, paths))


def site_writable() -> bool:
    """Tell whether the environment that this Python belongs to can be installed into."""
    return os.access(sysconfig.get_path("purelib"), os.W_OK)


@contextmanager
def adopt(folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """Have pip's ``install`` and ``uninstall`` work in a flat folder.

    :returns: is filled with what now stands before a package of the lab: (the folder's release, the lab's) by name.
    """
    shadowed: dict[str, tuple[str, str]] = {}
    with ExitStack() as stack:
        constraint = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8"))
        # A pip in the folder would be no use: the lab's own runs, and knows the folder.
        constraint.write(f"pip=={pip.__version__}\n")
        constraint.flush()
        install = _within(folder, late_interrupts(install_command.install_given_reqs, folder))
        for owner, name, value in (
            (InstallCommand, "run", _install(InstallCommand.run, constraint.name)),
            (UninstallCommand, "run", _within(folder, UninstallCommand.run)),
            (install_command, "install_given_reqs", install),
            (_sysconfig, "get_scheme", _scheme(folder)),
            # The folder has no pyvenv.cfg, and what a user might put there is not asked.
            (virtualenv, "_get_pyvenv_cfg_lines", lambda: ["include-system-site-packages = false"]),
        ):
            stack.enter_context(_instead(owner, name, value))
        yield shadowed
        shadowed |= _shadowed(folder)


@contextmanager
def _instead(owner: Any, name: str, value: Any) -> Iterator[None]:
    given = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, given)


def _install(run, constraint: str):
    """Take ``--target`` back: the folder is the environment, and not a target."""

    def wrapped(command, options, arguments):
        options.target_dir = None
        options.constraints = [*options.constraints, constraint]
        return run(command, options, arguments)

    return wrapped


def _within(folder: Path, function):
    """Set sys.prefix while *function* runs: pip removes only what lies below it.

    Not for longer, for pip reads a configuration file there too, which would then be anybody's.
    """

    def wrapped(*arguments, **options):
        with _instead(sys, "prefix", str(folder)):
            return function(*arguments, **options)

    return wrapped


def _scheme(folder: Path):
    """Install into the folder where nothing else is asked for; pip's builds ask for a prefix of their own."""
    given = _sysconfig.get_scheme

    def get_scheme(dist_name, user=False, home=None, root=None, isolated=False, prefix=None):
        if user or home or root or prefix:
            return given(dist_name, user, home, root, isolated, prefix)
        place = str(folder)
        return Scheme(
            platlib=place,
            purelib=place,
            headers=str(folder / "include" / (dist_name or "UNKNOWN")),
            scripts=str(folder / "bin"),
            data=place,
        )

    return get_scheme


def _shadowed(folder: Path) -> dict[str, tuple[str, str]]:
    lab = {found.canonical_name: str(found.version) for found in Environment(sys.path).iter_all_distributions()}
    here = {found.canonical_name: str(found.version) for found in Environment([str(folder)]).iter_all_distributions()}
    return {name: (here[name], lab[name]) for name in here.keys() & lab.keys() if here[name] != lab[name]}
