"""The lab's server, as whoever ran a lab by hand looks at it: with docker."""

import json
import subprocess
from dataclasses import replace

from e2e.labclient import HubClient, Lab


def docker(*arguments, cwd=None, timeout=120):
    """Run docker, and return what it prints; an error of docker's fails the test with its text."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def typed(name, command):
    """Type a command in a terminal of a user's; returns what it says, errors too, and then its exit status."""
    return docker("exec", f"jupyter-{name}", "bash", "-c", f"{command} 2>&1; echo $?")


def as_admin(lab: Lab) -> HubClient:
    """Act as the admin for a minute; the lab's own token may not change groups."""
    words = ("python", "-m", "labhub.key", "--user", lab.admin, "--seconds", "60")
    token = json.loads(docker("exec", "jupyterhub-jupyterhub-1", *words))["token"]
    return HubClient(replace(lab, token=token))
