# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the actions share that have modules do a part of their work on the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._bundle import BundleError

_MODULES = "gpulab.jupyterhub"


class Refused(Exception):
    """The task fails with this result."""

    def __init__(self, msg: str, result: Mapping[str, Any] | None = None) -> None:
        super().__init__(msg)
        self.result = {**(result or {}), "failed": True, "msg": msg}


class LabAction(ActionBase):
    """An action of the lab; `_SPEC` is what it takes, `_converge` what it does."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True
    _SPEC: dict[str, Any] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action; see the module of the same name for what it takes and returns."""
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        _result, self._args = self.validate_argument_spec(self._SPEC)
        try:
            return self._converge()
        except Refused as refused:
            return refused.result
        except BundleError as error:
            return {"failed": True, "msg": str(error)}
        except OSError as error:
            return {"failed": True, "msg": f"{error.filename}: {error.strerror}, on the machine that runs Ansible"}

    def _converge(self) -> dict[str, Any]:
        """Return the task's result.

        :raises Refused, BundleError, OSError: if it fails.
        """
        raise NotImplementedError

    def _module(self, name: str, args: Mapping[str, Any], **how: Any) -> dict[str, Any]:
        """Run a module on the server.

        :raises Refused: if it fails, with its message and its other results.
        """
        full = name if "." in name else f"{_MODULES}.{name}"
        result = self._execute_module(full, dict(args), task_vars=self._task_vars, **how)
        if result.get("failed"):
            raise Refused(result.get("msg", f"{full} failed"), result)
        return result

    def _tell(self, words: str) -> None:
        Display().display(f"[{self._task_vars.get('inventory_hostname', '')}] {words}")

    def _place(self, name: str) -> str:
        """Return where a file goes on the server: in a directory that is removed when the task ends."""
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        return str(self._connection._shell.join_path(self._connection._shell.tmpdir, name))

    def _send_file(self, path: str, name: str) -> str:
        """Send a file to the server, and return where it lies there."""
        return str(self._transfer_file(path, self._place(name)))
