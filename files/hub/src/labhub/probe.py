# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Walk through the lab as a user does, and name the layer at fault where the walk ends.

    python -m labhub.probe --url http://127.0.0.1:8000 --user lab-probe --token-file /run/lab-secrets/ansible_token \\
        --expect-mount /home/lab-probe/shared:rw --packages-dir /opt/packages

Makes an account, logs in at the public door, starts a server, runs code in a kernel, and takes everything
back again, after a failure too. With ``--gpus`` it starts servers without and with GPUs instead, and has each looked
into by whoever runs it (`labhub.probegpus`). With ``--on-cue`` it gets ready, and waits for a line on standard input;
without one it ends there. Prints ``{"ok", "steps": [{"name", "ok", "seconds"}], "problem"}``; the
problem is null or ``{code, severity, subject, evidence, remedy}``. A lab in which only a warning is to be told is
``ok``, for it works. Exit status 0 when it is ok, else 1.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labhub import packages
from labhub.probeclient import ANSWER, Fault
from labhub.probegpus import GpuProbe
from labhub.probesteps import Probe


def walk(probe: Probe) -> dict[str, Any]:
    """Take all steps, and clean up whatever happens; returns what is printed."""
    steps: list[dict[str, Any]] = []
    problem = left = None
    try:
        problem = next(filter(None, (taken(step, steps) for step in probe.way())), None)
    finally:
        if len(steps) > 1:
            left = taken(probe.clean_up, steps)
    problem = problem or left
    ok = problem is None or problem["severity"] != "error"
    return {"ok": ok, "steps": steps, "problem": problem}


def taken(step: Callable[[], None], steps: list[dict[str, Any]]) -> dict[str, str] | None:
    """Take one step and note how it went; returns its problem."""
    began = time.monotonic()
    note = {"name": step.__name__, "ok": False, "seconds": 0.0}
    steps.append(note)
    try:
        step()
        note["ok"] = True
    except Fault as fault:
        return fault.problem()
    except (ValueError, LookupError, TypeError) as error:
        return Fault(ANSWER, step.__name__, f"{type(error).__name__}: {error}").problem()
    finally:
        note["seconds"] = round(time.monotonic() - began, 2)
    return None


def mount(text: str) -> tuple[str, str]:
    """Read ``PATH:rw`` or ``PATH:ro``."""
    path, _colon, mode = text.rpartition(":")
    if not path.startswith("/") or mode not in ("ro", "rw"):
        raise argparse.ArgumentTypeError(f"{text!r} must be PATH:rw or PATH:ro, with an absolute path")
    return path, mode


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labhub.probe", description="Walk through the lab as a user does.")
    parser.add_argument("--url", required=True, help="the public door, such as http://127.0.0.1:8000")
    parser.add_argument("--token-file", required=True, type=Path, help="file with the service's API token")
    parser.add_argument("--user", default="lab-probe", help="account to make and delete")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for each slow step")
    parser.add_argument("--expect-mount", type=mount, action="append", default=[], metavar="PATH:rw|ro")
    parser.add_argument("--packages-dir", default=packages.TARGET, help="shared packages, in the container")
    parser.add_argument("--on-cue", action="store_true", help="wait for a line on standard input before the walk")
    parser.add_argument("--gpus", action="store_true", help="start servers without and with GPUs, to be looked into")
    parser.add_argument("--shared-packages", choices=packages.MODES, default=packages.OPEN, help="who writes there")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    asked = _arguments(argv)
    # So that an orderly end (docker stop, a playbook's time-out) cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    token = asked.token_file.read_text(encoding="utf-8").strip()
    kind = GpuProbe if asked.gpus else Probe
    probe = kind(
        url=asked.url.rstrip("/"),
        user=quote(asked.user, safe=""),
        token=token,
        timeout=asked.timeout,
        mounts=asked.expect_mount,
        packages_dir=asked.packages_dir,
        shared_packages=asked.shared_packages,
    )
    if asked.on_cue and not sys.stdin.readline():
        return 1
    result = walk(probe)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
