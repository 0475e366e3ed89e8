"""Playbooks parse, and what they wire exists."""

import subprocess
import sys

import pytest
import yaml

from .conftest import ROOT, Role

PLAYBOOKS = sorted(path.name for path in ROOT.glob("playbooks/*.yml") if path.name != "lab_variables.yml")


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_what_a_playbook_need_not_check_again_can_be_checked(playbook, root):
    """Who includes the same tasks from another project gets the check that the lab's own playbook has done before."""
    plays = yaml.safe_load((root / "playbooks" / playbook).read_text())
    parts = ("tasks", "pre_tasks", "post_tasks")
    tasks = [task for play in plays for part in parts for task in play.get(part, ())]
    includes = [task[key] for task in tasks for key in task if key.endswith(("include_role", "import_role"))]
    unchecked = [one for one in includes if not one.get("rolespec_validate", True)]
    entries = [(one["name"].rpartition(".")[2], one.get("tasks_from", "main")) for one in unchecked]
    assert [name for role, name in entries if name not in Role(role).specs] == []


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


@pytest.mark.parametrize("playbook", ["doctor", "down", "site", "users"])
def test_an_inventory_without_a_server_is_no_success(playbook, root, tmp_path):
    (tmp_path / "hosts.yml").write_text("labservers: {hosts: {nobody: {}}}")
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(tmp_path), f"playbooks/{playbook}.yml"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stdout
    assert "no host in the group lab_servers" in " ".join((result.stdout + result.stderr).split())


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
