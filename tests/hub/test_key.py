# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The key that root on the server gets: a real hub takes it, for what it is for and no longer."""

import json
import time

import pytest
from hub.running import ADMIN_PASSWORD
from labhub import key


@pytest.fixture
def get_key(hub, capsys, monkeypatch):
    """Run the command beside the running hub, on its database; return the exit status, the key, and what was said."""
    monkeypatch.chdir(hub.directory)
    config = hub.directory / "for_key.py"
    config.write_text("c = get_config()\nc.JupyterHub.db_url = 'sqlite:///jupyterhub.sqlite'\n")

    def run(user="boss", seconds=60):
        code = key.main(["--user", user, "--seconds", str(seconds), "--config", str(config)])
        printed = capsys.readouterr()
        return code, json.loads(printed.out or "{}").get("token"), printed.err

    return run


def test_it_makes_admins_and_groups_of_a_running_hub(hub, get_key):
    code, token, _errors = get_key()
    assert code == 0
    assert hub.api("POST", "/users/carol", token=token).status_code == 201
    assert hub.api("PATCH", "/users/carol", token=token, json={"admin": True}).json()["admin"]
    assert hub.api("POST", "/groups/vision", token=token).status_code == 201
    assert hub.api("POST", "/groups/vision/users", token=token, json={"users": ["carol"]}).ok
    assert hub.api("PUT", "/lab/accounts/boss", token=token, json={"password": ADMIN_PASSWORD}).ok


def test_it_is_no_key_to_anything_else(hub, get_key):
    token = get_key()[1]
    assert hub.api("GET", "/proxy", token=token).status_code == 403
    assert hub.api("POST", "/shutdown", token=token).status_code == 403
    assert hub.api("POST", "/users/boss/tokens", token=token, json={}).status_code == 403


def test_it_ends_by_itself(hub, get_key):
    token = get_key(seconds=2)[1]
    assert hub.api("GET", "/users/boss", token=token).ok
    time.sleep(3)
    assert hub.api("GET", "/users/boss", token=token).status_code == 403


@pytest.mark.parametrize("name", ["nobody", "plain"])
def test_who_is_no_admin_has_no_key(hub, get_key, name):
    hub.api("POST", "/users/plain")
    code, token, said = get_key(name)
    assert (code, token) == (1, None)
    assert f"no admin {name}" in said
