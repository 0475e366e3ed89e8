"""Builds the double of NVML that `nvml_double.c` is."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("nvml_double.c")


def build(folder):
    """Compile the double into a folder, under the names by which programs load the real ones; return the folder."""
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["gcc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    shutil.copy(library, folder / "libcuda.so.1")
    return folder
