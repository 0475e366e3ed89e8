# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""JupyterHub's REST API through the lab's public door, as the programs of this collection need it."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.urls import ConnectionError as UrlsConnectionError
from ansible.module_utils.urls import SSLValidationError, open_url

# JupyterHub hands out at most 200 users at once unless it is set to less.
_PAGE = 200
_PAGED = "application/jupyterhub-pagination+json"


class Reply(NamedTuple):
    """What came back: status, headers (names in lower case), and the JSON in the body, or its text."""

    status: int
    headers: dict[str, str]
    data: Any


class Unreachable(RuntimeError):
    """Nothing came back; `state` is refused, timeout, tls, unknown-name or failed."""

    def __init__(self, state: str, detail: str) -> None:
        super().__init__(detail)
        self.state = state


class Refused(RuntimeError):
    """The hub answered, but not with what was asked for."""

    def __init__(self, path: str, reply: Reply, method: str = "GET") -> None:
        # Anything but the API's own words is a page for people.
        message = reply.data.get("message") if isinstance(reply.data, dict) else ""
        super().__init__(f"{method} /hub{path}: {reply.status} {message or ''}".strip())
        self.status = reply.status
        self.words = message or f"the hub answered {reply.status}"


class HubApi:
    """One hub, behind its door.

    :param url: address of the door, without `/hub`.
    :param token: API token; none for what everybody may ask.
    :param timeout: longest wait for one reply, in seconds.
    :param ca_path: file with the CA certificates to trust; the server's own if none is named.
    """

    def __init__(self, url: str, token: str = "", timeout: float = 10.0, ca_path: str | None = None) -> None:
        self._base = url.rstrip("/") + "/hub"
        self._headers = {"Authorization": f"token {token}"} if token else {}
        self._timeout = timeout
        self._ca_path = ca_path

    def get(self, path: str, **query: Any) -> Reply:
        """Ask for *path*, which begins with a slash and is below `/hub`.

        :raises Unreachable: if nothing comes back that is HTTP.
        """
        return self._ask("GET", path + (f"?{urlencode(query)}" if query else ""))

    def send(self, method: str, path: str, body: Any = None, also: tuple[int, ...] = ()) -> Reply:
        """Have something changed at *path*.

        :param body: what goes along as JSON; None sends none.
        :param also: statuses that are no refusal beside 200 to 299, such as 404 for what shall be gone.
        :raises Refused: if the hub answers with anything else.
        :raises Unreachable: as `get` does.
        """
        reply = self._ask(method, path, body)
        if reply.status // 100 != 2 and reply.status not in also:
            raise Refused(path, reply, method)
        return reply

    def _ask(self, method: str, path: str, body: Any = None) -> Reply:
        url = self._base + path
        try:
            answer = self._open(url, method, body)
            # A hub or a proxy that is just stopping may break off, whatever status it began with.
            return _reply(answer.code, answer.headers, answer.read())
        except (OSError, http.client.HTTPException, UrlsConnectionError, SSLValidationError, ValueError) as fault:
            raise Unreachable(_why(fault), f"{_place(url)}: {_words(fault)}") from fault

    def _open(self, url: str, method: str, body: Any) -> Any:
        """Return the answer, whatever its status, yet to be read."""
        try:
            # No proxy: the door is this server's own. No redirects: they would take the token elsewhere.
            return open_url(
                url,
                method=method,
                data=None if body is None else json.dumps(body),
                headers={**self._headers, "Accept": _PAGED, "Content-Type": "application/json"},
                timeout=self._timeout,
                ca_path=self._ca_path,
                use_proxy=False,
                follow_redirects="none",
            )
        except urllib.error.HTTPError as answer:
            return answer

    def fetch(self, path: str, **query: Any) -> Any:
        """Return the JSON at *path*.

        :raises Refused: if the hub answers with anything but 200.
        :raises Unreachable: as `get` does.
        """
        reply = self.get(path, **query)
        if reply.status != 200:
            raise Refused(path, reply)
        return reply.data

    def pages(self, path: str, **query: Any) -> list[Any]:
        """Return all items of the list at *path*, however many pages it takes.

        The next page is asked for by its offset: behind a proxy, the address that the hub gives for it may not work.

        :raises Refused: as `fetch` does.
        :raises Unreachable: as `get` does.
        """
        items: list[Any] = []
        more: dict[str, Any] | None = {"offset": 0, "limit": _PAGE}
        while more:
            page = self.fetch(path, **query, offset=more["offset"], limit=more["limit"])
            items += _items(page["items"])
            more = page["_pagination"]["next"]
        return items


def _items(page: Any) -> list[Any]:
    """Proxy routes come as a dictionary, everything else as a list."""
    return list(page.values()) if isinstance(page, dict) else page


def _reply(status: int, headers: Any, body: bytes) -> Reply:
    text = body.decode("utf-8", errors="replace")
    try:
        data = json.loads(text)
    except ValueError:
        data = text
    return Reply(status, {name.lower(): value for name, value in headers.items()}, data)


def _why(fault: BaseException) -> str:
    cause = getattr(fault, "reason", fault)
    if isinstance(cause, (ssl.SSLError, SSLValidationError)) or isinstance(fault, SSLValidationError):
        return "tls"
    if isinstance(cause, ConnectionRefusedError):
        return "refused"
    if isinstance(cause, TimeoutError):
        return "timeout"
    return "unknown-name" if type(cause).__name__ == "gaierror" else "failed"


def _words(fault: BaseException) -> str:
    cause = getattr(fault, "reason", fault)
    return str(getattr(cause, "strerror", None) or cause) or type(cause).__name__


def _place(url: str) -> str:
    """Return host and port of *url*; the rest of an address may hold what is nobody's business."""
    return urlsplit(url).netloc.rpartition("@")[2]
