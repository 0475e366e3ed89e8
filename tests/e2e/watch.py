"""Somebody at work while the lab changes: a program that asks a user's server again and again."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
from e2e.labclient import HubClient, wait_until

PERIOD = 0.05
"""Seconds between two questions."""
LONGEST = 10
"""Seconds that one answer may take before it counts as none."""
PATIENT = 40
"""The same, where a hand has taken the hub away: a server waits half a minute for it to vouch for a visitor."""


@dataclass
class Watch:
    """What a user's server answered, and when, in seconds of the monotonic clock."""

    url: str
    token: str = field(repr=False)
    longest: float = LONGEST
    good: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    pause: float = 0.0
    """Seconds from the last good answer before failures to the first after them; the longest such time."""
    _failed: bool = False

    def ask(self) -> None:
        """Ask once, on a connection of its own, as a browser that comes anew does."""
        try:
            answer = requests.get(self.url, headers={"Authorization": f"token {self.token}"}, timeout=self.longest)
            said = "" if answer.ok else f"status {answer.status_code}"
        except requests.RequestException as error:
            said = type(error).__name__
        if said:
            self.failures.append(said)
            self._failed = True
            return
        now = time.monotonic()
        if self.good and self._failed:
            self.pause = max(self.pause, now - self.good[-1])
        self._failed = False
        self.good.append(now)

    def until_answered(self) -> None:
        """Wait until the server answers again, for whoever made it pause."""
        asked = time.monotonic()
        wait_until(lambda: self.good and self.good[-1] > asked, "the user's server answers", 60)


@contextmanager
def watching(hub: HubClient, name: str, longest: float = LONGEST) -> Iterator[Watch]:
    """Watch a user's server for the length of a ``with``.

    :param longest: seconds that one answer may take.

    No kernel may start or end meanwhile: jupyter_server fails to tell its status at that moment.
    """
    watch = Watch(f"{hub.lab.url}/user/{name}/api/status", hub.lab.token, longest)
    end = threading.Event()

    def go_on() -> None:
        while not end.wait(PERIOD):
            watch.ask()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        watch.until_answered()
        yield watch
    finally:
        end.set()
        thread.join(longest + 1)
