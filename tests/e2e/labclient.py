"""A lab without a browser: as a program with a token sees it, and as a person's forms reach it."""

import json
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests
from websockets.sync.client import ClientConnection, connect

REQUEST_TIMEOUT = 30
START_TIMEOUT = 120
STOP_TIMEOUT = 60
RUN_TIMEOUT = 60


class LabError(Exception):
    """The lab did not do what it was asked; the text says what was asked and what came back."""


def wait_until(condition: Callable[[], Any], what: str, timeout: float, pause: float = 0.2) -> Any:
    """Wait until a condition holds.

    :param what: the condition in words, for the error.
    :param timeout: seconds.
    :param pause: seconds between two looks.
    :returns: the first true value of the condition.
    :raises LabError: it did not come true in time.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout} s in vain until {what}")
        time.sleep(pause)
    return value


@dataclass(frozen=True)
class Lab:
    """Where a lab is, and what its administrator knows."""

    url: str
    admin: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    data_root: Path

    @classmethod
    def from_environment(cls) -> Self:
        """Read ``LAB_*``; what is not set is read from the lab's own files on this machine.

        :raises LabError: a secret is neither in the environment nor readable.
        """
        root = Path(os.environ.get("LAB_DATA_ROOT", "/srv/jupyterhub"))
        return cls(
            url=os.environ.get("LAB_URL", "http://127.0.0.1:8000").rstrip("/"),
            admin=os.environ.get("LAB_ADMIN", "admin"),
            password=_secret("LAB_ADMIN_PASSWORD", root / "secrets/admin_password"),
            token=_secret("LAB_TOKEN", root / "secrets/ansible_token"),
            data_root=root,
        )

    @property
    def packages(self) -> Path:
        """Directory of the packages that all users share, on the host."""
        return self.data_root / "opt-packages"

    def home(self, name: str) -> Path:
        """Say where a user's home is, on the host."""
        return self.data_root / "home" / name


def _secret(variable: str, file: Path) -> str:
    if value := os.environ.get(variable):
        return value
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise LabError(
            f"{error}: bring the lab up (./run.sh) and run these tests as root, or set {variable}, LAB_URL"
        ) from error


class HubClient:
    """What a program does with an API token: users, accounts, servers, kernels."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"token {lab.token}"

    def renew(self, lab: Lab | None = None) -> None:
        """Take the lab's token anew, for a lab whose token may be another one by now."""
        self.lab = lab or Lab.from_environment()
        self._http.headers["Authorization"] = f"token {self.lab.token}"

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request to a path below the lab's door; the answer is returned whatever its status."""
        options.setdefault("timeout", REQUEST_TIMEOUT)
        return self._http.request(method, f"{self.lab.url}{path}", **options)

    def call(self, method: str, path: str, *accept: int, **options: Any) -> Any:
        """Send a request, and return the JSON of its answer (None if there is none).

        :param accept: statuses that are right besides 2xx.
        :raises LabError: any other status.
        """
        answer = self.request(method, path, **options)
        if not answer.ok and answer.status_code not in accept:
            raise LabError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def put_account(self, name: str, password: str) -> None:
        """Make an account that may log in."""
        self.call("PUT", f"/hub/api/lab/accounts/{name}", json={"password": password})

    def user(self, name: str) -> dict[str, Any] | None:
        """Describe a user; None if the hub knows none of that name."""
        found = self.call("GET", f"/hub/api/users/{name}", 404)
        return found if "name" in found else None

    def server_api(self, name: str, path: str = "", method: str = "GET", **options: Any) -> Any:
        """Call the API of a user's running server, ``/user/<name>/api/...``."""
        return self.call(method, f"/user/{name}/api{path}", **options)

    def start(self, name: str, options: dict[str, Any] | None = None) -> None:
        """Start a user's server, and wait until it is ready.

        :param options: what the form of a start would bring; None for what the last start had.
        :raises LabError: it did not start.
        """
        body = None if options is None else {"user_options": options}
        self.call("POST", f"/hub/api/users/{name}/server", json=body)
        told = []
        for event in self.progress(name):
            told.append(event.get("message", ""))
            if event.get("failed"):
                raise LabError(f"the server of {name} did not start: {told}")
            if event.get("ready"):
                return
        raise LabError(f"the hub stopped telling about the server of {name}: {told}")

    def progress(self, name: str) -> Iterator[dict[str, Any]]:
        """Tell what the hub tells while a server starts, until that has come to an end."""
        path = f"/hub/api/users/{name}/server/progress"
        with self.request("GET", path, stream=True, timeout=START_TIMEOUT) as stream:
            for line in stream.iter_lines():
                if line.startswith(b"data:"):
                    yield json.loads(line.removeprefix(b"data:"))

    def stop(self, name: str) -> None:
        """Stop a user's server, and wait until it is gone."""
        self.call("DELETE", f"/hub/api/users/{name}/server", 404)
        wait_until(lambda: not self.running(name), f"the server of {name} has stopped", STOP_TIMEOUT)

    def running(self, name: str) -> bool:
        """Tell whether a user has a server, be it on its way up or down."""
        user = self.user(name)
        return bool(user and (user["server"] or user["pending"]))

    @contextmanager
    def kernel(self, name: str) -> Iterator["Kernel"]:
        """Run a Python kernel on a user's server."""
        path = f"/kernels/{self.server_api(name, '/kernels', 'POST', json={'name': 'python3'})['id']}"
        try:
            with self.websocket(name, f"/api{path}/channels") as socket:
                yield Kernel(socket)
        finally:
            self.server_api(name, path, "DELETE")

    def websocket(self, name: str, path: str) -> ClientConnection:
        """Open a websocket of a user's running server."""
        url = f"{self.lab.url}/user/{name}{path}".replace("http", "ws", 1)
        return connect(url, additional_headers={"Authorization": f"token {self.lab.token}"})

    def remove(self, name: str) -> None:
        """Remove a user: server, hub user, account and home."""
        self.stop(name)
        self.call("DELETE", f"/hub/api/users/{name}", 404)
        self.call("DELETE", f"/hub/api/lab/accounts/{name}", 404)
        if self.lab.home(name).exists():
            shutil.rmtree(self.lab.home(name))


