# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The walk of `labhub.probe` that is about GPUs: a server without one, then one with all.

What a server sees, only its engine can tell, which this program does not reach. So it prints ``{"look": "none"}`` or
``{"look": "all"}``, and goes on when it gets a line on standard input; until then, the server is there to be looked
into.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

from labhub import gpus
from labhub.probesteps import Probe


@dataclass
class GpuProbe(Probe):
    """One walk."""

    def way(self) -> list[Callable[[], None]]:
        """List the steps of the walk, in order, but for `clean_up`."""
        way = [self.find_door, self.make_account, self.log_in]
        return [*way, self.start_without, self.look_without, self.start_with_all, self.look_with_all]

    def start_without(self) -> None:
        """Start a server as whoever chooses nothing does."""
        self._start({})

    def look_without(self) -> None:
        """Have it looked into."""
        self._look(gpus.NONE)

    def start_with_all(self) -> None:
        """Stop it, and start one with all GPUs."""
        self._stop_server()
        self._start({gpus.OPTION: gpus.ALL})

    def look_with_all(self) -> None:
        """Have it looked into."""
        self._look(gpus.ALL)

    def _look(self, what: str) -> None:
        print(json.dumps({"look": what}), flush=True)
        if not sys.stdin.readline():
            raise ValueError("nobody has looked into the server")
