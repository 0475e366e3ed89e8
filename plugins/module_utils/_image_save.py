# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes images of the engine into one compressed file."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

from ._image_make import docker

# Stronger levels take a multiple of the time for a tenth of the size.
_LEVEL = 1


def save(refs: list[str], path: Path) -> str:
    """Write images into a file, what they share once; return why that failed, or nothing.

    :raises OSError: if the file cannot be written, or no Docker is there.
    """
    # Through a pipe: images may be larger than the memory that is free, or the disk has room for twice.
    with gzip.open(path, "wb", compresslevel=_LEVEL) as file:
        process = subprocess.Popen(docker("image", "save", *refs), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        shutil.copyfileobj(process.stdout, file, 1 << 20)
        said = process.communicate()[1].decode(errors="replace").strip()
    return said or f"docker image save: exit code {process.returncode}" if process.returncode else ""
