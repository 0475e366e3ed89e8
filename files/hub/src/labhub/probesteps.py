# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The steps that `labhub.probe` walks: what a user does in a lab, and the layer at fault where that does not work."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from labhub import packages, probecode
from labhub.probeclient import (
    CLEANUP,
    DOOR,
    HOME,
    HUB,
    KERNEL,
    LOGIN,
    MOUNT,
    MOUNT_MODE,
    MOUNT_OPEN,
    NO_PACKAGES,
    PACKAGES,
    SERVER,
    SPAWN,
    Client,
    Fault,
    Layer,
    accepted,
    login_error,
    said,
)

if TYPE_CHECKING:
    from labhub.probekernel import Kernel


KERNEL_REST = 0.25
"""Seconds between a kernel's start and the websocket to it: a server whose own connections to the kernel are not up
yet when a browser comes asks once, in vain, and again only after half a second."""


@dataclass
class Probe(Client):
    """One walk: what it expects, and what it has found on its way."""

    mounts: Sequence[tuple[str, str]] = ()
    packages_dir: str = packages.TARGET
    shared_packages: str = packages.OPEN
    kernel_id: str = ""
    kernel_began: float = 0.0
    kernel: "Kernel | None" = None

    def way(self) -> list[Callable[[], None]]:
        """List the steps of the walk, in order, but for `clean_up`."""
        way = [self.find_door, self.make_account, self.log_in, self.start_server, self.reach_server]
        way += [self.start_kernel, self.open_server, self.use_kernel]
        return [*way, self.check_home, self.check_mounts, self.check_packages]

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
        # What speaks to kernels takes a while to import, and meanwhile the walk only waits.
        threading.Thread(target=import_module, args=("labhub.probekernel",), daemon=True).start()
        self._start({})

    def _start(self, options: dict[str, str]) -> None:
        """Start the server with what a form would bring."""
        body = {"json": {"user_options": options}} if options else {}
        self.by_user(SPAWN, "POST", f"/hub/api/users/{self.user}/server", [201, 202], timeout=self.timeout, **body)
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

    def reach_server(self) -> None:
        """Make a token, and reach the server with it."""
        body = {"note": "labhub.probe", "expires_in": int(self.timeout * 10)}
        answer = self.by_user(SERVER, "POST", f"/hub/api/users/{self.user}/tokens", [201], json=body)
        self.server_token = answer.json()["token"]
        self.server(SERVER, "GET", "/api/status", [200])

    def start_kernel(self) -> None:
        """Start a kernel, which takes its time: `use_kernel` waits for it."""
        answer = self.server(KERNEL, "POST", "/api/kernels", [201], json={"name": "python3"}, timeout=self.timeout)
        self.kernel_id, self.kernel_began = answer.json()["id"], time.monotonic()

    def open_server(self) -> None:
        """Open JupyterLab, which sends the browser through the hub's sign-on and back."""
        answer = self.page(SERVER, "GET", f"/user/{self.user}/lab", [200])
        if not urlsplit(answer.url).path.startswith(f"/user/{self.user}/"):
            raise Fault(SERVER, f"/user/{self.user}/lab", f"the browser ends at {answer.url}")

    def use_kernel(self) -> None:
        """See the kernel compute."""
        time.sleep(max(0.0, self.kernel_began + KERNEL_REST - time.monotonic()))
        if self.run("print(6 * 7)", KERNEL) != "42":
            raise Fault(KERNEL, self.user, "the kernel cannot multiply")

    def check_home(self) -> None:
        """The server runs as the user, never as root, in a home that keeps what is written."""
        self.verdict(HOME, probecode.HOME, user=self.user)

    def check_mounts(self) -> None:
        """Every mount is there, and writable exactly where it should be."""
        for path, mode in self.mounts:
            self.verdict({"missing": MOUNT, "ro": MOUNT_MODE, "rw": MOUNT_OPEN}, probecode.MOUNT, path=path, mode=mode)

    def check_packages(self) -> None:
        """A module that lands in the shared packages can be imported; where users may only read, they can be read.

        Where they are off, nothing leads a kernel there.
        """
        if self.shared_packages == packages.OFF:
            self.verdict(NO_PACKAGES, probecode.NO_PACKAGES, directory=self.packages_dir)
            return
        module = f"lab_probe_{uuid.uuid4().hex}"
        self.verdict(
            PACKAGES,
            probecode.PACKAGES,
            directory=self.packages_dir,
            shared_packages=self.shared_packages,
            module=module,
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
        """Run code in the kernel; returns what it prints."""
        module = import_module("labhub.probekernel")
        if self.kernel is None:
            url = f"{self.url}/user/{self.user}/api/kernels/{self.kernel_id}/channels".replace("http", "ws", 1)
            self.kernel = module.Kernel(url, self.server_token, self.timeout)
        try:
            return self.kernel.run(code)
        except module.FAULTS as error:
            raise Fault(layer, f"kernel of {self.user}", f"{type(error).__name__}: {error}") from error

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
            self.kernel.close()
        if self.kernel_id:
            self.server(CLEANUP, "DELETE", f"/api/kernels/{self.kernel_id}", [204, 404])

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
