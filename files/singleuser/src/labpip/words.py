# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What people are told when pip cannot do what they want, and what they should know when it could."""

import logging
import re
import sys

VENV = """\
For yourself alone, make an environment of your own:
    python -m venv ~/venv
    . ~/venv/bin/activate
    pip install ...
and, to have it as a kernel in notebooks:
    pip install ipykernel && python -m ipykernel install --user --name venv"""

READ_ONLY = (
    f"The shared packages of this lab are read-only for you: its admins install there. Ask one for a package.\n{VENV}"
)
NOTHING_SHARED = f"This lab has no shared packages: ask whoever runs it to put a package into the image.\n{VENV}"
USER = f"There is no --user here: plain 'pip install' installs for everybody in the lab.\n{VENV}"
EDITABLE = f"An editable install (-e) works in an environment of your own only.\n{VENV}"

_HINTS = (
    (
        r"(gcc|g\+\+|cc1|clang|cmake|ninja|cargo|rustc|gfortran|nvcc)\S*'? (failed|not found)|"
        r"([Nn]o such file or directory|not find|Unknown compiler).*(g?cc|g\+\+|clang|cmake|cargo|rustc|nvcc)|"
        r"[Uu]nable to find a compiler|[Cc]an.t find Rust compiler",
        "This package would have to be compiled, and the lab has no compiler. Look for a release that comes compiled:\n"
        "    pip install --only-binary :all: <package>\n"
        "or ask whoever runs the lab for it: hub_images_user_packages, hub_images_user_apt_packages.",
    ),
    (
        r"No space left on device|Disk quota exceeded|not enough space",
        "The disk is full, so this is not installed. Tell whoever runs the lab. What you no longer need goes by\n"
        "pip uninstall, pip cache purge, and rm.",
    ),
    (
        r"Permission denied",
        "Something in the shared folder is not yours to change. Its owner, or whoever runs the lab, opens it with\n"
        "    chmod -R g+w <path>",
    ),
    (
        r"NameResolutionError|Failed to establish a new connection|ConnectTimeout|ProxyError|SSLError",
        "The package index cannot be reached from here. Ask whoever runs the lab for its address, or a proxy's.",
    ),
    (
        r"No matching distribution found",
        "There is no such package or release for this Python: check the name, and see the releases with\n"
        "    pip index versions <package>",
    ),
)


class Listener(logging.Handler):
    """Keeps what pip reports as wrong; pip prints it too."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.text = ""
        logging.getLogger("pip").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, and the output of a failed build that it carries."""
        carried = [getattr(part, "context", "") or "" for part in record.args or () if isinstance(part, Exception)]
        self.text += "\n".join([record.getMessage(), *map(str, carried), ""])


def refuse(why: str) -> int:
    """Print why nothing is done; returns the exit status."""
    print(f"ERROR: {why}", file=sys.stderr)
    return 1


def hint(text: str) -> str | None:
    """Say what to do about what pip reported; None if nothing better is known than what pip said."""
    return next((advice for pattern, advice in _HINTS if re.search(pattern, text)), None)


def after(status: int, told: Listener, shadowed: dict[str, tuple[str, str]]) -> None:
    """Tell, at the end of what pip printed, what it means in a lab."""
    advice = hint(told.text) if status else None
    if advice:
        print(f"\n{advice}", file=sys.stderr)
    for name, (here, lab) in sorted(shadowed.items()):
        print(
            f"NOTE: kernels and terminals of all users now have {name} {here}, not the lab's own {lab}. "
            f"If kernels do not start any more: pip uninstall {name}",
            file=sys.stderr,
        )
