"""A plain JupyterHub with DockerSpawner and JupyterLab, on the lab's own base image; it leaves nothing behind."""

import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from e2e.labclient import Lab, wait_until
from e2e.server import docker

ROOT = Path(__file__).resolve().parents[2]
NAME = "lab-bench-plain"
"""Container of its hub, its network, and what the containers of its users begin with."""
IMAGES = {what: f"{NAME}-{what}:latest" for what in ("hub", "user")}
PORT = 18000
LABEL = "org.gpulab.jupyterhub.bench"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
UP_TIMEOUT = 90


@contextmanager
def running() -> Iterator[Lab]:
    """Build the plain lab, bring it up, and remove all of it at the end, whatever happens between."""
    remove()
    try:
        _build()
        token = secrets.token_hex(32)
        _bring_up(token)
        yield Lab(f"http://127.0.0.1:{PORT}", "admin", "", token, Path("/nonexistent"))
    finally:
        remove()


def remove() -> None:
    """Remove what this or an interrupted earlier run has made; the build cache stays."""
    containers = docker("ps", "--all", "--quiet", "--filter", f"name=^/{NAME}").split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    if docker("network", "ls", "--quiet", "--filter", f"name=^{NAME}$"):
        docker("network", "rm", NAME)
    images = docker("image", "ls", "--quiet", "--filter", f"label={LABEL}").split()
    if images:
        docker("image", "rm", "--force", *images)


def newest(repository: str) -> str:
    """Name the lab's newest image of a repository; the list that Docker prints begins with it."""
    return docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository).splitlines()[0]


def _build() -> None:
    with tempfile.TemporaryDirectory() as context:
        shutil.copytree(Path(__file__).parent / "plain", context, dirs_exist_ok=True)
        for what in ("hub", "singleuser"):
            shutil.copy(ROOT / "files" / what / "requirements.txt", Path(context, f"{what}.txt"))
        arguments = [f"BASE={newest('gpulab/base')}", f"PROXY={newest('gpulab/proxy')}"]
        for what, tag in IMAGES.items():
            words = ["buildx", "build", "--builder", "default", "--load", "--quiet", "--target", what, "--tag", tag]
            words += ["--label", LABEL, "--secret", f"id=ca,src={CA_BUNDLE}"]
            words += [word for argument in arguments for word in ("--build-arg", argument)]
            docker(*words, context, timeout=900)


def _bring_up(token: str) -> None:
    docker("network", "create", "--label", LABEL, NAME)
    settings = {"PLAIN_NAME": NAME, "PLAIN_USER_IMAGE": IMAGES["user"], "PLAIN_TOKEN": token}
    words = ["run", "--detach", "--name", NAME, "--network", NAME, "--publish", f"127.0.0.1:{PORT}:8000"]
    words += ["--volume", "/var/run/docker.sock:/var/run/docker.sock"]
    words += [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    docker(*words, IMAGES["hub"])
    wait_until(_healthy, "the plain hub answers", UP_TIMEOUT)
    time.sleep(2)


def _healthy() -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{PORT}/hub/health", timeout=2).ok
    except requests.RequestException:
        return False
