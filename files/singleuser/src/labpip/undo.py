# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What an installation has written that then failed: pip leaves it there, importable and filling the disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from pathlib import Path

from pip._internal.operations.install.wheel import PipScriptMaker, ZipBackedFile


@contextmanager
def taken_back(folder: Path) -> Iterator[None]:
    """Remove what pip writes into *folder* within the ``with``, if that fails; what was there before stays."""
    written: list[str] = []
    save, make = ZipBackedFile.save, PipScriptMaker.make

    def noted_save(file):
        if not os.path.lexists(file.dest_path):
            written.append(file.dest_path)
        return save(file)

    def noted_make(maker, *arguments, **options):
        made = make(maker, *arguments, **options)
        written.extend(made)
        return made

    ZipBackedFile.save, PipScriptMaker.make = noted_save, noted_make
    try:
        yield
    except BaseException:
        _remove(map(Path, written), folder)
        raise
    finally:
        ZipBackedFile.save, PipScriptMaker.make = save, make


def _remove(files: Iterator[Path], folder: Path) -> None:
    """Remove files, what Python has compiled of them, and directories that are empty then."""
    places = set()
    for file in files:
        for path in (file, Path(cache_from_source(file))):
            with suppress(OSError):
                path.unlink()
            places |= {place for place in path.parents if folder in place.parents}
    for place in sorted(places, reverse=True):
        with suppress(OSError):
            place.rmdir()
