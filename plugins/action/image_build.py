# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The action C(image_build): tags are computed here, images are made there, and progress is told meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_plan
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256, pack
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_failure import wrong_digest

_MODULES = "gpulab.jupyterhub"
# In seconds. A job says something new at least once a second; one that is silent for long is dead.
_POLL, _TELL, _CHECK, _SILENCE = 1.0, 10.0, 60.0, 180.0
_LONGEST = 6 * 3600
_LOCK_WAIT = 300

_TEXT = {"type": "str", "default": ""}
_IMAGE_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "what": {"type": "str", "required": True},
    "base": {"type": "str"},
    "context": {"type": "path"},
    "bootstrap": {
        "type": "dict",
        "options": {
            "suite": {"type": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "mirror": _TEXT,
        },
    },
    "archive": {
        "type": "dict",
        "options": {"path": {"type": "str", "required": True}, "sha256": {"type": "str", "required": True}},
    },
    "build_args": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "inputs": {"type": "dict", "default": {}},
    "aliases": {"type": "list", "elements": "str", "default": []},
}
_SPEC: dict[str, Any] = {
    "images": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": _IMAGE_SPEC,
        "required_one_of": [["context", "bootstrap", "archive"]],
        "mutually_exclusive": [["context", "bootstrap", "archive"]],
    },
    "data_root": {"type": "path", "required": True},
    "refresh": _TEXT,
    "prune": {"type": "bool", "default": True},
    "extra_ca": {"type": "list", "elements": "path", "default": []},
    **dict.fromkeys(("http_proxy", "https_proxy", "no_proxy", "pip_index_url", "npm_registry"), _TEXT),
    "pip_extra_index_urls": {"type": "list", "elements": "str", "default": []},
}


class Refused(Exception):
    """The task fails with this result."""

    def __init__(self, msg: str, result: Mapping[str, Any] | None = None) -> None:
        super().__init__(msg)
        self.result = {**(result or {}), "failed": True, "msg": msg}


