# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, and the end of a server, while pip replaces packages."""

import signal
from contextlib import contextmanager
from pathlib import Path

from pip._internal.exceptions import InstallationError
from pip._internal.req.req_install import InstallRequirement

from labpip.undo import taken_back

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(InstallationError):
    """Told by a signal to stop. pip puts the old release back after errors, but not after a KeyboardInterrupt."""

    def __init__(self):
        super().__init__("Interrupted: what was being installed is not, what it would have replaced is back.")


class _Watch:
    """Keeps a signal until pip installs, which is when it can go back."""

    def __init__(self):
        self.asked = self.installing = False

    def __call__(self, *_signal: object) -> None:
        self.asked = True
        self.stop_if_asked()

    def stop_if_asked(self) -> None:
        if self.asked and self.installing:
            raise Interrupted

    @contextmanager
    def installation(self):
        self.installing = True
        try:
            self.stop_if_asked()
            yield
        finally:
            self.installing = False


def late_interrupts(function, folder: Path):
    """Wrap pip's installation of what it has downloaded, so that signals end it at a place that it can go back from.

    Each package that does not get in whole, for a signal or an error, is taken out of *folder* again.
    """

    def wrapped(*arguments, **options):
        watch = _Watch()
        install = InstallRequirement.install

        def watched(*arguments, **options):
            with taken_back(folder), watch.installation():
                return install(*arguments, **options)

        before = {number: signal.signal(number, watch) for number in SIGNALS}
        InstallRequirement.install = watched
        try:
            return function(*arguments, **options)
        finally:
            InstallRequirement.install = install
            for number, handler in before.items():
                signal.signal(number, handler)

    return wrapped
