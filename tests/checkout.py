"""What git tracks of this checkout, copied to another place, as a release or a clone would have it."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def export(place: Path) -> Path:
    """Copy what git tracks, as it stands now, to *place*, and return that.

    :raises subprocess.CalledProcessError: if this is no checkout of git.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    return place
