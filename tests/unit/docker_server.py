"""A server's files of Docker in a directory, with an engine that a test describes."""

import json
import os

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_look as look
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_record as record
from ansible_collections.gpulab.jupyterhub.plugins.modules import docker_daemon_options

ENGINE = "boot/1/1"
DOWN = {
    "running": False,
    "server_version": "",
    "dockerd_version": "26.1",
    "dockerd": "",
    "pid": 0,
    "identity": "",
    "live_restore": False,
    "user_servers": [],
}
UP = DOWN | {"running": True, "server_version": "26.1", "identity": ENGINE}


def run_module(module, capsys, arguments, check=False):
    """Run a module as Ansible does, and return its result."""
    with patch_module_args(arguments | {"_ansible_check_mode": check}), pytest.raises(SystemExit):
        module.main()
    return json.loads(capsys.readouterr().out)


class Server:
    """The files, and what is done to them as Ansible does it."""

    def __init__(self, folder, monkeypatch, capsys):
        self.daemon_file, self.record_file = folder / "daemon.json", folder / "record.json"
        self.engine, self._capsys = DOWN, capsys
        monkeypatch.setattr(look, "OWNER", (os.getuid(), os.getgid()))
        monkeypatch.setattr(look, "DAEMON_FILE", str(self.daemon_file))
        monkeypatch.setattr(record, "RECORD_FILE", str(self.record_file))
        monkeypatch.setattr(look, "at_engine", lambda _module: self.engine)

    def converge(self, check=False, state="present", **settings):
        return run_module(docker_daemon_options, self._capsys, {"state": state, "settings": settings}, check)

    def options(self):
        return json.loads(self.daemon_file.read_text())
