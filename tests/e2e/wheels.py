"""Packages that a test makes up, in the directory that all users share: no index, and no luck, is needed for them."""

import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from singleuser.labpip_bench import write_wheel

SMALL, LARGE, COMPILED = "e2e_small", "e2e_large", "e2e_compiled"
INSTALL = f"pip install --no-index --find-links ~/shared/{SMALL}"
MODULES = 3000
BUILD = """
from setuptools import Extension, setup
setup(name="e2e_compiled", version="1.0", ext_modules=[Extension("e2e_compiled", ["fast.c"])])
"""


@contextmanager
def offered(shared: Path, packages: Path) -> Iterator[Path]:
    """Write the packages below *shared*; at the end they are gone from there, and from the shared packages.

    ``e2e_small`` has a console script; ``e2e_large``, which needs it, takes a while to install; both have releases 1.0
    and 2.0. ``e2e_compiled`` is C, as source.
    """
    folder = shared / SMALL
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    modules = {f"{LARGE}/m{number:04}.py": f"NUMBER = {number}\n" * 20 for number in range(MODULES)}
    for version in ("1.0", "2.0"):
        write_wheel(folder, SMALL, version, scripts=[SMALL])
        large = {f"{LARGE}/__init__.py": f"RELEASE = '{version}'\n"} | modules
        write_wheel(folder, LARGE, version, files=large, requires=[SMALL])
    _write_source(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        for left in (*packages.glob("e2e_*"), *packages.glob("bin/e2e_*")):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _write_source(folder: Path) -> None:
    source = folder / f"{COMPILED}-1.0"
    source.mkdir()
    (source / "setup.py").write_text(BUILD)
    (source / "fast.c").write_text("int fast(void) { return 1; }\n")
    (source / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {COMPILED}\nVersion: 1.0\n")
    with tarfile.open(folder / f"{COMPILED}-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, source.name)
    shutil.rmtree(source)
