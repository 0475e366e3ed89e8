# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes an unpacked archive of packages the only source of one apt run, and leaves the server's own sources alone."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

#: What APT_CONFIG names for such a run, within the repository's directory.
CONFIG = "apt.conf"

# Not signed: the archive's digest has been compared with the bundle's SHA256SUMS, and its index has each package's.
# A key that was made with the bundle would be carried in it, and prove no more.
_SOURCE = """\
Types: deb
URIs: file:{place}
Suites: ./
Trusted: yes
"""

# Lists and caches as well, or apt would forget what it knows of the server's own sources.
_CONFIG = """\
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{place}/sources";
Dir::State::lists "{place}/lists";
Dir::Cache::pkgcache "{place}/pkgcache.bin";
Dir::Cache::srcpkgcache "{place}/srcpkgcache.bin";
"""


def place_repository(archive: Path, place: Path) -> None:
    """Unpack an archive of packages into a directory, anew, with what apt needs to install from it.

    :raises OSError, tarfile.TarError: if that fails.
    """
    shutil.rmtree(place, ignore_errors=True)
    for folder in (place, place / "sources", place / "lists/partial"):
        # Whom apt becomes to read files has to get in.
        folder.mkdir(parents=True)
    with tarfile.open(archive) as opened:
        for member in opened:
            # No path of an archive leads anywhere else.
            with (place / Path(member.name).name).open("wb") as file:
                shutil.copyfileobj(opened.extractfile(member), file, 1 << 20)
    (place / "sources/bundle.sources").write_text(_SOURCE.format(place=place))
    (place / CONFIG).write_text(_CONFIG.format(place=place))
