# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Checking configurations, each in a process of its own, as Ansible runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "files/hub/src"

CONFIG = """
import labhub
c = get_config()
c.JupyterHub.spawner_class = "labhub.spawner.LabSpawner"
c.JupyterHub.authenticator_class = "labhub.authenticator.LabAuthenticator"
c.JupyterHub.db_url = "sqlite:////srv/state/jupyterhub.sqlite"
c.JupyterHub.cookie_secret = bytes.fromhex(labhub.secret("cookie_secret"))
c.ConfigurableHTTPProxy.auth_token = labhub.secret("proxy_auth_token")
c.ConfigurableHTTPProxy.should_start = False
c.LabAuthenticator.bootstrap_accounts = {"admin": "/run/lab-secrets/admin_password"}
c.Authenticator.admin_users = {"admin"}
c.LabSpawner.mem_limit = "2G"
c.LabSpawner.mounts = [{"source": "/srv/jupyterhub/shared", "target": "/home/{username}/shared", "mode": "rw"}]
c.JupyterHub.services = [{"name": "ansible", "api_token": labhub.secret("ansible_token")}]
c.JupyterHub.load_roles = [{"name": "ansible", "services": ["ansible"], "scopes": ["admin:users", "admin:servers"]}]
"""


def check(directory: Path, config: str | None) -> tuple[int, str]:
    """Run the tool; returns its exit status and what it says."""
    file = directory / "jupyterhub_config.py"
    if config is not None:
        file.write_text(config)
    command = [sys.executable, "-m", "labhub.checkconfig", str(file)]
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, env=env, cwd=directory, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_good_configuration_needs_no_secret_and_leaves_nothing_behind(tmp_path):
    assert check(tmp_path, CONFIG) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["jupyterhub_config.py"]


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        (
            "LabSpawner.mem_limit",
            "LabSpawner.mem_limmit",
            "c.LabSpawner.mem_limmit: LabSpawner has no such setting; did you mean mem_limit?",
        ),
        ("ConfigurableHTTPProxy.should", "ConfigurableHttpProxy.should", "did you mean ConfigurableHTTPProxy?"),
        ('"2G"', '"2 gigs"', "'mem_limit' trait of a LabSpawner"),
        ('"rw"', '"rx"', "LabSpawner.mounts: mode must be 'ro' or 'rw'"),
        (
            "c.Authenticator.admin_users",
            'c.LabAuthenticator.signup = "opn"\nc.Authenticator.admin_users',
            "'closed', 'moderated', 'open'",
        ),
        ('{"admin"}', '{"Lab_Admin"}', "lab_admin"),
        ('"admin:servers"', '"admin:srvers"', "admin:srvers"),
        ("labhub.spawner.LabSpawner", "labhub.spawner.Nope", "labhub.spawner.Nope"),
        ("c = get_config()", "c = get_config(", "jupyterhub_config.py, line 3: '(' was never closed"),
        ("import labhub", "import labhubb", "jupyterhub_config.py, line 2: ModuleNotFoundError"),
        ("should_start = False", 'should_start = "perhaps"', "'should_start' trait"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path, right, wrong, words):
    assert right in CONFIG
    status, said = check(tmp_path, CONFIG.replace(right, wrong))
    assert status == 1
    assert words in said
    assert "Traceback" not in said


def test_every_unknown_name_is_told_at_once(tmp_path):
    _code, said = check(tmp_path, CONFIG + "c.LabSpawner.shmsize = 1\nc.Nonsense.x = 1\n")
    assert len(said.splitlines()) == 2


def test_an_absent_file_is_named(tmp_path):
    status, said = check(tmp_path, None)
    assert (status, "jupyterhub_config.py" in said) == (1, True)


def test_a_configuration_that_ends_the_hub_is_told(tmp_path):
    status, said = check(tmp_path, f"{CONFIG}\nimport sys\nsys.exit(0)\n")
    assert status == 1
    assert f"jupyterhub_config.py, line {CONFIG.count(chr(10)) + 3}: SystemExit: 0" in said