class Kernel:
    """A Python kernel on a user's server, spoken to over its websocket."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket

    def run(self, code: str) -> str:
        """Run code to its end.

        :returns: what it printed.
        :raises LabError: it raised an exception, or did not end in time.
        """
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "e2e"}
        content = {"code": code, "silent": False, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header | {"version": "5.3"}, "parent_header": {}, "metadata": {}, "content": content}
        self._socket.send(json.dumps(message | {"channel": "shell", "buffers": []}))
        printed = []
        for kind, told in self._told_about(header["msg_id"]):
            if kind == "stream":
                printed.append(told["text"])
            elif kind == "error":
                raise LabError(f"{code!r} raised {told['ename']}: {told['evalue']}")
            elif kind == "status" and told["execution_state"] == "idle":
                break
        return "".join(printed).strip()

    def _told_about(self, message_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        while True:
            message = json.loads(self._socket.recv(timeout=RUN_TIMEOUT))
            if message["channel"] == "iopub" and message["parent_header"].get("msg_id") == message_id:
                yield message["header"]["msg_type"], message["content"]


class WebSession:
    """A person's browser, reduced to its forms and cookies."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self._http = requests.Session()

    def get(self, path: str, **options: Any) -> requests.Response:
        """Open a page."""
        return self._http.get(f"{self.lab.url}{path}", timeout=REQUEST_TIMEOUT, **options)

    def submit(self, page: str, path: str, **fields: str) -> requests.Response:
        """Open a page, then send a form of it; redirects are not followed."""
        self.get(page)
        fields.setdefault("_xsrf", self._http.cookies.get("_xsrf", path="/hub/"))
        options = {"timeout": REQUEST_TIMEOUT, "allow_redirects": False}
        return self._http.post(f"{self.lab.url}{path}", data=fields, **options)

    def sign_up(self, name: str, password: str) -> str:
        """Send the sign-up form.

        :returns: the page that answers, HTML.
        """
        again = {"signup_password": password, "signup_password_confirmation": password}
        return self.submit("/hub/signup", "/hub/signup", username=name, **again).text

    def log_in(self, name: str, password: str) -> bool:
        """Send the login form, and tell whether it let the person in."""
        answer = self.submit("/hub/login", "/hub/login", username=name, password=password)
        return answer.status_code == requests.codes.found


@dataclass(frozen=True)
class Guest:
    """A user that a test made up."""

    name: str
    password: str


class Guests:
    """Makes users up, and removes whatever has become of them at the end."""

    def __init__(self, hub: HubClient):
        self._hub = hub
        self._names: list[str] = []

    def stranger(self) -> Guest:
        """Make up a person whom the lab does not know yet."""
        guest = Guest(f"e2e-{secrets.token_hex(4)}", secrets.token_urlsafe(16))
        self._names.append(guest.name)
        return guest

    def member(self) -> Guest:
        """Make up a person who may log in."""
        guest = self.stranger()
        self._hub.put_account(guest.name, guest.password)
        return guest

    def working(self) -> Guest:
        """Make up a person whose server runs."""
        guest = self.member()
        self._hub.call("POST", f"/hub/api/users/{guest.name}")
        self._hub.start(guest.name)
        return guest

    def remove_all(self) -> None:
        """Remove every one of them; each is tried, the errors are raised together."""
        errors = []
        while self._names:
            try:
                self._hub.remove(self._names.pop())
            except (LabError, OSError) as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup("users of these tests are left in the lab", errors)
