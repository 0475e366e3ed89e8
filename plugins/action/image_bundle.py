# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(image_bundle): images are saved on the server, fetched, and described in a directory here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _bundle as bundles
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_bundle, _image_plan
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_plan import Wanted
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._image_action import IMAGES, TEXT, ImageAction
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._lab_action import Refused


class ActionModule(ImageAction):
    """Save what the bundle lacks, into one archive; describe it last."""

    _SPEC = {
        "images": IMAGES,
        "data_root": {"type": "path", "required": True},
        "bundle": {"type": "path", "required": True},
        "refresh": TEXT,
    }

    def _converge(self) -> dict[str, Any]:
        wanted = _image_plan.resolve(self._args["images"], self._args["refresh"])
        bundle = bundles.opened(self._args["bundle"])
        whole = bundle.whole()
        missing = [image for image in _image_plan.tops(wanted) if image.ref not in whole]
        if missing and not self._task.check_mode:
            (bundle.path / "images").mkdir(parents=True, exist_ok=True)
            self._save(bundle, missing, wanted)
            bundles.write(bundle)
        saved = [image.ref for image in missing]
        result = {"changed": bool(saved), "saved": saved, "images": sorted({*bundle.images, *saved})}
        if saved and self._task.diff:
            before = set(bundle.images) - set(saved)
            result["diff"] = {"before": _listed(before), "after": _listed({*before, *saved})}
        return result

    def _save(self, bundle: bundles.Bundle, images: list[Wanted], wanted: list[Wanted]) -> None:
        """Save images on the server, and fetch them.

        :raises Refused, BundleError: if that fails.
        """
        name, refs = _image_bundle.file_name(images), [image.ref for image in images]
        there = self._connection._shell.join_path(self._folder(), Path(name).name)
        part = bundle.path / f"{name}.part"
        self._tell(f"images: saving {', '.join(refs)}")
        saved = self._module("image_save", {"refs": refs, "path": there})
        try:
            bundle.add_for(saved["architecture"])
            self._tell(f"images: fetching {saved['size'] >> 20} MB")
            self._connection.fetch_file(there, str(part))
        finally:
            self._module("ansible.builtin.file", {"path": there, "state": "absent"})
        if file_sha256(part) != saved["sha256"]:
            raise Refused(f"{part} arrived damaged. Run the same command again.")
        part.replace(bundle.path / name)
        for image in images:
            bundle.images[image.ref] = {"file": name, "made_of": _image_bundle.made_of(image, wanted)}
        bundle.sums[name] = saved["sha256"]


def _listed(refs: set[str]) -> str:
    return "".join(f"{ref}\n" for ref in sorted(refs))
