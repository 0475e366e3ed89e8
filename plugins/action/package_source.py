# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(package_source): a bundle's packages are checked here, sent, and made an apt run's source there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _bundle, _package_bundle
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._lab_action import LabAction, Refused


class ActionModule(LabAction):
    """Check first, then send and unpack."""

    _SPEC = {
        **{name: {"type": "str", "required": True} for name in ("release", "architecture")},
        "role": {"type": "str", "choices": [*_package_bundle.ROLES], "required": True},
        **{name: {"type": "path", "required": True} for name in ("bundle", "path")},
        "packages": {"type": "list", "elements": "str", "required": True},
    }

    def _converge(self) -> dict[str, Any]:
        args = self._args
        bundle = _bundle.read(Path(args["bundle"]))
        bundle.meant_for(args["architecture"])
        if lacking := _package_bundle.lacking(bundle, args["release"], args["role"], args["packages"]):
            raise Refused(lacking)
        name = bundle.packages[_package_bundle.key(args["release"], args["role"])]["file"]
        archive = bundle.checked(name)
        if not self._task.check_mode:
            self._tell(f"packages: sending {archive}")
            there = self._send_file(str(archive), "packages.tar")
            self._module("package_unpack", {"archive": there, "sha256": bundle.sums[name], "path": args["path"]})
        return {"changed": not self._task.check_mode}
