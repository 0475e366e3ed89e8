# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(doctor_report): one page for all servers, and its files on the controller."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_files, _doctor_page


class ActionModule(ActionBase):
    """Print the page, write the files, and fail if a server is not well; needs no connection."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _SPEC: ClassVar = {
        "examined": {"type": "str", "required": True},
        "json": {"type": "path"},
        "bundle": {"type": "path"},
    }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return whether all is well; the page is printed, as in a result it would be hard to read."""
        result = super().run(tmp, task_vars)
        known = task_vars or {}
        _result, options = self.validate_argument_spec(self._SPEC)
        reports = {
            host: _report(known["hostvars"][host], options["examined"]) for host in known["ansible_play_hosts_all"]
        }
        now = time.time()
        page = _doctor_page.page(reports, now)
        files = [] if self._task.check_mode else self._write(options, reports, page, now)
        Display().display("\n".join(["", page, *files]))
        result |= {"changed": False, "healthy": _doctor_page.all_well(reports)}
        if not result["healthy"]:
            result |= {"failed": True, "msg": f"{_doctor_page.verdict(reports)} The page above tells what to type."}
        return result

    def _write(self, options: Mapping[str, Any], reports: Mapping[str, Any], page: str, now: float) -> list[str]:
        """Write the files that are asked for; return a line for each.

        :raises AnsibleActionFail: one cannot be written.
        """
        try:
            return [
                *(_doctor_files.write_json(options["json"], reports, now) if options.get("json") else ()),
                *(_doctor_files.write_bundle(options["bundle"], reports, page, now) if options.get("bundle") else ()),
            ]
        except OSError as fault:
            Display().display(page)
            raise AnsibleActionFail(
                f"{fault.filename} cannot be written: {fault.strerror}. Mend: name another place in "
                "hub_stack_doctor_json or hub_stack_doctor_bundle."
            ) from None


def _report(variables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what the examination of one host has brought; of one that did not come so far, why."""
    found = dict(variables[name]) if name in variables else {}
    if "problems" in found:
        return found
    return {"msg": found.get("msg") or "Its settings are wrong: what is above tells which."}
