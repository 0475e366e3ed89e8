"""A lab's Python with the pinned pip and labpip in it, a shared folder, and wheels to install there."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

IMAGE = Path(__file__).parents[2] / "files/singleuser"
PIP = """import sys
from labpip.cli import main
sys.exit(main(sys.argv[2:], sys.argv[1]))
"""


def write_wheel(folder, name, version, files=None, scripts=(), requires=()):
    """Write a wheel whose module says its release."""
    files = dict(files or {f"{name}/__init__.py": f"RELEASE = '{version}'\n"})
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if scripts:
        lines = "".join(f"{script} = {name}:main\n" for script in scripts)
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
        files[f"{name}/__init__.py"] += f"def main():\n    print('{name} {version}')\n"
    wheel = Path(folder, f"{name}-{version}-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        record = ""
        for path, text in files.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            record += f"{path},sha256={digest},{len(text)}\n"
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return wheel


def make_python(folder):
    """Make a venv with the pip that the image pins, and labpip from the checkout; returns its Python."""
    venv.create(folder, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    pinned = re.search(r"^pip==(?:.*\\\n)+.*", (IMAGE / "requirements.txt").read_text(), re.MULTILINE)[0]
    Path(folder, "pip.txt").write_text(pinned + "\n")
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-compile", "--disable-pip-version-check"]
    command += ["--require-hashes", "--target", site, "-r", folder / "pip.txt"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    Path(site, "labpip.pth").write_text(f"{IMAGE / 'src'}\n")
    Path(folder, "pip.py").write_text(PIP)
    return folder / "bin/python"


@dataclass
class Bench:
    """What one test has: the Python is everybody's, the rest its own."""

    python: Path
    root: Path
    packages: Path = field(init=False)
    wheels: Path = field(init=False)

    def __post_init__(self):
        self.packages, self.wheels = self.root / "packages", self.root / "wheels"
        self.packages.mkdir(mode=0o775)
        self.wheels.mkdir()

    def wheel(self, name, version, **parts):
        """Write a wheel that pip finds."""
        return write_wheel(self.wheels, name, version, **parts)

    @property
    def environment(self):
        """The environment of a terminal."""
        return {
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "HOME": str(self.root),
            "PIP_TARGET": str(self.packages),
            "PYTHONPATH": str(self.packages),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }

    def command(self, *arguments):
        """The command line of labpip."""
        return [self.python, "-I", self.python.parents[1] / "pip.py", self.packages, *arguments]

    def pip(self, *arguments, status=0, **environment):
        """Run labpip as a terminal would; returns all that it prints."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def run(self, code):
        """What Python prints in a terminal."""
        done = subprocess.run(
            [self.python, "-c", code], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    def release(self, name):
        """The release that people import."""
        return self.run(f"import {name}; print({name}.RELEASE)")

    def described(self, name):
        """The descriptions of a package in the folder."""
        return sorted(path.name for path in self.packages.glob(f"{name}-*.dist-info"))
