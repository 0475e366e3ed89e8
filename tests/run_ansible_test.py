"""Runs ansible-test on a copy of this checkout, which lies where ansible-test wants a collection: `make sanity`.

    python tests/run_ansible_test.py sanity --test pylint

It looks with each Python that is here, of those that ansible-core knows.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from ansible_test._internal.python_requirements import get_venv_packages
from ansible_test._util.target.common.constants import CONTROLLER_PYTHON_VERSIONS, REMOTE_ONLY_PYTHON_VERSIONS
from checkout import ROOT, export
from pythons import find

PLACE = ROOT / ".ansible" / "ansible-test"

# ansible-test takes pip, for venvs of its own, from a site of Ansible's. It is on PyPI as well, like all the rest.
GET_PIP = """\
import runpy
import sys

sys.path.insert(0, {wheel!r})
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__")
"""


def copy_of_checkout() -> Path:
    """Make the collection anew from what git tracks, and return where. Git overlooks what ansible-test writes there."""
    place = PLACE / "ansible_collections" / "gpulab" / "jupyterhub"
    shutil.rmtree(place, ignore_errors=True)
    export(place)
    subprocess.run(["git", "init", "--quiet", str(place)], check=True)
    (place / ".git" / "info" / "exclude").write_text("/tests/output/\n")
    subprocess.run(["git", "-C", str(place), "add", "--all"], check=True)
    return place


def home_with_pip() -> Path:
    """Return a home for ansible-test, in which it finds its pip and keeps its venvs."""
    cache = PLACE / "home" / ".ansible" / "test" / "cache"
    version = get_venv_packages(SimpleNamespace(version=CONTROLLER_PYTHON_VERSIONS[0]))["pip"]
    wheel = cache / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--dest", str(cache), f"pip=={version}"], check=True)
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP.format(wheel=str(wheel)))
    # The user's own settings of pip, where there are any.
    if not (PLACE / "home" / ".config").is_symlink():
        (PLACE / "home" / ".config").symlink_to(Path.home() / ".config")
    return PLACE / "home"


def pythons() -> Path:
    """Return a directory of links to one Python of each version that is here."""
    links = PLACE / "bin"
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir(parents=True)
    for version in (*REMOTE_ONLY_PYTHON_VERSIONS, *CONTROLLER_PYTHON_VERSIONS):
        if found := find(version):
            (links / f"python{version}").symlink_to(found)
    return links


def main() -> int:
    """Run ansible-test with the words of the command line."""
    here = Path(sys.executable).parent
    environment = {"HOME": str(home_with_pip()), "PATH": f"{pythons()}:{here}:/usr/local/bin:/usr/bin:/bin"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    command = [here / "ansible-test", *sys.argv[1:]]
    return subprocess.run(command, cwd=copy_of_checkout(), env=kept | environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
