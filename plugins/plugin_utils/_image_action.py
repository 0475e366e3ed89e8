# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the actions for images share: jobs in the background, and telling how far they are."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from shlex import quote
from typing import Any

from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_plan import BOOTSTRAP_OPTION
from ansible_collections.gpulab.jupyterhub.plugins.plugin_utils._lab_action import LabAction, Refused

# In seconds. A job says something new at least once a second; one that is silent for long is dead.
_POLL, _TELL, _CHECK, _SILENCE = 1.0, 10.0, 60.0, 180.0
_LONGEST = 6 * 3600

TEXT: dict[str, Any] = {"type": "str", "default": ""}
_IMAGE: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "what": {"type": "str", "required": True},
    "base": {"type": "str"},
    "context": {"type": "path"},
    "bootstrap": BOOTSTRAP_OPTION,
    "archive": {
        "type": "dict",
        "options": {"path": {"type": "str", "required": True}, "sha256": {"type": "str", "required": True}},
    },
    "build_args": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "inputs": {"type": "dict", "default": {}},
    "aliases": {"type": "list", "elements": "str", "default": []},
}
#: The option that all actions for images have: what a lab's images are made from.
IMAGES: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": _IMAGE,
    "required_one_of": [["context", "bootstrap", "archive"]],
    "mutually_exclusive": [["context", "bootstrap", "archive"]],
}


class ImageAction(LabAction):
    """An action that has images made, saved or loaded."""

    def _folder(self) -> str:
        """Return the server's directory for logs and temporary files."""
        return str(self._connection._shell.join_path(self._args["data_root"], "build"))

    def _run_job(self, args: Mapping[str, Any], title: str) -> None:
        """Run M(gpulab.jupyterhub.image_make) in the background, and tell how far it is.

        :param args: its parameters.
        :param title: what it is called in what is told.
        :raises Refused: if it fails.
        """
        # There is no other way to ask for a job in the background, and no other module must run as one.
        self._task.async_val = _LONGEST
        try:
            job = self._module("image_make", args, wrap_async=True)
        finally:
            self._task.async_val = 0
            # The job removes its own directory; the next one has a new one, which is to be removed as well.
            self._cleanup_remote_tmp = True
        self._follow(job["ansible_job_id"], args["short"], title)

    def _follow(self, job: str, short: str, title: str) -> None:
        """Give signs of life and tell what goes on, until the job has ended.

        :raises Refused: if it failed.
        """
        heard = asked = told = time.monotonic()
        last = ""
        while True:
            time.sleep(_POLL)
            words, now = self._ask(short), time.monotonic()
            if words and words != last:
                heard, last = now, words
            if words and now - told >= _TELL:
                told = now
                self._tell(f"{title}: {words}")
            if not words or now - asked >= _CHECK:
                asked = now
                if self._ended(job):
                    return
            if now - heard >= _SILENCE:
                raise Refused(
                    f"{title}: the job has died without a word. Its log on the server is "
                    f"{self._folder()}/{short}.log. Run the same command again: it goes on from the last finished step."
                )

    def _ask(self, short: str) -> str:
        """Return how far the job says it is; nothing if it does not say."""
        lock, progress = (quote(f"{self._folder()}/.{short}.{what}") for what in ("lock", "progress"))
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
