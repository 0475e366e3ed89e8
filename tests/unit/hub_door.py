# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A lab's door for tests: a real HTTP server that replays what JupyterHub 6.1.1 answered."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPLIES = json.loads(Path(__file__).with_name("hub_replies.json").read_text(encoding="utf-8"))


class Door(ThreadingHTTPServer):
    """Replays replies, those recorded under a name or others, and keeps the requests."""

    daemon_threads = True

    def __init__(self, replies):
        super().__init__(("127.0.0.1", 0), Replay)
        self.replies = REPLIES[replies] if isinstance(replies, str) else replies
        self.requests = []
        self.url = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(replies):
    """Open a door for the time of a test."""
    door = Door(replies)
    threading.Thread(target=door.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield door
    finally:
        door.shutdown()
        door.server_close()


class Replay(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        reply = self.server.replies[self.path.removeprefix("/hub")]
        body = reply["body"] if isinstance(reply["body"], str) else json.dumps(reply["body"])
        self.send_response(reply["status"])
        for name, value in reply["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        """Keep the test's output clean."""
