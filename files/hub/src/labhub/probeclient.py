# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What `labhub.probe` speaks to: door, hub and server, and the layer at fault when one of them does not answer."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

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
class Client:
    """A user of the lab: in a browser, and by tokens.

    :param token: the service's, which may make accounts.
    :param timeout: seconds for each slow step.
    """

    url: str
    user: str
    token: str
    timeout: float
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), kw_only=True)
    browser: requests.Session = field(default_factory=requests.Session, kw_only=True)
    server_token: str = field(default="", kw_only=True)

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
