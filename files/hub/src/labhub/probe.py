# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Walk through the lab as a user does, and name the layer at fault where the walk ends.

    python -m labhub.probe --url http://127.0.0.1:8000 --user lab-probe --token-file /run/lab-secrets/ansible_token \\
        --expect-mount /home/lab-probe/shared:rw --packages-dir /opt/packages

Makes an account, logs in at the public door, starts a server, runs code in a kernel, and takes everything
back again, after a failure too. Prints ``{"ok", "steps": [{"name", "ok", "seconds"}], "problem"}``; the
problem is null or ``{code, severity, subject, evidence, remedy}``. A lab in which only a warning is to be told is
``ok``, for it works. Exit status 0 when it is ok, else 1.
"""

import argparse
import asyncio
import json
import re
import secrets
import signal
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from labhub import packages

ROUND_TRIP = 15
"""Seconds that one request may take."""


@dataclass(frozen=True)
class Layer:
    """A part of the lab that can be at fault: the code it goes by, and what to do first."""

    code: str
    remedy: str


DOOR = Layer("door-unreachable", "docker compose ps proxy; is hub_stack_port open, and nothing else on it?")
HUB = Layer("hub-unreachable", "docker compose logs --tail=200 jupyterhub")
TOKEN = Layer("token-refused", "Run the playbook again: token and hub must come from the same run.")
LOGIN = Layer("login-refused", "docker compose logs --tail=200 jupyterhub: it says why it refused the login.")
SPAWN = Layer("spawn-failed", "docker ps -a; docker compose logs --tail=200 jupyterhub")
SERVER = Layer("server-unreachable", "docker logs jupyter-<user>; are proxy, hub and servers on one Docker network?")
KERNEL = Layer("kernel-failed", "docker logs jupyter-<user>; do websockets pass whatever stands before the door?")
HOME = Layer("home-not-writable", "ls -ldn of the user's home on the server: mode 0700, owner the container's uid.")
MOUNT = Layer("mount-missing", "Compare LabSpawner.mounts with the directories on the server.")
MOUNT_MODE = Layer("mount-not-writable", "chgrp and chmod 2775 the directory on the server, as the playbook does.")
MOUNT_OPEN = Layer(
    "mount-writable",
    "Set the mount's mode, or hub_config_shared_packages, in the inventory, and run the playbook again.",
)
PACKAGES = Layer("shared-packages-missing", "Is opt-packages mounted, mode 2775 if rw, and in the server's PYTHONPATH?")
NO_PACKAGES = Layer(
    "shared-packages-left",
    "hub_config_shared_packages is off: does hub_config_extra or hub_config_user_environment bring them back?",
)
ANSWER = Layer("answer-not-understood", "Does something between here and the hub change what it answers?")
CLEANUP = Layer("cleanup-failed", "Remove what is left in the admin page of the hub: the user and its server.")


class Fault(Exception):
    """A step failed: which layer is at fault, of what, and what was seen."""

    def __init__(self, layer: Layer, subject: str, evidence: object):
        super().__init__(f"{layer.code}: {subject}: {evidence}")
        self.layer, self.subject, self.evidence = layer, subject, str(evidence)[-2000:]

    def problem(self) -> dict[str, str]:
        """The fault in the form that the project's modules use."""
        return {
            "code": self.layer.code,
            "severity": "warning" if self.layer is CLEANUP else "error",
            "subject": self.subject,
            "evidence": self.evidence,
            "remedy": self.layer.remedy,
        }


