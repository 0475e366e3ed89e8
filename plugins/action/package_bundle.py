# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(package_bundle): a server fetches packages of its release, which are kept in a directory here."""

from __future__ import annotations

from typing import Any

from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _bundle, _package_bundle
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._lab_action import LabAction, Refused


class ActionModule(LabAction):
    """Fetch what the bundle lacks; describe it last."""

    _SPEC = {
        "bundle": {"type": "path", "required": True},
        "release": {"type": "str", "required": True},
        "role": {"type": "str", "choices": [*_package_bundle.ROLES], "required": True},
        "packages": {"type": "list", "elements": "str", "required": True},
        "files": {"type": "list", "elements": "dict", "default": []},
        "key": {"type": "str", "default": ""},
        "codename": {"type": "str", "required": True},
        "recommends": {"type": "bool", "default": False},
    }

    def _converge(self) -> dict[str, Any]:
        bundle, release, role = _bundle.opened(self._args["bundle"]), self._args["release"], self._args["role"]
        wanted, key = self._args["packages"], _package_bundle.key(release, role)
        if _package_bundle.whole(bundle, release, role, wanted):
            return {"changed": False, "versions": bundle.packages[key]["versions"]}
        if self._task.check_mode:
            return {"changed": True}
        (bundle.path / "packages").mkdir(parents=True, exist_ok=True)
        bundle.packages[key] = self._fetch(bundle, _package_bundle.file_name(release, role), wanted)
        _bundle.write(bundle)
        return {"changed": True, "versions": bundle.packages[key]["versions"]}

    def _fetch(self, bundle: _bundle.Bundle, name: str, wanted: list[str]) -> dict[str, Any]:
        """Have the server fetch the packages, and take them here; return what the bundle shall tell of them.

        :raises Refused, BundleError: if that fails.
        """
        there, part = self._place("packages.tar"), bundle.path / f"{name}.part"
        self._tell(f"packages: fetching {', '.join(wanted)} into {name}, with all that they depend on")
        # ansible.builtin.apt finds the server's packages by python3-apt, which it would fetch itself.
        args = {one: self._args[one] for one in ("files", "key", "codename", "recommends")}
        found = self._module("package_fetch", args | {"packages": [*wanted, "python3-apt"], "path": there})
        bundle.add_for(found["architecture"])
        self._connection.fetch_file(there, str(part))
        if file_sha256(part) != found["sha256"]:
            raise Refused(f"{part} arrived damaged. Run the same command again.")
        part.replace(bundle.path / name)
        bundle.sums[name] = found["sha256"]
        return {"file": name, "versions": found["versions"]}
