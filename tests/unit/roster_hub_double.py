# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A hub's API for tests of rosters: a real HTTP server that keeps users, accounts and groups in dictionaries."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN, KEY = "0123456789abcdef-a-token", "fedcba9876543210-a-key"
COMMON = "among-the-common-ones"


class RosterHub(ThreadingHTTPServer):
    """Takes the token for looking and the key for changing; `changes` lists what was changed."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.users, self.accounts, self.passwords, self.groups = {}, {}, {}, set()
        self.changes = []
        self.add("admin", "the admin's password", admin=True)

    def add(self, name, password, **user):
        self.users[name] = {"name": name, "admin": False, "groups": [], "servers": {}} | user
        self.accounts[name] = {"name": name, "authorized": True, "has_2fa": False, "email": ""}
        self.passwords[name] = password


class Answer(BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        path = self.path.partition("?")[0].removeprefix("/hub/api")
        if self.headers["Authorization"] not in (f"token {KEY}", f"token {TOKEN}" if self.command == "GET" else ""):
            return self.reply(403, {"message": "Action is not authorized with current scopes"})
        for pattern, respond in ROUTES.items():
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                if self.command != "GET" and respond is not check:
                    self.server.changes.append(f"{self.command} {path}")
                return self.reply(*respond(self.server, body, *found.groups()))
        return self.reply(404, {"message": "Not Found"})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def reply(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keep the test's output clean."""


def list_users(hub, _body):
    return 200, {"items": list(hub.users.values()), "_pagination": {"next": None}}


def check(hub, body, name):
    """Say what would change, as the lab's accounts API does."""
    if body.get("password") == COMMON:
        return 400, {"message": "This password is among the most common ones: choose another."}
    has = hub.accounts.get(name, {}) | {"password": hub.passwords.get(name)}
    return 200, {"changed": [what for what, value in body.items() if has.get(what) != value]}


def put(hub, body, name):
    if name not in hub.accounts:
        hub.accounts[name] = {"name": name, "authorized": True, "has_2fa": False, "email": ""}
    hub.passwords[name] = body.pop("password", hub.passwords.get(name))
    hub.accounts[name] |= body
    return 200, hub.accounts[name]


def make_user(hub, _body, name):
    hub.users[name] = {"name": name, "admin": False, "groups": [], "servers": {}}
    return 201, hub.users[name]


def change_user(hub, body, name):
    hub.users[name] |= body
    return 200, hub.users[name]


def remove_user(hub, _body, name):
    if hub.users[name]["servers"]:
        return 400, {"message": f"{name}'s server runs"}
    hub.accounts.pop(name, None)
    return (204, {}) if hub.users.pop(name, None) else (404, {})


def remove_account(hub, _body, name):
    return (204, {}) if hub.accounts.pop(name, None) else (404, {"message": "There is no account"})


def stop(hub, _body, name):
    hub.users[name]["servers"] = {}
    return 204, {}


def make_group(hub, _body, group):
    if group in hub.groups:
        return 409, {"message": "exists"}
    hub.groups.add(group)
    return 201, {}


def join(hub, body, group):
    for name in body["users"]:
        hub.users[name]["groups"].append(group)
    return 200, {}


def leave(hub, body, group):
    for name in body["users"]:
        hub.users[name]["groups"].remove(group)
    return 200, {}


ROUTES = {
    "GET /users": list_users,
    "GET /users/([^/]+)": lambda hub, _body, name: (200, hub.users[name]),
    "GET /lab/accounts": lambda hub, _body: (200, list(hub.accounts.values())),
    "POST /lab/accounts/([^/]+)": check,
    "PUT /lab/accounts/([^/]+)": put,
    "DELETE /lab/accounts/([^/]+)": remove_account,
    "POST /users/([^/]+)": make_user,
    "PATCH /users/([^/]+)": change_user,
    "DELETE /users/([^/]+)": remove_user,
    "DELETE /users/([^/]+)/server": stop,
    "POST /groups/([^/]+)": make_group,
    "POST /groups/([^/]+)/users": join,
    "DELETE /groups/([^/]+)/users": leave,
}
