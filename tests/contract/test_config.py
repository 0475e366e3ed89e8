"""The rendered jupyterhub_config.py is what JupyterHub and labhub take."""

import json
import os
import subprocess
import sys

import pytest

PLAY = """
- hosts: localhost
  gather_facts: false
  roles: [gpulab.jupyterhub.hub_config]
"""
FULL = {
    "hub_config_user_memory": "4G",
    "hub_config_user_cpus": 1.5,
    "hub_config_shared_packages": "curated",
    "hub_config_user_environment": {"A": "it's", "B": "1"},
    "hub_config_http_proxy": "http://proxy.example.org:3128",
    "hub_config_mounts": [{"source": "/data/{username}", "target": "/data", "mode": "ro", "groups": ["ml"]}],
    "hub_config_gpu_access": [
        {"groups": ["ml"], "gpus": ["GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952"], "choice": True},
        {"gpus": "all"},
    ],
    "hub_config_gpu_injection": "legacy",
    "hub_config_gpu_names": {"GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952": "A100, 40 GB"},
    "hub_config_services": [{"name": "grader", "scopes": ["list:users"]}],
    "hub_config_roles": [{"name": "watch", "scopes": ["read:users"], "services": ["grader"]}],
    "hub_config_extra": {"limit": "c.JupyterHub.active_server_limit = 30"},
}


@pytest.fixture
def render(tmp_path, root):
    """Run the role on a data root of the test's own, and return that directory."""

    def run(**variables):
        me = {"hub_config_hub_uid": os.getuid(), "hub_config_users_gid": os.getgid(), "ansible_become": False}
        variables = (
            me
            | {"hub_config_data_root": str(tmp_path / "lab"), "ansible_python_interpreter": sys.executable}
            | variables
        )
        (tmp_path / "play.yml").write_text(PLAY)
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local"]
        command += [str(tmp_path / "play.yml"), "-e", json.dumps(variables)]
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return tmp_path / "lab"

    return run


def load(lab):
    """Have labhub load the file as the hub would."""
    command = [sys.executable, "-m", "labhub.checkconfig", str(lab / "config/jupyterhub_config.py")]
    environment = os.environ | {"PYTHONPATH": "files/hub/src"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("variables", [{}, FULL], ids=["plain", "full"])
def test_the_hub_takes_what_is_rendered(render, variables):
    lab = render(**variables)
    result = load(lab)
    assert result.returncode == 0, result.stderr


def test_a_trait_that_does_not_exist_is_told(render):
    result = load(render(hub_config_extra={"slip": "c.LabSpawner.imaeg = 'x'"}))
    assert result.returncode == 1
    assert "imaeg" in result.stderr
    assert "image" in result.stderr.replace("imaeg", "")


def test_what_the_inventory_says_arrives(render):
    text = (render(**FULL) / "config/jupyterhub_config.py").read_text()
    for part in ('"4G"', "cpu_limit = 1.5", "service_grader_token", "active_server_limit = 30", "http_proxy"):
        assert part in text.replace("'", '"')
    for part in ('"gpus": "all"', '"choice": True', 'gpu_injection = "legacy"', '"A100, 40 GB"'):
        assert part in text.replace("'", '"')


@pytest.mark.parametrize(
    ("given", "rendered"), [({}, "'open'"), ({"hub_config_shared_packages": False}, "'off'")], ids=["default", "off"]
)
def test_shared_packages_are_as_the_inventory_says(render, given, rendered):
    text = (render(**given) / "config/jupyterhub_config.py").read_text()
    assert f"c.LabSpawner.shared_packages = {rendered}\n" in text


def test_no_secret_stands_in_the_file(render):
    lab = render(**FULL)
    text = (lab / "config/jupyterhub_config.py").read_text()
    secrets = [path.read_text().strip() for path in (lab / "secrets").iterdir()]
    assert len(secrets) == 6
    assert [secret for secret in secrets if secret in text] == []


def test_a_lab_without_gpus_says_nothing_of_them(render):
    assert "gpu_" not in (render() / "config/jupyterhub_config.py").read_text()
