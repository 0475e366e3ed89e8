"""Plays of one task that is about images or packages, with the real Ansible and a stand-in for the program docker."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = Path(__file__).parent / "image_docker_double.py"


def prepare(place):
    """Make a server in a directory: a store of images, the program docker, and the contexts of three images."""
    (place / "images").mkdir()
    (place / "bin").mkdir()
    docker = place / "bin" / "docker"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} {DOUBLE} "$@"\n')
    docker.chmod(0o755)
    for name in ("base", "hub", "user"):
        (place / name).mkdir()
        (place / name / "Dockerfile").write_text("FROM x\n")
    return place


class Play:
    """A play with one task on such a server, about those images; call it with options of ansible-playbook."""

    def __init__(self, place, module, arguments, store="images"):
        self.place, self.store = place, place / store
        self.store.mkdir(exist_ok=True)
        images = [
            {"name": "t/base", "what": "base", "base": "debian", "context": str(place / "base")},
            {"name": "t/hub", "what": "hub", "base": "t/base", "context": str(place / "hub")},
            {"name": "t/user", "what": "singleuser", "base": "t/base", "context": str(place / "user")},
        ]
        given = {"images": images, **arguments} if module.startswith("image_") else arguments
        task = {f"gpulab.jupyterhub.{module}": given}
        self.text = json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])

    def __call__(self, *options):
        """Return the task's result, and all that was printed."""
        play = self.place / "play.yml"
        play.write_text(self.text)
        environment = {
            **os.environ,
            "PATH": f"{self.place / 'bin'}:{os.environ['PATH']}",
            "DOUBLE_STORE": str(self.store),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).parents[5]),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_ASYNC_DIR": str(self.place / "async"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        }
        program = [sys.executable, "-m", "ansible.cli.playbook"]
        command = [*program, "-i", "localhost,", "-c", "local", "-v", *options, play]
        interpreter = ["-e", f"ansible_python_interpreter={sys.executable}"]
        done = subprocess.run(
            [*command, *interpreter],
            capture_output=True,
            text=True,
            env=environment,
            cwd=self.place,
            timeout=120,
            check=False,
        )
        line = next(line for line in done.stdout.splitlines() if "=> {" in line)
        text = done.stdout[done.stdout.index(line) :].split("=> ", 1)[1]
        return json.JSONDecoder().raw_decode(text)[0], done.stdout
