"""The server with stand-ins for cards, and modules of the collection that are run on it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host


@pytest.fixture(scope="session")
def gpu(server) -> Host:
    """The server with the cards, as root."""
    return server("gpu")


@pytest.fixture(scope="session")
def module() -> Callable[..., dict[str, Any]]:
    """Run a module of the collection on that server; return its result."""
    inventory = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "inventory"

    def run(name: str, **arguments: Any) -> dict[str, Any]:
        words = ["ansible", f"--inventory={inventory}", "gpu", "--become", f"--module-name=gpulab.jupyterhub.{name}"]
        plain = os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_FORCE_COLOR": "false"}
        words += [f"--args={json.dumps(arguments)}"] if arguments else []
        told = subprocess.run(words, capture_output=True, text=True, env=plain, check=False)
        head, arrow, result = told.stdout.partition("=>")
        assert arrow and "SUCCESS" in head, told.stdout + told.stderr
        return json.loads(result)

    return run


@pytest.fixture(scope="session")
def image(gpu) -> str:
    """An image with a Python, made of the server's own files."""
    programs = "usr/bin/python3* usr/bin/sh usr/bin/dash usr/bin/sleep"
    tree = f"bin lib lib64 {programs} usr/lib/python3* usr/lib/*-linux-gnu* usr/lib64"
    gpu.check_output(f"cd / && tar --create {tree} | docker image import - local/python")
    return "local/python"