class ActionModule(ActionBase):
    """Look once; make what is missing, lowest first; look again."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action; see the module of the same name for what it takes and returns."""
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        _, self._args = self.validate_argument_spec(_SPEC)
        try:
            return self._converge(_image_plan.resolve(self._args["images"], self._args["refresh"]))
        except Refused as refused:
            return refused.result
        except OSError as error:
            return {"failed": True, "msg": f"{error.filename}: {error.strerror}, on the machine that runs Ansible"}

    def _converge(self, wanted: list[_image_plan.Wanted]) -> dict[str, Any]:
        found = self._look(wanted)
        jobs = _image_plan.to_make(wanted, found["missing"])
        self._check_archives(jobs)
        if self._task.check_mode:
            found["diff"]["after"] += "".join(f"{job.ref}\n" for job in jobs)
        elif jobs:
            before = found["diff"]["before"]
            self._prepare(jobs, found["tools"])
            for job in jobs:
                self._make(job)
            found = self._look(wanted)
            found["diff"]["before"] = before
        return self._result(wanted, jobs, found)

    def _result(
        self, wanted: list[_image_plan.Wanted], jobs: list[_image_plan.Wanted], found: dict[str, Any]
    ) -> dict[str, Any]:
        built = [job.ref for job in jobs]
        result = {
            "changed": bool(built) or found["changed"],
            "refs": {image.name: image.ref for image in wanted},
            "built": built,
            "removed": found["removed"],
            "sizes": found["sizes"],
        }
        if built:
            verb = "would build" if self._task.check_mode else "built"
            result["msg"] = f"{verb} {', '.join(built)}"
        if result["changed"] and self._task.diff:
            result["diff"] = found["diff"]
        return result

    def _look(self, wanted: list[_image_plan.Wanted]) -> dict[str, Any]:
        """Ask the server what it has; what can be settled without making an image is settled by that."""
        lower = {image.below for image in wanted if image.inner}
        images = [
            {"ref": image.ref, "aliases": list(image.aliases), "required": image.ref not in lower} for image in wanted
        ]
        return self._module("image_store", {"images": images, "prune": self._args["prune"]})

    def _module(self, name: str, args: Mapping[str, Any], **how: Any) -> dict[str, Any]:
        """Run a module on the server.

        :raises Refused: if it fails, with its message and its other results.
        """
        full = name if "." in name else f"{_MODULES}.{name}"
        result = self._execute_module(full, dict(args), task_vars=self._task_vars, **how)
        if result.get("failed"):
            raise Refused(result.get("msg", f"{full} failed"), result)
        return result

    def _check_archives(self, jobs: list[_image_plan.Wanted]) -> None:
        """Refuse an archive that is not the one that was meant, before anything changes.

        :raises Refused: then.
        """
        for job in jobs:
            path = job.settings.get("path", "") if job.kind == "archive" else ""
            if not path or "://" in path:
                continue
            found = file_sha256(Path(path))
            if found != job.settings["sha256"].lower():
                raise Refused(wrong_digest(path, job.settings["sha256"], found))

    def _prepare(self, jobs: list[_image_plan.Wanted], tools: Mapping[str, bool]) -> None:
        """Install what makes a base image; a server that has one needs none of it."""
        if any(job.kind == "bootstrap" for job in jobs) and not tools["mmdebstrap"]:
            packages = ["mmdebstrap", "debian-archive-keyring"]
            self._tell(f"installing {' and '.join(packages)}, which make the base image")
            apt = {"name": packages, "install_recommends": False, "update_cache": True, "lock_timeout": _LOCK_WAIT}
            self._module("ansible.builtin.apt", apt)

    def _tell(self, words: str) -> None:
        Display().display(f"[{self._task_vars.get('inventory_hostname', '')}] {words}")

    def _make(self, image: _image_plan.Wanted) -> None:
        """Make one image in the background, and tell how far it is.

        :raises Refused: if that fails.
        """
        folder = self._connection._shell.join_path(self._args["data_root"], "build")
        args = self._job_args(image) | {"folder": folder}
        self._tell(f"{image.short} image: making {image.ref}; log: {folder}/{image.short}.log")
        began = time.monotonic()
        # There is no other way to ask for a job in the background, and no other module must run as one.
        self._task.async_val = _LONGEST
        try:
            job = self._module("image_make", args, wrap_async=True)
        finally:
            self._task.async_val = 0
            # The job removes its own directory; the next one has a new one, which is to be removed as well.
            self._cleanup_remote_tmp = True
        self._follow(job["ansible_job_id"], image, folder)
        self._tell(f"{image.short} image: done after {time.monotonic() - began:.0f} s")

    def _job_args(self, image: _image_plan.Wanted) -> dict[str, Any]:
        """Return the parameters of M(gpulab.jupyterhub.image_make), with the files that it needs on the server."""
        args = self._args
        common = {
            "ref": image.ref,
            "short": image.short,
            "labels": {_image_plan.LABEL: image.what, _image_plan.DIGEST_LABEL: image.tag},
            "extra_ca": [Path(path).read_text("utf-8") for path in args["extra_ca"]],
            **{name: args[name] for name in ("http_proxy", "https_proxy", "no_proxy")},
        }
        if image.kind == "bootstrap":
            return common | {"bootstrap": dict(image.settings)}
        if image.kind == "archive":
            path = image.settings["path"]
            place = path if "://" in path else self._send_file(path, "archive")
            return common | {"archive": {"path": place, "sha256": image.settings["sha256"], "origin": path}}
        return common | {
            "context": self._send(pack(image.entries), "context.tar"),
            "build_args": {"BASE": image.below, **image.settings["build_args"]},
            "pull": bool(image.below) and not image.inner,
            "pip_config": _image_plan.pip_config(args["pip_index_url"], args["pip_extra_index_urls"]),
            "npm_config": _image_plan.npm_config(args["npm_registry"]),
        }

    def _place(self, name: str) -> str:
        """Return where a file goes on the server; the background job removes that directory when it ends."""
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        return self._connection._shell.join_path(self._connection._shell.tmpdir, name)

    def _send(self, content: bytes, name: str) -> str:
        return str(self._transfer_data(self._place(name), content))

    def _send_file(self, path: str, name: str) -> str:
        return str(self._transfer_file(path, self._place(name)))

    def _follow(self, job: str, image: _image_plan.Wanted, folder: str) -> None:
        """Give signs of life and tell what goes on, until the job has ended.

        :raises Refused: if it failed.
        """
        heard = asked = told = time.monotonic()
        last = ""
        while True:
            time.sleep(_POLL)
            words, now = self._ask(image, folder), time.monotonic()
            if words and words != last:
                heard, last = now, words
            if words and now - told >= _TELL:
                told = now
                self._tell(f"{image.short} image: {words}")
            if not words or now - asked >= _CHECK:
                asked = now
                if self._ended(job):
                    return
            if now - heard >= _SILENCE:
                raise Refused(
                    f"The job that makes {image.ref} has died without a word. Its log on the server is "
                    f"{folder}/{image.short}.log. Run the same command again: it goes on from the last finished step."
                )

    def _ask(self, image: _image_plan.Wanted, folder: str) -> str:
        """Return how far the job says it is; nothing if it does not say."""
        lock, progress = (quote(f"{folder}/.{image.short}.{what}") for what in ("lock", "progress"))
        said = self._low_level_execute_command(f"touch -c {lock}; if [ -f {progress} ]; then cat {progress}; fi")
        try:
            return str(json.loads(said["stdout"])["words"])
        except ValueError:
            return ""

    def _ended(self, job: str) -> bool:
        """Tell whether the job has ended well.

        :raises Refused: if it ended otherwise.
        """
        folder = self._remote_expand_user(self.get_shell_option("async_dir", "~/.ansible_async"))
        where = {"jid": job, "_async_dir": folder}
        status = self._execute_module(
            "ansible.builtin.async_status", {**where, "mode": "status"}, task_vars=self._task_vars
        )
        if not status.get("finished"):
            return False
        self._module("ansible.builtin.async_status", {**where, "mode": "cleanup"})
        if status.get("failed"):
            raise Refused(status.get("msg", "The job ended without a word."), _about(status))
        return True


def _about(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a failed job's result is worth showing; the message has its last lines already."""
    return {
        name: status[name] for name in ("log", "step", "exception", "module_stderr", "data", "stderr") if name in status
    }
