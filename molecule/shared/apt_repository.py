"""Make a signed apt repository out of packages, for stand-ins of vendors' own. Needs apt-utils and gpg, and no root."""

import os
import subprocess
import tempfile
from pathlib import Path


def run(*words: str, cwd: Path | None = None, **more: str) -> str:
    """Run a command, and return what it printed."""
    env = os.environ | more
    return subprocess.run(words, cwd=cwd, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


def architecture() -> str:
    """Return the processor's architecture, as Debian calls it."""
    return run("dpkg", "--print-architecture").strip()


def control(name: str, version: str, description: str, **fields: str) -> str:
    """Describe a package, as dpkg reads it; further fields by name, empty ones left out."""
    known = {
        "Package": name,
        "Version": version,
        "Architecture": architecture(),
        "Maintainer": "gpulab.jupyterhub tests <nobody@localhost>",
        **fields,
        "Description": description,
    }
    return "".join(f"{field}: {value}\n" for field, value in known.items() if value)


def pack(tree: Path, pool: Path) -> None:
    """Make a package of a tree, whose directory DEBIAN describes it."""
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(pool))


def release(place: Path, **facts: str) -> None:
    """Write the file that tells of all indexes below a directory."""
    options = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in facts.items()]
    # Not among the files that it tells of.
    text = run("apt-ftparchive", *options, "release", ".", cwd=place)
    (place / "Release").write_text(text)


def sign(releases: list[Path], key: Path) -> None:
    """Sign the files `Release` of these directories with a key made for it, and export that key."""
    with tempfile.TemporaryDirectory() as home:
        who = "vendor-site@localhost"
        gpg = ["gpg", "--batch", "--quiet", "--passphrase", ""]
        run(*gpg, "--quick-generate-key", who, "ed25519", "sign", "never", GNUPGHOME=home)
        for place in releases:
            run(*gpg, "--output", str(place / "InRelease"), "--clearsign", str(place / "Release"), GNUPGHOME=home)
        key.write_text(run(*gpg, "--armor", "--export", who, GNUPGHOME=home))
        run("gpgconf", "--kill", "gpg-agent", GNUPGHOME=home)
