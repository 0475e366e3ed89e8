# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(validate_variables): every setting is checked on the controller, before any server is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _lab_rules, _roster_rules, _variables
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_failure import wrong_digest

_ROOT = Path(__file__).resolve().parents[2]
_LAB = _ROOT / "playbooks" / "lab_variables.yml"


class ActionModule(ActionBase):
    """Check this host's variables; needs no connection to it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with one line per wrong setting, or return V(changed=false)."""
        result = super().run(tmp, task_vars)
        specs, prefixes = self._load_specs()
        published = self._read(_LAB)["published"]
        # Only what the inventory or the command line sets is here: role defaults are not loaded in this play.
        given = {
            name: value
            for name, value in (task_vars or {}).items()
            if name.startswith(tuple(prefixes)) and name not in published
        }
        values, lines = self._template(given)
        lines += _variables.check(values, specs, prefixes)
        lines += [] if lines else _lab_rules.check(values) + self._check_files(values)
        # Its rows are told together, whatever else is wrong: nobody likes to mend a roster line by line.
        lines += _roster_rules.check(values)
        if lines:
            plural = "settings are" if len(lines) > 1 else "setting is"
            heading = f"{len(lines)} {plural} wrong; nothing was changed."
            result.update(failed=True, msg="\n".join([heading, *(f"- {line}" for line in lines)]))
        return result | {"changed": False}

    def _load_specs(self) -> tuple[dict[str, dict], list[str]]:
        """Return the specs of all public variables by name, and the prefixes of names that are ours."""
        specs = dict(self._read(_LAB)["options"])
        prefixes = ["lab_"]
        for path in sorted(_ROOT.glob("roles/*/meta/argument_specs.yml")):
            specs |= self._read(path)["argument_specs"]["main"].get("options", {})
            prefixes.append(f"{path.parts[-3]}_")
        return specs, prefixes

    def _read(self, path: Path) -> dict[str, Any]:
        return self._loader.load_from_file(str(path))

    def _template(self, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return templated values, and a line for each that refers to something undefined or will not parse."""
        values, lines = {}, []
        for name, value in given.items():
            try:
                values[name] = self._templar.template(value)
            except AnsibleError as error:
                lines.append(f"{name}: {error}")
        return values, lines

    def _check_files(self, values: dict[str, Any]) -> list[str]:
        """Say which files that settings name on this machine are not there or not what they should be."""
        lines = []
        for name in ("lab_extra_ca", "hub_config_extra_ca", "hub_images_extra_ca"):
            for found in map(Path, map(self._loader.path_dwim, values.get(name, []))):
                if not found.is_file():
                    lines.append(f"{name}: there is no file {found} on this machine.")
                elif wrong := _lab_rules.certificates(found.read_bytes()):
                    lines.append(f"{name}: {found} {wrong}")
        return lines + self._check_archive(values) + self._check_reports(values)

    def _check_reports(self, values: dict[str, Any]) -> list[str]:
        """Say where the doctor could not write what it is asked to; it shall not examine for nothing."""
        places = {
            "hub_stack_doctor_json": Path(values.get("hub_stack_doctor_json") or "/x").parent,
            "hub_stack_doctor_bundle": Path(values.get("hub_stack_doctor_bundle") or "/"),
        }
        return [
            f"{name}: there is no directory {place} on this machine; mkdir -p {place} makes it."
            for name, place in places.items()
            if not place.is_dir()
        ]

    def _check_archive(self, values: dict[str, Any]) -> list[str]:
        """Say why the archive of the base image is not the one that was meant; an address is read by the server."""
        path = values.get("hub_images_base_archive", "")
        bundled = values.get("hub_images_bundle") or values.get("lab_bundle")
        if values.get("hub_images_base_source") != "archive" or "://" in path or bundled:
            return []
        found = Path(self._loader.path_dwim(path))
        if not found.is_file():
            return [f"hub_images_base_archive: there is no file {found} on this machine."]
        expected, own = values["hub_images_base_archive_sha256"], file_sha256(found)
        return [] if own == expected.lower() else [wrong_digest(str(found), expected, own)]
