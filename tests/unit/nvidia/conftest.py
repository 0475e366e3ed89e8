"""A server with cards, and the modules of the NVIDIA roles as Ansible runs them, on files and commands."""

import json
import os

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _apt_look as apt
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_apt as sources
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_look as look
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_toolkit as toolkit
from ansible_collections.gpulab.jupyterhub.plugins.modules import (
    nvidia_container_toolkit_info,
    nvidia_driver_info,
    nvidia_mig,
)
from ansible_collections.gpulab.jupyterhub.tests.unit.gpu_server import Server

KEPT = toolkit.SPECIFICATION.lstrip("/")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server with two cards and a driver, and with apt's files where the test wants them."""
    server = Server(tmp_path).working()
    (server.root / "etc/cdi/nvidia.json").rename(server.root / KEPT)
    server.dpkg("")
    monkeypatch.setattr(look, "ROOT", server.root)
    monkeypatch.setattr(apt, "interrupted", lambda: False)
    monkeypatch.setattr(sources, "read_sources", lambda: server.sources)
    monkeypatch.setattr(apt, "drifted", lambda files: [file for file in files if file["path"] in server.drifted])
    monkeypatch.setenv("PATH", f"{server.commands}{os.pathsep}{os.environ['PATH']}")
    return server


@pytest.fixture
def run(server, capsys, monkeypatch):
    """Run a module; return its result."""

    def answer(_argv, **_how):
        return cli.Answer("ok", "\n".join(server.user_servers), "") if server.engine else cli.Answer("down", "", "gone")

    for asks in (nvidia_driver_info, nvidia_container_toolkit_info, nvidia_mig):
        monkeypatch.setattr(asks, "Docker", lambda socket: cli.Docker(socket, answer))

    def run(module, check=False, **arguments):
        arguments |= {"_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return run
