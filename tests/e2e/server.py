"""A lab's server, as whoever ran a lab by hand looks at it: with a shell and docker."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from e2e.labclient import HubClient, Lab
from e2e.runs import Run, run_sh

LONGEST = 120
"""Seconds that a command may take."""


@dataclass(frozen=True)
class Server:
    """The server of a lab: this machine, or one that is reached over SSH as an administrator does.

    :param data_root: the lab's directory on it.
    :param play: runs a playbook of the collection against it: its name, then options of ansible-playbook; None where
        nobody asks for that.
    :param ssh: what goes before a command, to the other server's `sudo`; empty for this machine.
    :param url: the lab's door, for another server.
    """

    data_root: Path
    play: Callable[..., Run] | None = run_sh
    ssh: tuple[str, ...] = ()
    url: str = ""

    def run(self, *words: str | Path, text: str | None = None, timeout: float = LONGEST) -> str:
        """Type a command as root, and return what it prints; one that fails, fails the test with its words.

        :param text: what it reads from its standard input.
        """
        typed = [str(word) for word in words]
        command = [*self.ssh, shlex.join(typed)] if self.ssh else typed
        given = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **given)
        assert done.returncode == 0, f"{shlex.join(typed)}: {done.stderr}"
        return done.stdout.strip()

    def docker(self, *words: str | Path) -> str:
        """Run docker."""
        return self.run("docker", *words)

    def container(self, service: str) -> str:
        """Name the container of a service."""
        label = f"label=com.docker.compose.service={service}"
        return self.docker("ps", "--all", "--filter", label, "--format", "{{.Names}}")

    def image_of(self, service: str) -> str:
        """Name the image that a service runs."""
        return self.docker("inspect", self.container(service), "--format", "{{.Config.Image}}")

    @property
    def systemd(self) -> bool:
        """Whether systemd starts its services."""
        return self.run("cat", "/proc/1/comm") == "systemd"

    @property
    def lab(self) -> Lab:
        """The lab of this moment, with the secrets that it has now."""
        if not self.ssh:
            return Lab.from_environment()
        held = [self.run("cat", self.data_root / "secrets" / name) for name in ("admin_password", "ansible_token")]
        return Lab(self.url, "admin", *held, self.data_root)

    def as_admin(self) -> HubClient:
        """Act as the admin for a minute; the lab's own token may not change groups."""
        words = ("python", "-m", "labhub.key", "--user", self.lab.admin, "--seconds", "60")
        token = json.loads(self.docker("exec", self.container("jupyterhub"), *words))["token"]
        return HubClient(replace(self.lab, token=token))


HERE = Server(Path(os.environ.get("LAB_DATA_ROOT", "/srv/jupyterhub")))
"""This machine."""


def docker(*arguments, cwd=None, timeout=LONGEST):
    """Run docker on this machine, and return what it prints; an error of docker's fails the test with its text."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def typed(name, command):
    """Type a command in a terminal of a user's; returns what it says, errors too, and then its exit status."""
    return docker("exec", f"jupyter-{name}", "bash", "-c", f"{command} 2>&1; echo $?")
