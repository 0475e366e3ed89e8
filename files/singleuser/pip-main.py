"""``python -m pip`` of /opt/lab: pip that knows the folder that all users share, and imports nothing from there."""

import os
import sys
from pathlib import Path

if __spec__ is not None and __spec__.parent == "pip":
    os.execv(sys.executable, [sys.executable, "-I", "-m", "labpip", *sys.argv[1:]])  # noqa: S606 - nothing for a shell to do

# ``pip --python OTHER`` runs this file with another Python, by its path.
sys.path.insert(0, str(Path(__file__).parents[1]))

from pip._internal.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
