# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A server that does not start, told to its user, to the hub's log and to JupyterHub's metrics."""

from html import escape

from docker.errors import ImageNotFound
from jupyterhub.spawner import SpawnException

from labhub import postmortem
from labhub.postmortem import Cause
from labhub.texts import Text, said

WHOM = Text("If it goes on, show this to whoever runs the lab.")
LOG = Text("The end of its log:")
LOG_HTML = (
    '<code class="d-block text-start border rounded p-2 my-2" '
    'style="white-space: pre-wrap; overflow-wrap: anywhere">{}</code>'
)
RUN_PLAYBOOK = Text("Whoever runs the lab mends it by running the playbook again.")
WITHOUT_GPU = Text("Whoever runs the lab has to mend it. If you may choose, start without a GPU meanwhile.")
MENDS = {"image": RUN_PLAYBOOK, "mount": RUN_PLAYBOOK} | dict.fromkeys(
    ("gpu-missing", "gpu-no-cdi", "gpu-no-toolkit", "gpu-unknown"), WITHOUT_GPU
)
"""What mends what Docker refuses, by cause."""
WANTED = ("drained",)
"""Causes that whoever runs the lab knows of, and that are nobody's error."""


class SpawnProblem(SpawnException):
    """A server cannot start, in words that JupyterHub shows to the user.

    :param cause: why; its code is the ``reason`` in the hub's metrics.
    :param detail: what else is known, in English: Docker's words, or the mend.
    :param log: the end of the server's log, as `postmortem.readable` leaves it.
    :param exit_code: of the container; None when it never ran.
    :param container: what tells this end from others; empty when there was no container.
    """

    def __init__(
        self, cause: Cause, detail: str = "", log: str = "", exit_code: int | None = None, container: str = ""
    ):
        self.cause, self.detail, self.log, self.exit_code, self.container = cause, detail, log, exit_code, container
        ending = f" (exit code {exit_code})" if exit_code is not None else ""
        status = 503 if cause.code in WANTED else 500
        super().__init__(cause.text, reason=cause.code, log_message=self.words("en") + ending, status_code=status)
        self.say("en")

    def words(self, language: str) -> str:
        """Say all of it as plain text."""
        return "\n".join([*self._sentences(language), *([LOG.said(language), self.log] if self.log else [])])

    def _sentences(self, language: str) -> list[str]:
        return [said(text, language) for text in (self.cause.text, self.detail) if text]

    def say(self, language: str) -> None:
        """Choose the language of what the user gets to see; the log stays English."""
        self.jupyterhub_message = self.message = self.words(language)
        # JupyterHub puts this into pages as it is, inside a paragraph: nothing that others wrote may be more than text.
        html = [f"{escape(sentence)}<br>" for sentence in self._sentences(language)]
        if self.log:
            html += [escape(LOG.said(language)), LOG_HTML.format(escape(self.log))]
        html += [] if self.cause.code in WANTED else [escape(WHOM.said(language))]
        self.jupyterhub_html_message = self.message_html = "".join(html)


def docker_problem(error: Exception) -> SpawnProblem:
    """Say what Docker refused, and the mend where it is known."""
    words = str(getattr(error, "explanation", None) or error)
    cause = postmortem.cause("image") if isinstance(error, ImageNotFound) else postmortem.docker_cause(words)
    words = postmortem.readable(words)
    mend = MENDS.get(cause.code)
    if mend:
        return SpawnProblem(cause, Text("Docker says: %(words)s. %(mend)s", words=words.rstrip("."), mend=mend))
    return SpawnProblem(cause, words)
