# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A kernel that `labhub.probe` runs code in, over the websocket that a browser uses."""

import asyncio
import json
import uuid
from typing import Any

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

FAULTS = (OSError, TimeoutError, HTTPClientError, EOFError)
"""What `Kernel` raises when the lab is at fault."""
CONNECT = 15
"""Seconds that the websocket may take to open."""


class Kernel:
    """One connection to a kernel, opened when it is first needed: each costs the server some time.

    :param url: of the kernel's channels, ``ws://...``.
    :param token: of its user.
    :param timeout: seconds that a piece of code may take.
    """

    def __init__(self, url: str, token: str, timeout: float):
        self._url, self._token, self._timeout = url, token, timeout
        self._loop = asyncio.Runner()
        self._channel: WebSocketClientConnection | None = None

    def run(self, code: str) -> str:
        """Run code, and return what it prints.

        :raises OSError, TimeoutError, HTTPClientError, EOFError: see `FAULTS`.
        """
        return self._loop.run(asyncio.wait_for(self._execute(code), self._timeout)).strip()

    def close(self) -> None:
        """Hang up."""
        self._loop.run(self._hang_up())
        self._loop.close()

    async def _hang_up(self) -> None:
        if self._channel:
            self._channel.close()

    async def _execute(self, code: str) -> str:
        if self._channel is None:
            headers = {"Authorization": f"token {self._token}"}
            self._channel = await websocket_connect(HTTPRequest(self._url, headers=headers, connect_timeout=CONNECT))
        message = execute_request(code)
        await self._channel.write_message(json.dumps(message))
        return await self._output(self._channel, message["header"]["msg_id"])

    async def _output(self, channel: WebSocketClientConnection, request: str) -> str:
        output, idle, replied = "", False, False
        while not (idle and replied):
            received = await channel.read_message()
            if received is None:
                raise EOFError("the websocket closed before the kernel answered")
            message = json.loads(received)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            output += content.get("text", "") if kind == "stream" else ""
            output += "\n".join(content.get("traceback", [])) if kind == "error" else ""
            replied = replied or kind == "execute_reply"
            idle = idle or (kind == "status" and content["execution_state"] == "idle")
        return output


def execute_request(code: str) -> dict[str, Any]:
    """A message that asks a kernel to run code, in Jupyter's protocol 5."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    header |= {"session": uuid.uuid4().hex, "username": ""}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
