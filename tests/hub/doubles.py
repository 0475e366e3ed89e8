# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for what tests of labhub do without: a Docker daemon, a node proxy, JupyterLab in a container."""

import code
import contextlib
import io
import json
import os
import sys

from jupyterhub.proxy import Proxy
from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyterhub.utils import random_port
from tornado import httpclient, ioloop, web, websocket

HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "content-encoding"}


class DoorDouble(Proxy):
    """The proxy, in the hub's own process: routes by prefix, streams, and passes websockets on."""

    should_start = True

    async def start(self):
        self.table = {}
        rules = [(r".*", Passage, {"table": self.table})]
        self.server = web.Application(rules).listen(int(self.public_url.rsplit(":", 1)[1].strip("/")), "127.0.0.1")

    async def add_route(self, routespec, target, data):
        self.table[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.table.pop(routespec, None)

    async def get_all_routes(self):
        return dict(self.table)


class Passage(websocket.WebSocketHandler):
    """One request on its way through the door."""

    def initialize(self, table):
        self.table = table

    def target(self):
        spec = max((spec for spec in self.table if self.request.path.startswith(spec)), key=len, default=None)
        return self.table[spec]["target"] + self.request.uri if spec else None

    async def prepare(self):
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            request = httpclient.HTTPRequest(self.target().replace("http", "ws", 1), headers=self.plain_headers())
            self.inner = await websocket.websocket_connect(request, on_message_callback=self.from_inside)
        else:
            await self.pass_on()

    def plain_headers(self):
        skipped = ("sec-websocket", "connection", "upgrade", "host")
        return {k: v for k, v in self.request.headers.get_all() if not k.lower().startswith(skipped)}

    async def pass_on(self):
        headers = dict(self.request.headers.get_all()) | {"X-Forwarded-For": "127.0.0.1"}
        # Tornado's client would call a body without a type a form, and the hub then ignores cookies.
        headers.setdefault("Content-Type", "application/json")
        body = self.request.body or None
        client = httpclient.AsyncHTTPClient()
        answer = await client.fetch(
            httpclient.HTTPRequest(
                self.target(),
                method=self.request.method,
                headers=headers,
                body=body,
                allow_nonstandard_methods=True,
                follow_redirects=False,
                decompress_response=False,
                request_timeout=60,
                header_callback=self.head,
                streaming_callback=self.part,
            ),
            raise_error=False,
        )
        if not self._headers_written:
            self.set_status(answer.code if answer.code < 599 else 503)
        self.finish()

    def head(self, line):
        if line.startswith("HTTP/"):
            self.clear_header("Content-Type")
            self.set_status(int(line.split()[1]))
        elif ":" in line:
            name, value = line.strip().split(":", 1)
            if name.lower() not in HOP_BY_HOP:
                self.add_header(name, value.strip())

    def part(self, chunk):
        self.write(chunk)
        self.flush()

    def check_origin(self, origin):
        return True

    def on_message(self, message):
        self.inner.write_message(message)

    def from_inside(self, message):
        if message is None:
            self.close()
        else:
            self.write_message(message)

    def on_close(self):
        self.inner.close()


class SingleUserSpawnerDouble(SimpleLocalProcessSpawner):
    """Starts `SingleUserDouble` as a local process; user names ending in ``-broken`` end in a failed start."""

    cmd = [sys.executable, __file__]

    async def start(self):
        if self.user.name.endswith("-broken"):
            error = RuntimeError("no image")
            error.jupyterhub_message = "The image of your server is missing."
            raise error
        self.port = random_port()
        return await super().start()


class SingleUserDouble(web.RequestHandler):
    """JupyterLab as far as the probe walks in it."""

    def get(self, path):
        self.set_header("X-JupyterHub-Version", "6.1.1")
        self.write({"path": path})

    def post(self, path):
        self.set_status(201)
        self.write({"id": "kernel-double"})

    def delete(self, path):
        self.set_status(204)


class KernelDouble(websocket.WebSocketHandler):
    """A kernel that runs code in the process that it is in."""

    def on_message(self, message):
        request = json.loads(message)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code.InteractiveInterpreter().runcode(compile(request["content"]["code"], "kernel", "exec"))
        for kind, content in (
            ("stream", {"text": output.getvalue()}),
            ("execute_reply", {}),
            ("status", {"execution_state": "idle"}),
        ):
            self.write_message({"msg_type": kind, "parent_header": request["header"], "content": content})


if __name__ == "__main__":
    # The tests may run as root, as which no server of the lab runs.
    os.getuid = lambda: 20000
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    web.Application([(rf"{prefix}api/kernels/.*/channels", KernelDouble), (rf"{prefix}(.*)", SingleUserDouble)]).listen(
        int(os.environ["JUPYTERHUB_SERVICE_URL"].rsplit(":", 1)[1].split("/")[0]), "127.0.0.1"
    )
    ioloop.IOLoop.current().start()
