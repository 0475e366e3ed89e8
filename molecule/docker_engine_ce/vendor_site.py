"""Make a stand-in for Docker's own apt repository: Debian's engine, repacked under the vendor's names, and signed.

It stands for the vendor's site and for nothing else: what it installs is a real engine, and says whose it is. Run as
root on a Debian 13 with apt-utils and gpg, beside apt_repository.py: `vendor_site.py DIRECTORY`. DIRECTORY/gpg, the
key, is written last.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import apt_repository as apt

SUITE, COMPONENT = "trixie", "stable"
VERSIONS = ("26.1.4", "26.1.5")


class StandIn(NamedTuple):
    """A package of the vendor's: the Debian packages that it is made of, and how it gets on with others."""

    sources: tuple[str, ...]
    versions: tuple[str, ...]
    depends: str
    conflicts: str = ""
    provides: str = ""


_ENGINE = tuple(f"5:{version}-1~standin" for version in VERSIONS)
PACKAGES = {
    "docker-ce": StandIn(
        ("docker.io",), _ENGINE, "adduser, containerd.io, docker-ce-cli, iptables, libsystemd0, tini", "docker.io"
    ),
    "docker-ce-cli": StandIn(("docker-cli",), _ENGINE, "libc6", "docker-cli, docker.io"),
    "containerd.io": StandIn(
        ("containerd", "runc"), ("1.7.24-1~standin",), "libseccomp2", "containerd, runc", "containerd, runc"
    ),
    "docker-buildx-plugin": StandIn(("docker-buildx",), ("0.13.1-1~standin",), "libc6", "docker-buildx"),
    "docker-compose-plugin": StandIn(("docker-compose",), ("2.26.1-1~standin",), "libc6", "docker-compose"),
}


def repack(name: str, package: StandIn, pool: Path, work: Path) -> None:
    """Unpack Debian's packages into one tree, and pack that once for each version."""
    tree = work / name
    for source in package.sources:
        apt.run("apt-get", "--quiet", "download", source, cwd=work)
        # The first one gives what dpkg runs at installation, too.
        how = "--extract" if tree.exists() else "--raw-extract"
        apt.run("dpkg-deb", how, str(next(work.glob(f"{source}_*.deb"))), str(tree))
    # It lists the files of one of several sources.
    (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
    for version in package.versions:
        (tree / "DEBIAN/control").write_text(described(name, version, package))
        apt.pack(tree, pool)
    shutil.rmtree(tree)


def described(name: str, version: str, package: StandIn) -> str:
    """Describe a package, as dpkg reads it."""
    return apt.control(
        name,
        version,
        f"Stand-in for the vendor's {name}, made of Debian's {' and '.join(package.sources)}",
        Depends=package.depends,
        Conflicts=package.conflicts,
        Replaces=package.conflicts,
        Provides=package.provides,
    )


def publish(site: Path) -> None:
    """Write the indexes, sign them with a key of this site's own, and export that key."""
    dist = site / "dists" / SUITE
    index = dist / COMPONENT / f"binary-{apt.architecture()}"
    index.mkdir(parents=True)
    (index / "Packages").write_text(apt.run("apt-ftparchive", "packages", "pool", cwd=site))
    apt.release(dist, Suite=SUITE, Codename=SUITE, Components=COMPONENT, Architectures=apt.architecture())
    apt.sign([dist], site / "gpg")


def main(site: Path) -> None:
    """Make the repository."""
    pool = site / "pool"
    pool.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        # Downloads are made by a user who may write nowhere else.
        Path(work).chmod(0o777)
        for name, package in PACKAGES.items():
            repack(name, package, pool, Path(work))
    publish(site)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
