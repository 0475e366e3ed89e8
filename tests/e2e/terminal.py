"""A terminal of JupyterLab, as a browser holds one: keys go in, text comes out, over a websocket."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.labclient import HubClient, LabError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

PATIENCE = 60
"""Seconds that a terminal may take to say what is waited for."""
CTRL_C = "\x03"
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


class Terminal:
    """One terminal; all that it has said is in ``text``, without colours."""

    def __init__(self, socket: ClientConnection):
        self._socket, self._read = socket, 0
        self.text, self.closed = "", False

    def keys(self, text: str) -> None:
        """Press keys."""
        self._socket.send(json.dumps(["stdin", text]))

    def until(self, words: str, patience: float = PATIENCE) -> str:
        """Read until the terminal says *words*.

        :returns: what it has said since the last time.
        :raises LabError: it does not say so in time.
        """
        deadline = time.monotonic() + patience
        while (found := self.text.find(words, self._read)) < 0:
            if self.closed or time.monotonic() > deadline:
                raise LabError(f"waited for {words!r} in a terminal that says {self.text!r}")
            self._listen(deadline)
        said, self._read = self.text[self._read : found], found + len(words)
        return said

    def run(self, command: str) -> str:
        """Type a command, and return what it says; the command that asks for its end is echoed, so it is split."""
        self.keys(f"{command}; echo en''ded:$?\r")
        said = self.until("ended:")
        return said + self.until("\n")

    def _listen(self, deadline: float) -> None:
        try:
            kind, *told = json.loads(self._socket.recv(timeout=max(0.0, deadline - time.monotonic())))
        except TimeoutError:
            return
        except ConnectionClosed:
            self.closed = True
            return
        self.closed = self.closed or kind == "disconnect"
        if kind == "stdout":
            self.text += CONTROLS.sub("", told[0])


@contextmanager
def opened(hub: HubClient, name: str) -> Iterator[Terminal]:
    """Open a terminal on a user's running server; it is closed at the end."""
    number = hub.server_api(name, "/terminals", "POST")["name"]
    try:
        with hub.websocket(name, f"/terminals/websocket/{number}") as socket:
            yield Terminal(socket)
    finally:
        hub.server_api(name, f"/terminals/{number}", "DELETE", timeout=30)
