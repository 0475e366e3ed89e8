"""Playbooks parse, and what they wire exists."""

import subprocess
import sys

import pytest

from .conftest import ROOT

PLAYBOOKS = sorted(path.name for path in ROOT.glob("playbooks/*.yml") if path.name != "lab_variables.yml")


@pytest.mark.parametrize("inventory", ["local", "example"])
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_parses(playbook, inventory, root):
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "--syntax-check",
        "-i",
        f"inventories/{inventory}",
    ]
    result = subprocess.run([*command, f"playbooks/{playbook}"], cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_an_unknown_setting_stops_the_site_before_any_server_is_asked(root, tmp_path):
    # Nobody answers there, so a play that asked the server first would call it unreachable.
    (tmp_path / "hosts.yml").write_text(
        "lab_servers: {hosts: {nobody: {ansible_host: 127.0.0.1, ansible_port: 1, hub_stack_prot: 1}}}"
    )
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(tmp_path / "hosts.yml"),
        "playbooks/site.yml",
    ]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "hub_stack_prot: there is no such setting. Did you mean hub_stack_port?" in result.stdout + result.stderr
    assert "unreachable=0" in result.stdout
