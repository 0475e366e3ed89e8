"""Make stand-ins for NVIDIA's two apt repositories: packages of its names, without the silicon's side of the driver.

Run as root on a Debian 13 with apt-utils and gpg, beside apt_repository.py and what goes into the packages:
`vendor_site.py DIRECTORY`. The keys are written last.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import apt_repository as apt

HERE = Path(__file__).parent
DRIVERS = ("580.95.05", "590.48.01")
TOOLKITS = ("1.17.8", "1.18.0")


class StandIn(NamedTuple):
    """A package: files of this directory by where they go, links, and what it depends on; `{version}` is filled in."""

    files: dict[str, str] = {}
    links: dict[str, str] = {}
    depends: str = ""
    texts: dict[str, str] = {}


# Without the site's packages, as each start of a Python takes longer than the real program would, which is none.
_RUN = '#!/bin/sh\nexec python3 -S /usr/lib/stand-in/{} "$@"\n'
_LIBRARY = "usr/lib/{triplet}/libnvidia-ml.so"
_MODULE = StandIn(
    {"modprobe": "usr/local/sbin/modprobe", "modinfo": "usr/local/sbin/modinfo"},
    depends="python3",
    texts={"usr/lib/stand-in/module-version": "{version}\n"},
)
DRIVER = {
    "nvidia-kernel-open-dkms": _MODULE,
    "nvidia-kernel-dkms": _MODULE,
    "nvidia-driver-cuda": StandIn(
        {
            "nvidia_smi.py": "usr/lib/stand-in/nvidia_smi.py",
            "stand_in_mig.py": "usr/lib/stand-in/stand_in_mig.py",
            "gpu_shapes.py": "usr/lib/stand-in/gpu_shapes.py",
            "libnvidia-ml.so.1": f"{_LIBRARY}.{{version}}",
        },
        {f"{_LIBRARY}.1": "libnvidia-ml.so.{version}"},
        "nvidia-kernel-open-dkms (= {version}-1) | nvidia-kernel-dkms (= {version}-1)",
        {"usr/bin/nvidia-smi": _RUN.format("nvidia_smi.py")},
    ),
    "nvidia-persistenced": StandIn(
        {"nvidia-persistenced.service": "usr/lib/systemd/system/nvidia-persistenced.service"}
    ),
    "nvidia-fabricmanager": StandIn(
        {"nvidia-fabricmanager.service": "usr/lib/systemd/system/nvidia-fabricmanager.service"}
    ),
    "nvidia-modprobe": StandIn(),
}
TOOLKIT = {
    "nvidia-container-toolkit-base": StandIn(
        {"nvidia_ctk.py": "usr/lib/stand-in/nvidia_ctk.py"},
        texts={
            "usr/lib/stand-in/toolkit-version": "{version}\n",
            "usr/bin/nvidia-ctk": _RUN.format("nvidia_ctk.py"),
        },
    ),
    "libnvidia-container1": StandIn(),
    "libnvidia-container-tools": StandIn(depends="libnvidia-container1 (>= {version})"),
    "nvidia-container-toolkit": StandIn(
        depends="nvidia-container-toolkit-base (= {version}-1), libnvidia-container-tools (>= 1.0)"
    ),
}


def build(name: str, package: StandIn, version: str, pool: Path) -> None:
    """Make one version of a package."""
    triplet = apt.run("gcc", "-print-multiarch").strip() if shutil.which("gcc") else "x86_64-linux-gnu"
    known = {"version": version, "triplet": triplet}
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place) / name
        for source, target in package.files.items():
            shutil.copy(HERE / source, parent(tree / target.format(**known)))
        for target, link in package.links.items():
            parent(tree / target.format(**known)).symlink_to(link.format(**known))
        for target, text in package.texts.items():
            parent(tree / target).write_text(text.format(**known))
            (tree / target).chmod(0o755 if target.startswith("usr/bin/") else 0o644)
        fields = apt.control(
            name, f"{version}-1", f"Stand-in for NVIDIA's {name}", Depends=package.depends.format(**known)
        )
        parent(tree / "DEBIAN/control").write_text(fields)
        apt.pack(tree, pool)


def parent(path: Path) -> Path:
    """Make the directory that a file goes to, and return the file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    return path


def main(site: Path) -> None:
    """Make both, each a flat repository with a key of its own."""
    repositories = {
        site / "cuda": (DRIVER, DRIVERS, site / "cuda/8793F200.pub"),
        site / f"toolkit/{apt.architecture()}": (TOOLKIT, TOOLKITS, site / "toolkit/gpgkey"),
    }
    for place, (packages, versions, key) in repositories.items():
        place.mkdir(parents=True)
        for version in versions:
            for name, package in packages.items():
                build(name, package, version, place)
        (place / "Packages").write_text(apt.run("apt-ftparchive", "packages", ".", cwd=place))
        apt.release(place)
        apt.sign([place], key)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
