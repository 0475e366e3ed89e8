# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(image_bundle): images are saved on the server, fetched, and described in a directory here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_bundle as bundles
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_plan
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_plan import Wanted
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._image_action import IMAGES, TEXT, ImageAction, Refused


class ActionModule(ImageAction):
    """Save what the bundle lacks, one image after the other; describe it last."""

    _SPEC = {
        "images": IMAGES,
        "data_root": {"type": "path", "required": True},
        "bundle": {"type": "path", "required": True},
        "refresh": TEXT,
    }

    def _converge(self) -> dict[str, Any]:
        wanted = _image_plan.resolve(self._args["images"], self._args["refresh"])
        bundle = self._open()
        missing = [image for image in _image_plan.tops(wanted) if not _whole(bundle, image.ref)]
        if missing and not self._task.check_mode:
            (bundle.path / "images").mkdir(parents=True, exist_ok=True)
            for image in missing:
                self._save(bundle, image, bundles.made_of(image, wanted))
            bundles.write(bundle)
        saved = [image.ref for image in missing]
        result = {"changed": bool(saved), "saved": saved, "images": sorted({*bundle.images, *saved})}
        if saved and self._task.diff:
            before = set(bundle.images) - set(saved)
            result["diff"] = {"before": _listed(before), "after": _listed({*before, *saved})}
        return result

    def _open(self) -> bundles.Bundle:
        """Return the bundle that is there, or an empty one; a damaged one is made anew.

        :raises Refused: if the directory holds something else.
        """
        given = self._args["bundle"]
        path = Path(given)
        if not path.is_absolute():
            raise Refused(
                "Name the directory of the bundle, on the machine that runs Ansible: -e lab_bundle=/media/bundle. "
                f"({given!r} is no absolute path.)"
            )
        there = {entry.name for entry in path.iterdir()} if path.exists() else set()
        if there and not there & {bundles.MANIFEST, bundles.SUMS, "images"}:
            raise Refused(f"lab_bundle: {path} holds other files, and no bundle. Name an empty or a new directory.")
        try:
            return bundles.read(path)
        except bundles.BundleError:
            return bundles.Bundle(path)

    def _save(self, bundle: bundles.Bundle, image: Wanted, made_of: dict[str, str]) -> None:
        """Save one image on the server, and fetch it.

        :raises Refused: if that fails.
        """
        name = bundles.file_name(image)
        there = self._connection._shell.join_path(self._folder(), Path(name).name)
        part = bundle.path / f"{name}.part"
        self._tell(f"{image.short} image: saving {image.ref}")
        saved = self._module("image_save", {"ref": image.ref, "path": there})
        try:
            self._tell(f"{image.short} image: fetching {saved['size'] >> 20} MB")
            self._connection.fetch_file(there, str(part))
        finally:
            self._module("ansible.builtin.file", {"path": there, "state": "absent"})
        if file_sha256(part) != saved["sha256"]:
            raise Refused(f"{part} arrived damaged. Run the same command again.")
        part.replace(bundle.path / name)
        bundle.images[image.ref] = {"file": name, "made_of": made_of}
        bundle.sums[name] = saved["sha256"]


def _whole(bundle: bundles.Bundle, ref: str) -> bool:
    """Tell whether a bundle has an image, undamaged."""
    try:
        return ref in bundle.images and bundle.file(ref).exists()
    except bundles.BundleError:
        return False


def _listed(refs: set[str]) -> str:
    return "".join(f"{ref}\n" for ref in sorted(refs))
