# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Which of pip's commands concern the shared folder, and how they are run there."""

import os
from pathlib import Path

from pip._internal.cli.main import main as pip_main
from pip._internal.cli.main_parser import parse_command
from pip._internal.commands import create_command
from pip._internal.exceptions import PipError

from labpip import FOLDER, words
from labpip.environment import adopt, look_first_in, site_writable
from labpip.lock import LockProblem, held
from labpip.mend import mend


def main(arguments: list[str], folder: str = FOLDER) -> int:
    """Run pip.

    :param arguments: what stands after ``pip``.
    :param folder: the shared folder, an absolute path.
    :returns: the exit status, pip's where pip ran.
    """
    if other_python(arguments):
        _forget(folder)
        return pip_main(arguments)
    look_first_in(os.environ.get("PYTHONPATH", "").split(os.pathsep))
    try:
        name, rest = parse_command(arguments)
    except PipError:
        return pip_main(arguments)
    if name not in ("install", "uninstall"):
        return pip_main(arguments)
    options, _words = create_command(name, isolated="--isolated" in rest).parse_args(rest)
    if elsewhere(options):
        return pip_main(arguments)
    target = getattr(options, "target_dir", None) or os.environ.get("PIP_TARGET", "")
    if target and os.path.realpath(target) != os.path.realpath(folder):
        return pip_main(arguments)
    refusal = refused(name, options, target, folder)
    if refusal:
        return words.refuse(refusal)
    return _in_folder(arguments, rest, Path(folder)) if target else pip_main(arguments)


def other_python(arguments: list[str]) -> bool:
    """Tell whether pip is to work for another Python, ``pip --python``."""
    named = any(argument == "--python" or argument.startswith("--python=") for argument in arguments)
    return named or bool(os.environ.get("PIP_PYTHON"))


def elsewhere(options: object) -> bool:
    """Tell whether an install names a place of its own, or changes nothing."""
    return any(getattr(options, place, None) for place in ("prefix_path", "root_path", "dry_run"))


def refused(name: str, options: object, target: str, folder: str) -> str | None:
    """Say why a command cannot be done in this lab; None if it can."""
    if getattr(options, "use_user_site", False):
        return words.USER
    if target and getattr(options, "editables", None):
        return words.EDITABLE
    if target and not Path(folder).is_dir():
        return words.NOTHING_SHARED
    if target and not os.access(folder, os.W_OK):
        return words.READ_ONLY
    if not target and not site_writable():
        return words.NOTHING_SHARED
    return None


def _forget(folder: str, *, python_path: bool = True) -> None:
    """Take the shared folder out of the environment of what this process starts."""
    if os.path.realpath(os.environ.get("PIP_TARGET", "")) == os.path.realpath(folder):
        del os.environ["PIP_TARGET"]
    if python_path:
        kept = [path for path in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if path not in ("", folder)]
        if kept:
            os.environ["PYTHONPATH"] = os.pathsep.join(kept)


def _in_folder(arguments: list[str], rest: list[str], folder: Path) -> int:
    # Builds in the folder's own environment, and only they, need what lies there.
    _forget(str(folder), python_path="--no-build-isolation" not in rest)
    # What one user installs, the others may mend.
    os.umask(0o002)
    told = words.Listener()
    try:
        with held(folder):
            mend(folder)
            with adopt(folder) as shadowed:
                status = pip_main(arguments)
            if status:
                mend(folder)
    except LockProblem as problem:
        return words.refuse(str(problem))
    except KeyboardInterrupt:
        return words.refuse("Interrupted; nothing was changed.")
    words.after(status, told, shadowed)
    return status
