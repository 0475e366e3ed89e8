"""The lab's pages, as a person at a browser uses them."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.labclient import RUN_TIMEOUT, START_TIMEOUT, Guest
from playwright.sync_api import Browser, Page, WebSocket, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

INSTALL_TIMEOUT = 120


def milliseconds(seconds: float) -> float:
    """Playwright counts in milliseconds."""
    return seconds * 1000


class Visitor:
    """One person at a browser of their own; every page that matters is kept as a picture."""

    def __init__(self, browser: Browser, url: str, pictures: Path, who: str, **options: Any):
        options = {"viewport": {"width": 1280, "height": 800}} | options
        self._context = browser.new_context(base_url=url, **options)
        self._pictures, self._who = pictures, who
        self._failed: list[str] = []
        self._context.on("requestfailed", lambda request: self._failed.append(f"{request.failure} {request.url}"))
        self.page: Page = self._context.new_page()

    def close(self) -> None:
        """Keep a last picture and what could not be loaded, and close the browser's window.

        A net::ERR_NETWORK_CHANGED in that list is no fault of the lab: Chromium drops its connections when a
        network of this machine, one of Docker's too, comes or goes.
        """
        self.picture("last")
        failed = self._pictures / f"{self._who}-failed-requests.txt"
        failed.write_text("".join(f"{line}\n" for line in self._failed), encoding="utf-8")
        self._context.close()

    def picture(self, what: str) -> None:
        """Keep a picture of the page as it is."""
        self.page.screenshot(path=self._pictures / f"{self._who}-{what}.png", animations="disabled")

    # The hub's pages

    def sign_up(self, guest: Guest) -> str:
        """Ask for an account.

        :returns: what the page answers.
        """
        self.page.goto("/hub/login")
        self.page.get_by_role("link", name="Sign up").click()
        self.page.get_by_label("Username").fill(guest.name)
        self.page.get_by_label("Password:", exact=True).fill(guest.password)
        self.page.locator("#password_confirmation_input").fill(guest.password)
        self.picture("sign-up-form")
        self.page.get_by_role("button", name="Create User").click()
        answer = self.page.get_by_role("alert").inner_text()
        self.picture("sign-up-answer")
        return answer

    def log_in(self, name: str, password: str, at: str = "/hub/home") -> None:
        """Open a page, and get through the login form in front of it."""
        self.page.goto(at)
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.picture("login-form")
        self.page.get_by_role("button", name="Sign in").click()

    def is_refused(self, reason: str) -> None:
        """Expect the login page to say why it does not let the person in."""
        expect(self.page.locator(".login_error")).to_contain_text(reason)
        self.picture("login-refused")

    def is_in(self, name: str) -> None:
        """Expect to be logged in."""
        expect(self.page.get_by_text(name, exact=True).first).to_be_visible()
        expect(self.page.get_by_role("button", name="Logout")).to_be_visible()

    def approve(self, name: str) -> None:
        """Let a person in who has signed up, as the admin."""
        self.page.goto("/hub/authorize")
        row = self.page.get_by_role("row").filter(has=self.page.get_by_role("cell", name=name, exact=True))
        self.picture("authorize-before")
        row.get_by_role("button", name="Authorize", exact=True).click()
        expect(row.get_by_role("button", name="Unauthorize")).to_be_visible()
        self.picture("authorize-after")

    def start_server(self) -> None:
        """Ask for one's own server on the hub's home page."""
        self.page.goto("/hub/home")
        self.picture("home")
        self.page.get_by_role("button", name="Start My Server").click()

    def watch_start(self) -> None:
        """Wait until JupyterLab is usable.

        The page that tells what a start is doing is gone as soon as the server is ready, and is never there when
        that is at once: what it tells is tested where the hub says it, in `test_api`.
        """
        progress, launcher = self.page.locator("#progress-message:not(:empty)"), self.page.locator(".jp-LauncherCard")
        progress.or_(launcher).first.wait_for(timeout=milliseconds(START_TIMEOUT))
        self.picture("starting")
        self.wait_for_lab()

    def wait_for_lab(self) -> None:
        """Wait until JupyterLab shows its launcher."""
        self.page.locator(".jp-LauncherCard").first.wait_for(timeout=milliseconds(START_TIMEOUT))
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")
        self.picture("lab")

    def stop_server(self) -> None:
        """Stop one's own server from the hub's home page."""
        # Before the page's scripts have come, the button does nothing.
        self.page.goto("/hub/home", wait_until="networkidle")
        self.page.get_by_role("button", name="Stop My Server").click()
        expect(self.page.get_by_role("button", name="Start My Server")).to_be_visible()
        expect(self.page.get_by_role("button", name="Stop My Server")).to_be_hidden()
        self.picture("stopped")

    # JupyterLab

    @contextmanager
    def terminal(self) -> Iterator["Terminal"]:
        """Open a terminal from the launcher."""
        with self.page.expect_websocket(lambda socket: "/terminals/websocket/" in socket.url) as socket:
            self.page.locator('.jp-LauncherCard[title="Start a new terminal session"]').click()
        self.page.locator(".jp-Terminal .xterm").click()
        yield Terminal(self.page, socket.value)
        self.picture("terminal")

    def run_in_notebook(self, code: str) -> str:
        """Open a notebook from the launcher, and run one cell in it.

        :returns: what the cell printed.
        """
        self.page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
        # What is run before the kernel is there, JupyterLab forgets.
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=milliseconds(RUN_TIMEOUT))
        cell = self.page.locator(".jp-Notebook .jp-Cell").first
        cell.locator(".cm-content").click()
        self.page.keyboard.type(code)
        self.page.keyboard.press("Shift+Enter")
        output = cell.locator(".jp-OutputArea-output").first
        output.wait_for(timeout=milliseconds(RUN_TIMEOUT))
        self.picture("notebook")
        return output.inner_text()


class Terminal:
    """A terminal in JupyterLab. It draws on a canvas, so what it shows is read where it comes in."""

    def __init__(self, page: Page, socket: WebSocket):
        self._page, self._socket = page, socket

    def type(self, command: str, until: str) -> str:
        """Type a command, and wait for a text in what the terminal shows.

        :param until: regular expression; it must not match the command itself, which the terminal echoes.
        :returns: all that the terminal showed meanwhile.
        :raises AssertionError: the text did not come.
        """
        shown: list[str] = []

        def has_come(frame: str | bytes) -> bool:
            kind, *text = json.loads(frame)
            shown.extend(text if kind == "stdout" else [])
            return re.search(until, "".join(shown)) is not None

        try:
            with self._socket.expect_event("framereceived", has_come, timeout=milliseconds(INSTALL_TIMEOUT)):
                self._page.keyboard.type(f"{command}\n")
        except PlaywrightTimeout as error:
            raise AssertionError(f"{command!r} did not lead to {until!r}; shown: {''.join(shown)}") from error
        return "".join(shown)
