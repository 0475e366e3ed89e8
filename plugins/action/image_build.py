# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(image_build): tags are computed here, images are made there, and progress is told meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _bundle, _image_bundle, _image_plan
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256, pack
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_failure import wrong_digest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_plan import Wanted
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._image_action import IMAGES, TEXT, ImageAction
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._lab_action import Refused

# In seconds.
_LOCK_WAIT = 300


class ActionModule(ImageAction):
    """Look once; make or load what is missing, lowest first; look again."""

    _SPEC = {
        "images": IMAGES,
        "data_root": {"type": "path", "required": True},
        "bundle": {"type": "path", "default": ""},
        "refresh": TEXT,
        "prune": {"type": "bool", "default": True},
        "extra_ca": {"type": "list", "elements": "path", "default": []},
        **dict.fromkeys(("http_proxy", "https_proxy", "no_proxy", "pip_index_url", "npm_registry"), TEXT),
        "pip_extra_index_urls": {"type": "list", "elements": "str", "default": []},
    }

    def _converge(self) -> dict[str, Any]:
        wanted = _image_plan.resolve(self._args["images"], self._args["refresh"])
        found = self._look(wanted)
        jobs = self._plan(wanted, found["missing"], found["architecture"])
        if self._task.check_mode:
            found["diff"]["after"] += "".join(f"{job.ref}\n" for job in jobs)
        elif jobs:
            before = found["diff"]["before"]
            if self._args["bundle"]:
                self._load(jobs)
            else:
                self._prepare(jobs, found["tools"])
                for job in jobs:
                    self._make(job)
            found = self._look(wanted)
            found["diff"]["before"] = before
            self._judge(jobs, found["missing"])
        return self._result(wanted, jobs, found)

    def _plan(self, wanted: list[Wanted], missing: list[str], architecture: str) -> list[Wanted]:
        """Return the images to make or to load, after what they come from was checked.

        :raises Refused, BundleError: if that is not what was meant; nothing has changed then.
        """
        if not self._args["bundle"]:
            jobs = _image_plan.to_make(wanted, missing)
            self._check_archives(jobs)
            return jobs
        jobs = _image_plan.to_load(wanted, missing)
        if jobs:
            self._bundle = _bundle.read(Path(self._args["bundle"]))
            self._bundle.meant_for(architecture)
            lacking = _image_bundle.lacking(self._bundle, jobs, wanted)
            if lacking:
                raise Refused(lacking)
            for name in self._bundle.archives(job.ref for job in jobs):
                self._bundle.checked(name)
        return jobs

    def _result(self, wanted: list[Wanted], jobs: list[Wanted], found: dict[str, Any]) -> dict[str, Any]:
        built = [job.ref for job in jobs]
        result = {
            "changed": bool(built) or found["changed"],
            "refs": {image.name: image.ref for image in wanted},
            "built": built,
            "removed": found["removed"],
            "sizes": found["sizes"],
        }
        if built:
            would, verb = ("would load", "loaded") if self._args["bundle"] else ("would build", "built")
            result["msg"] = f"{would if self._task.check_mode else verb} {', '.join(built)}"
        if result["changed"] and self._task.diff:
            result["diff"] = found["diff"]
        return result

    def _look(self, wanted: list[Wanted]) -> dict[str, Any]:
        """Ask the server what it has; what can be settled without making an image is settled by that."""
        lower = {image.below for image in wanted if image.inner}
        images = [
            {"ref": image.ref, "aliases": list(image.aliases), "required": image.ref not in lower} for image in wanted
        ]
        return self._module("image_store", {"images": images, "prune": self._args["prune"]})

    def _check_archives(self, jobs: list[Wanted]) -> None:
        """Refuse an archive that is not the one that was meant, before anything changes.

        :raises Refused: then.
        """
        for job in (job for job in jobs if job.kind == "archive"):
            path = _archive(job)
            if "://" in path:
                continue
            found = file_sha256(Path(path))
            if found != job.settings["sha256"].lower():
                raise Refused(wrong_digest(path, job.settings["sha256"], found))

    def _prepare(self, jobs: list[Wanted], tools: Mapping[str, bool]) -> None:
        """Install what makes a base image; a server that has one needs none of it."""
        if any(job.kind == "bootstrap" for job in jobs) and not tools["mmdebstrap"]:
            packages = ["mmdebstrap", "debian-archive-keyring"]
            self._tell(f"installing {' and '.join(packages)}, which make the base image")
            apt = {"name": packages, "install_recommends": False, "update_cache": True, "lock_timeout": _LOCK_WAIT}
            self._module("ansible.builtin.apt", apt)

    def _make(self, image: Wanted) -> None:
        """Make one image in the background, and tell how far it is.

        :raises Refused: if that fails.
        """
        self._timed(f"{image.short} image", f"making {image.ref}", self._job_args(image))

    def _load(self, images: list[Wanted]) -> None:
        """Load images in the background, archive by archive, and tell how far it is.

        :raises Refused: if that fails.
        """
        by_ref = {image.ref: image for image in images}
        for name, refs in self._bundle.archives(by_ref).items():
            path = str(self._bundle.path / name)
            self._tell(f"images: sending {path}")
            bundled = {"path": self._send_file(path, "images"), "sha256": self._bundle.sums[name], "origin": path}
            args = self._common_args(by_ref[refs[0]]) | {"short": "images", "bundled": bundled}
            self._timed("images", f"loading {', '.join(refs)}", args)

    def _timed(self, title: str, deed: str, args: dict[str, Any]) -> None:
        """Run a job, and tell how long it took.

        :raises Refused: if it fails.
        """
        folder = self._folder()
        self._tell(f"{title}: {deed}; log: {folder}/{args['short']}.log")
        began = time.monotonic()
        self._run_job(args | {"folder": folder}, title)
        self._tell(f"{title}: done after {time.monotonic() - began:.0f} s")

    def _judge(self, jobs: list[Wanted], missing: list[str]) -> None:
        """See that what was loaded is what its names say: an archive's digest tells nothing of that.

        :raises Refused: if it is not.
        """
        wrong = [job.ref for job in jobs if job.ref in missing]
        if wrong and self._args["bundle"]:
            raise Refused(
                f"lab_bundle: the archives of the bundle {self._args['bundle']} hold other images than "
                f"{', '.join(wrong)}. Make the bundle anew: {_bundle.AGAIN}."
            )

    def _common_args(self, image: Wanted) -> dict[str, Any]:
        return {
            "ref": image.ref,
            "short": image.short,
            "labels": {_image_plan.LABEL: image.what, _image_plan.DIGEST_LABEL: image.tag},
        }

    def _job_args(self, image: Wanted) -> dict[str, Any]:
        """Return the parameters of M(gpulab.jupyterhub.image_make), with the files that it needs on the server."""
        args = self._args
        common = self._common_args(image) | {
            "extra_ca": [Path(path).read_text("utf-8") for path in args["extra_ca"]],
            **{name: args[name] for name in ("http_proxy", "https_proxy", "no_proxy")},
        }
        if image.kind == "bootstrap":
            return common | {"bootstrap": dict(image.settings)}
        if image.kind == "archive":
            path = _archive(image)
            place = path if "://" in path else self._send_file(path, "archive")
            return common | {"archive": {"path": place, "sha256": image.settings["sha256"], "origin": path}}
        return common | {
            "context": self._send(pack(image.entries), "context.tar"),
            "build_args": {"BASE": image.below, **image.settings["build_args"]},
            "pull": bool(image.below) and not image.inner,
            "pip_config": _image_plan.pip_config(args["pip_index_url"], args["pip_extra_index_urls"]),
            "npm_config": _image_plan.npm_config(args["npm_registry"]),
        }

    def _send(self, content: bytes, name: str) -> str:
        return str(self._transfer_data(self._place(name), content))


def _archive(image: Wanted) -> str:
    """Return the address of an image's archive, or its path on this machine, where C(~) is whose Ansible it is."""
    path = image.settings["path"]
    return path if "://" in path else str(Path(path).expanduser())
