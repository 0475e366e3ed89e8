"""A drift: what a hand changes on a lab's server, as it is typed, and what a check has to say of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.managed import Managed
from e2e.server import Server

STRANGER = 4242
"""A number that owns nothing in a lab."""


@dataclass(frozen=True)
class Drift:
    """One change by hand.

    :param name: what somebody did.
    :param objects: what it is done to: paths, images, services by their names, and the rest as `account <name>`,
        `unit <name>`, `package <name>`.
    :param make: does it, on a lab's server.
    :param told: what `--check --diff` has to say, beside the paths of `objects` and the services that start anew.
    :param anew: services that start anew for the repair.
    :param changes: how many tasks a check and a repair report as changed; None where they need not be as many.
    :param needs: what the deed works with, so that no other may have changed it.
    :param lost: what no repair brings back: a secret that was lost is another one.
    :param playbook: the one that repairs it.
    :param settings: what the inventory of this drift says beyond the lab's own.
    :param systemd: whether it is done to what only a server with systemd has.
    :param blind: whether the engine does not run then, so that a check cannot tell of services.
    """

    name: str
    objects: tuple[str, ...]
    make: Callable[[Server], object]
    told: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    changes: int | None = 1
    needs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    playbook: str = "hub"
    settings: dict[str, Any] = field(default_factory=dict)
    systemd: bool = False
    blind: bool = False

    @property
    def run(self) -> tuple[str, ...]:
        """What is typed after ./run.sh to repair it."""
        return (self.playbook, *(("-e", json.dumps(self.settings)) if self.settings else ()))

    @property
    def shown(self) -> set[str]:
        """Whose difference a check shows: that of files and accounts."""
        return self.paths | {name.removeprefix("account ") for name in self.objects if name.startswith("account ")}

    @property
    def paths(self) -> set[str]:
        """The files and directories among the objects."""
        return {name for name in self.objects if name.startswith("/")}


def typing(*commands: tuple[str, ...]) -> Callable[[Server], object]:
    """Return the deed of typing commands, one after the other."""
    return lambda server: [server.run(*words) for words in commands]


def change_mode(path: Path, mode: int) -> tuple[str, ...]:
    """Say how a mode is given; with its five digits, chmod takes the bits of a directory's group away, too."""
    return ("chmod", f"{mode:05o}", str(path))


def append(path: Path) -> tuple[str, ...]:
    """Say how a line is put at the end of a file."""
    return ("sh", "-c", 'echo "# by hand" >>"$0"', str(path))


def give_away(one: Managed) -> Callable[[Server], object]:
    """Return the deed of giving a path to somebody else."""
    # The hub goes on to write into its state.
    owner = one.uid if one.path.name == "state" else STRANGER
    return typing(("chown", f"{owner}:{STRANGER}", str(one.path)), change_mode(one.path, one.mode))
