"""The collection as Galaxy users get it: built, installed into an empty place, and found by its full name."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from checkout import export


def ansible(program, *arguments, **options):
    """Run one of Ansible's programs, and return what it printed."""
    command = [Path(sys.executable).with_name(f"ansible-{program}"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The collection's archive, made from what git tracks, as a release is."""
    work = tmp_path_factory.mktemp("release")
    export(work / "tree")
    ansible("galaxy", "collection", "build", "--output-path", str(work), str(work / "tree"))
    (archive,) = work.glob("gpulab-jupyterhub-*.tar.gz")
    return archive


def test_the_archive_holds_what_the_roles_need_and_nothing_of_a_checkout(built):
    with tarfile.open(built) as archive:
        names = set(archive.getnames())
    assert {"playbooks/site.yml", "playbooks/lab_variables.yml", "files/hub/Dockerfile"} <= names
    assert {"roles/hub_stack/templates/compose.yml.j2", "files/hub/src/labhub/spawner.py"} <= names
    assert [name for name in names if name.split("/")[0] in (".venv", ".ansible", ".ci", ".git", "tests")] == []


@pytest.fixture
def installed(built, tmp_path):
    """An empty place with the collection installed, and the environment that finds it there and nothing else."""
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    place = {"cwd": tmp_path, "env": environment}
    ansible("galaxy", "collection", "install", "--no-deps", "-p", "collections", str(built), **place)
    return place


@pytest.mark.parametrize("playbook", ["site", "verify", "doctor", "users", "down"])
def test_its_playbooks_are_found_from_an_empty_place(installed, playbook):
    ansible("playbook", "-i", "localhost,", "--syntax-check", f"gpulab.jupyterhub.{playbook}", **installed)


def test_its_settings_are_checked_there_too(installed):
    (installed["cwd"] / "hosts.yml").write_text("lab_servers: {hosts: {nobody: {hub_stack_prot: 1}}}")
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", "hosts.yml", "gpulab.jupyterhub.site"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, **installed)
    assert "Did you mean hub_stack_port?" in result.stdout + result.stderr
