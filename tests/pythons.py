"""Finds the Pythons of this machine, of which several are needed to prove that the collection runs on each."""

import os
import subprocess
from pathlib import Path


def find(version: str) -> Path | None:
    """Return a Python of a version, such as 3.12, that runs and makes venvs; one on PATH, or pyenv's.

    pyenv's shims can be on PATH and not run.
    """
    folders = [*map(Path, os.get_exec_path()), *Path.home().glob(".pyenv/versions/*/bin")]
    return next((path / f"python{version}" for path in folders if _runs(path / f"python{version}")), None)


def _runs(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
