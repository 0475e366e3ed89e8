"""Runs the unit and contract layers on each release of ansible-core that meta/runtime.yml promises: `make versions`.

The requirements hold the last release that a Python can have, so the Python chooses it. Each has a venv of its own.
"""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from checkout import ROOT
from pythons import find

#: Pythons with which requirements.txt brings each release.
PYTHONS = {"2.19": ("3.11",), "2.21": ("3.13", "3.12")}
REQUIREMENTS = ("requirements.txt", "requirements-test.txt")
LAYERS = ("tests/unit", "tests/contract")


def venv(release: str) -> Path:
    """Return a Python whose ansible-core is of *release*, made once for these requirements.

    :raises LookupError: if this machine has no Python for it.
    """
    place = ROOT / f".venv-{release}"
    python, stamp = place / "bin" / "python", place / ".stamp"
    wanted = sha256(b"".join((ROOT / name).read_bytes() for name in REQUIREMENTS)).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        base = next(filter(None, map(find, PYTHONS[release])), None)
        if base is None:
            raise LookupError(f"ansible-core {release} needs Python {' or '.join(PYTHONS[release])}; none is here.")
        subprocess.run([base, "-m", "venv", "--clear", place], check=True)
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes"]
        for name in REQUIREMENTS:
            subprocess.run([*pip, "-r", ROOT / name], check=True)
        stamp.write_text(wanted)
    return python


def holds(python: Path, release: str) -> bool:
    """Tell whether what the requirements brought is of the release that is to be proved."""
    asked = [python, "-c", "from ansible.release import __version__; print(__version__)"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    print(f"\nansible-core {found}", flush=True)
    return found.startswith(f"{release}.")


def main() -> int:
    """Run the layers on every release, and tell on which they failed."""
    failed = []
    for release in sys.argv[1:] or PYTHONS:
        try:
            python = venv(release)
        except LookupError as missing:
            print(missing, file=sys.stderr)
            failed.append(release)
            continue
        tests = [python, "-m", "pytest", "-q", "-n", "2", *LAYERS]
        if not holds(python, release) or subprocess.run(tests, cwd=ROOT, check=False).returncode:
            failed.append(release)
    if failed:
        print(f"Not proved on ansible-core {', '.join(failed)}.", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