@dataclass
class Probe:
    """One walk: where it goes, and what it has found on its way."""

    url: str
    user: str
    token: str
    timeout: float
    mounts: Sequence[tuple[str, str]] = ()
    packages_dir: str = packages.TARGET
    shared_packages: str = packages.OPEN
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    browser: requests.Session = field(default_factory=requests.Session)
    server_token: str = ""
    kernel: str = ""

    # How the walk talks to the lab

    def _request(self, layer: Layer, session: Any, method: str, path: str, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", ROUND_TRIP)
        try:
            return session.request(method, self.url + path, **kwargs)
        except requests.RequestException as error:
            raise Fault(layer, self.url + path, error) from error

    def admin(
        self, method: str, path: str, accept: Sequence[int], layer: Layer = HUB, **kwargs: Any
    ) -> requests.Response:
        """Call the hub's API with the service's token."""
        headers = {"Authorization": f"token {self.token}"}
        answer = self._request(layer, requests, method, f"/hub/api{path}", headers=headers, **kwargs)
        if answer.status_code in (401, 403):
            raise Fault(TOKEN, f"{method} /hub/api{path}", said(answer))
        return accepted(answer, layer, accept)

    def page(self, layer: Layer, method: str, path: str, accept: Sequence[int], **kwargs: Any) -> requests.Response:
        """Go to a page, or send a form, as the user's browser does."""
        return accepted(self._request(layer, self.browser, method, path, **kwargs), layer, accept)

    def by_user(self, layer: Layer, method: str, path: str, accept: Sequence[int], **kwargs: Any) -> requests.Response:
        """Call an API as the user's browser does: cookies, and the XSRF token of the hub's pages."""
        headers = {"X-XSRFToken": self.xsrf(), "Referer": f"{self.url}/hub/home"}
        return self.page(layer, method, path, accept, headers=headers, **kwargs)

    def xsrf(self) -> str:
        """The XSRF token that the hub gave to the browser; the user's server gives another, for its own path."""
        path = f"{urlsplit(self.url).path}/hub/"
        return self.browser.cookies.get("_xsrf", default="", path=path) or ""

    def server(self, layer: Layer, method: str, path: str, accept: Sequence[int], **kwargs: Any) -> requests.Response:
        """Call the API of the user's server, with a token that the user made."""
        headers = {"Authorization": f"token {self.server_token}"}
        path = f"/user/{self.user}{path}"
        return accepted(self._request(layer, requests, method, path, headers=headers, **kwargs), layer, accept)

    # The walk

    def find_door(self) -> None:
        """Is there a proxy, and a hub behind it?"""
        answer = self._request(DOOR, requests, "GET", "/hub/api/")
        accepted(answer, HUB, [200])
        if "version" not in answer.text:
            raise Fault(DOOR, self.url, f"something else answers here: {said(answer)}")

    def make_account(self) -> None:
        """Give the probe an account with a password that nobody knows; stop what an earlier probe left running."""
        body = {"password": self.password, "authorized": True}
        self.admin("PUT", f"/lab/accounts/{self.user}", [200, 201], json=body)
        self._stop_server()

    def log_in(self) -> None:
        """Log in with the form on the login page."""
        self.page(LOGIN, "GET", "/hub/login", [200])
        form = {"username": self.user, "password": self.password, "_xsrf": self.xsrf()}
        answer = self.page(LOGIN, "POST", "/hub/login", [302, 403], data=form, allow_redirects=False)
        if answer.status_code == 403:
            raise Fault(LOGIN, self.user, login_error(answer.text))
        self.page(LOGIN, "GET", "/hub/home", [200])

    def start_server(self) -> None:
        """Start the server, and follow what the hub says until it is ready."""
        self.by_user(SPAWN, "POST", f"/hub/api/users/{self.user}/server", [201, 202], timeout=self.timeout)
        self._follow(f"/hub/api/users/{self.user}/server/progress")

    def _follow(self, path: str) -> None:
        deadline, last = time.monotonic() + self.timeout, "the hub said nothing"
        answer = self.by_user(SPAWN, "GET", path, [200], stream=True, timeout=self.timeout)
        try:
            for line in answer.iter_lines():
                if line.startswith(b"data:"):
                    event = json.loads(line.removeprefix(b"data:"))
                    if event.get("ready"):
                        return
                    last = event.get("message", last)
                    if event.get("failed"):
                        break
                if time.monotonic() > deadline:
                    raise Fault(SPAWN, self.user, f"not ready after {self.timeout:.0f} s; last: {last}")
        except requests.RequestException as error:
            raise Fault(SPAWN, self.user, f"{error}; last: {last}") from error
        raise Fault(SPAWN, self.user, last)

    def open_server(self) -> None:
        """Open JupyterLab, which sends the browser through the hub's sign-on and back; make a token."""
        answer = self.page(SERVER, "GET", f"/user/{self.user}/lab", [200])
        if not urlsplit(answer.url).path.startswith(f"/user/{self.user}/"):
            raise Fault(SERVER, f"/user/{self.user}/lab", f"the browser ends at {answer.url}")
        body = {"note": "labhub.probe", "expires_in": int(self.timeout * 10)}
        answer = self.by_user(SERVER, "POST", f"/hub/api/users/{self.user}/tokens", [201], json=body)
        self.server_token = answer.json()["token"]
        self.server(SERVER, "GET", "/api/status", [200])

    def start_kernel(self) -> None:
        """Start a kernel and see it compute."""
        answer = self.server(KERNEL, "POST", "/api/kernels", [201], json={"name": "python3"}, timeout=self.timeout)
        self.kernel = answer.json()["id"]
        if self.run("print(6 * 7)", KERNEL) != "42":
            raise Fault(KERNEL, self.user, "the kernel cannot multiply")

    def check_home(self) -> None:
        """The server runs as the user, never as root, in a home that keeps what is written."""
        self.verdict(HOME, HOME_CODE, user=self.user)

    def check_mounts(self) -> None:
        """Every mount is there, and writable exactly where it should be."""
        for path, mode in self.mounts:
            self.verdict({"missing": MOUNT, "ro": MOUNT_MODE, "rw": MOUNT_OPEN}, MOUNT_CODE, path=path, mode=mode)

    def check_packages(self) -> None:
        """A module that lands in the shared packages can be imported; where users may only read, they can be read.

        Where they are off, nothing leads a kernel there.
        """
        if self.shared_packages == packages.OFF:
            self.verdict(NO_PACKAGES, NO_PACKAGES_CODE, directory=self.packages_dir)
            return
        module = f"lab_probe_{uuid.uuid4().hex}"
        self.verdict(
            PACKAGES, PACKAGES_CODE, directory=self.packages_dir, shared_packages=self.shared_packages, module=module
        )

    # The kernel

    def verdict(self, layer: Layer | dict[str, Layer], code: str, **arguments: str) -> None:
        """Run code that prints ``{"ok": true}`` or what is wrong, ``{"what", "evidence"}``."""
        said = self.run(f"arguments = {arguments!r}\n{code}", KERNEL)
        try:
            result = json.loads(said)
        except ValueError as error:
            raise Fault(KERNEL, self.user, said) from error
        if not result.get("ok"):
            at_fault = layer[result["what"]] if isinstance(layer, dict) else layer
            raise Fault(at_fault, next(iter(arguments.values())), result["evidence"])

    def run(self, code: str, layer: Layer) -> str:
        """Run code in the kernel over its websocket; returns what it prints."""
        try:
            return asyncio.run(asyncio.wait_for(self._execute(code), self.timeout)).strip()
        except (OSError, TimeoutError, HTTPClientError, EOFError) as error:
            raise Fault(layer, f"kernel of {self.user}", f"{type(error).__name__}: {error}") from error

    async def _execute(self, code: str) -> str:
        address = f"{self.url}/user/{self.user}/api/kernels/{self.kernel}/channels".replace("http", "ws", 1)
        headers = {"Authorization": f"token {self.server_token}"}
        channel = await websocket_connect(HTTPRequest(address, headers=headers, connect_timeout=ROUND_TRIP))
        try:
            message = execute_request(code)
            await channel.write_message(json.dumps(message))
            return await self._output(channel, message["header"]["msg_id"])
        finally:
            channel.close()

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

    # Taking everything back

    def clean_up(self) -> None:
        """Shut the kernel down, stop the server, delete account and user; what is not there is no fault."""
        failures = []
        for step in (self._stop_kernel, self._stop_server, self._delete_account, self._delete_user):
            try:
                step()
            except Fault as fault:
                failures.append(f"{fault.subject}: {fault.evidence}")
        if failures:
            raise Fault(CLEANUP, self.user, "; ".join(failures))

    def _stop_kernel(self) -> None:
        if self.kernel:
            self.server(CLEANUP, "DELETE", f"/api/kernels/{self.kernel}", [204, 404])

    def _stop_server(self) -> None:
        path, deadline = f"/users/{self.user}", time.monotonic() + self.timeout
        # 400: it is stopped already, or on its way up or down.
        self.admin("DELETE", f"{path}/server", [202, 204, 400, 404], CLEANUP, timeout=self.timeout)
        while (user := self.admin("GET", path, [200, 404], CLEANUP)).status_code == 200:
            if not user.json().get("server") and not user.json().get("pending"):
                return
            if time.monotonic() > deadline:
                raise Fault(CLEANUP, f"server of {self.user}", f"still there after {self.timeout:.0f} s")
            time.sleep(0.5)

    def _delete_account(self) -> None:
        self.admin("DELETE", f"/lab/accounts/{self.user}", [204, 404], CLEANUP)

    def _delete_user(self) -> None:
        self.admin("DELETE", f"/users/{self.user}", [204, 404], CLEANUP, timeout=self.timeout)


HOME_CODE = """
import getpass, json, os, pathlib, uuid
home = pathlib.Path.home()
try:
    if os.getuid() == 0 or os.environ.get("USER") != arguments["user"] or home.name != arguments["user"]:
        raise OSError(f"the kernel runs as uid {os.getuid()}, {getpass.getuser()}, at home in {home}")
    path = home / f".lab-probe-{uuid.uuid4().hex}"
    path.write_text("kept")
    kept = path.read_text()
    path.unlink()
    print(json.dumps({"ok": kept == "kept", "evidence": f"read {kept!r} back"}))
except OSError as error:
    print(json.dumps({"evidence": str(error)}))
"""

MOUNT_CODE = """
import json, pathlib, uuid
path = pathlib.Path(arguments["path"])
# os.path.ismount does not see a bind mount from the same file system.
mounted = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
def look():
    if str(path).replace(" ", "\\040") not in mounted:
        return {"what": "missing", "evidence": f"nothing is mounted at {path}"}
    try:
        file = path / f".lab-probe-{uuid.uuid4().hex}"
        file.touch()
        file.unlink()
    except OSError as error:
        return {"ok": arguments["mode"] == "ro", "what": "ro", "evidence": str(error)}
    return {"ok": arguments["mode"] == "rw", "what": "rw", "evidence": f"{path} is writable and should not be"}
print(json.dumps(look()))
"""

PACKAGES_CODE = """
import importlib, json, os, pathlib, sys
directory, module = arguments["directory"], arguments["module"]
# Else the import leaves __pycache__ behind, owned by the probe's uid.
sys.dont_write_bytecode = True
def look():
    if directory not in sys.path:
        raise ImportError(f"{directory} is not in sys.path: {sys.path}")
    if not os.access(directory, os.R_OK | os.X_OK):
        raise ImportError(f"{directory} is in sys.path, and cannot be read")
    return arguments["shared_packages"] == "curated" or imported()
def imported():
    path = pathlib.Path(directory, f"{module}.py")
    try:
        path.write_text("kept = True")
        importlib.invalidate_caches()
        return importlib.import_module(module).kept
    finally:
        path.unlink(missing_ok=True)
try:
    verdict = {"ok": look()}
except (OSError, ImportError) as error:
    verdict = {"evidence": str(error)}
print(json.dumps(verdict))
"""

NO_PACKAGES_CODE = """
import json, os, pathlib, sys
directory = arguments["directory"]
mounted = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
seen = {
    "is mounted": directory in mounted,
    "is in sys.path": directory in sys.path,
    "is PIP_TARGET": os.environ.get("PIP_TARGET") == directory,
}
left = [what for what, found in seen.items() if found]
print(json.dumps({"ok": not left, "evidence": f"{directory} {' and '.join(left)}"}))
"""


def said(answer: requests.Response) -> str:
    """An answer in one line: status and the message in it, if JSON, or the beginning of the text."""
    try:
        text = answer.json()["message"]
    except (ValueError, LookupError, TypeError):
        text = answer.text[:300]
    return f"{answer.status_code} {answer.reason}: {text}"


def accepted(answer: requests.Response, layer: Layer, statuses: Sequence[int]) -> requests.Response:
    """Hand the answer on if its status is among those accepted.

    :raises Fault: it is not; the layer is at fault.
    """
    if answer.status_code in statuses:
        return answer
    raise Fault(layer, urlsplit(answer.url).path, said(answer))


def login_error(page: str) -> str:
    """Find why the login page refused."""
    found = re.search(r'class="login_error">\s*(.*?)\s*<', page, re.DOTALL)
    return found.group(1) if found else "the login page came back without a reason"


def execute_request(code: str) -> dict[str, Any]:
    """A message that asks a kernel to run code, in Jupyter's protocol 5."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    header |= {"session": uuid.uuid4().hex, "username": ""}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}


def walk(probe: Probe) -> dict[str, Any]:
    """Take all steps, and clean up whatever happens; returns what is printed."""
    way = [probe.find_door, probe.make_account, probe.log_in, probe.start_server, probe.open_server]
    way += [probe.start_kernel, probe.check_home, probe.check_mounts, probe.check_packages]
    steps: list[dict[str, Any]] = []
    problem = left = None
    try:
        problem = next(filter(None, (taken(step, steps) for step in way)), None)
    finally:
        if len(steps) > 1:
            left = taken(probe.clean_up, steps)
    problem = problem or left
    ok = problem is None or problem["severity"] != "error"
    return {"ok": ok, "steps": steps, "problem": problem}


def taken(step: Callable[[], None], steps: list[dict[str, Any]]) -> dict[str, str] | None:
    """Take one step and note how it went; returns its problem."""
    began = time.monotonic()
    note = {"name": step.__name__, "ok": False, "seconds": 0.0}
    steps.append(note)
    try:
        step()
        note["ok"] = True
    except Fault as fault:
        return fault.problem()
    except (ValueError, LookupError, TypeError) as error:
        return Fault(ANSWER, step.__name__, f"{type(error).__name__}: {error}").problem()
    finally:
        note["seconds"] = round(time.monotonic() - began, 2)
    return None


def mount(text: str) -> tuple[str, str]:
    """Read ``PATH:rw`` or ``PATH:ro``."""
    path, _colon, mode = text.rpartition(":")
    if not path.startswith("/") or mode not in ("ro", "rw"):
        raise argparse.ArgumentTypeError(f"{text!r} must be PATH:rw or PATH:ro, with an absolute path")
    return path, mode


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labhub.probe", description="Walk through the lab as a user does.")
    parser.add_argument("--url", required=True, help="the public door, such as http://127.0.0.1:8000")
    parser.add_argument("--token-file", required=True, type=Path, help="file with the service's API token")
    parser.add_argument("--user", default="lab-probe", help="account to make and delete")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for each slow step")
    parser.add_argument("--expect-mount", type=mount, action="append", default=[], metavar="PATH:rw|ro")
    parser.add_argument("--packages-dir", default=packages.TARGET, help="shared packages, in the container")
    parser.add_argument("--shared-packages", choices=packages.MODES, default=packages.OPEN, help="who writes there")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    asked = _arguments(argv)
    # So that an orderly end (docker stop, a playbook's time-out) cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    token = asked.token_file.read_text(encoding="utf-8").strip()
    probe = Probe(
        url=asked.url.rstrip("/"),
        user=quote(asked.user, safe=""),
        token=token,
        timeout=asked.timeout,
        mounts=asked.expect_mount,
        packages_dir=asked.packages_dir,
        shared_packages=asked.shared_packages,
    )
    result = walk(probe)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
