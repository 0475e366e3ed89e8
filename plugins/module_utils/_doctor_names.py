# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Name service, for the doctor: whether name servers answer, the server and the hub's container. Looks and judges."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ._docker_cli import Docker, DockerError
from ._problems import Problem, error, warning

Facts = Mapping[str, Any]

# Asks each name server for the root's, which needs no name that would have to exist, and one that keeps silent, as some
# do to that, for localhost. Whatever comes back is an answer, though 2 says that the server has asked others in vain.
# Runs on the server and, as it stands, in the hub's container.
_ASK = """
import json, socket, sys
QUESTIONS = [
    "4c610100000100000000000000" + "00020001",
    "4c6201000001000000000000" + "096c6f63616c686f737400" + "00010001",
]
def ask(address):
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    why = ""
    for question in QUESTIONS:
        with socket.socket(kind, socket.SOCK_DGRAM) as line:
            line.settimeout(2)
            try:
                line.sendto(bytes.fromhex(question), (address, 53))
                return {"rcode": line.recv(4096)[3] & 15, "why": ""}
            except (OSError, IndexError) as fault:
                why = str(fault)
    return {"rcode": None, "why": why}
def find(name):
    try:
        return {"address": socket.getaddrinfo(name, None)[0][4][0], "why": ""}
    except OSError as fault:
        return {"address": "", "why": str(fault.strerror or fault)}
try:
    lines = [line.split() for line in open("/etc/resolv.conf", errors="replace")]
except OSError:
    lines = []
servers = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"][:3]
print(json.dumps({
    "servers": {address: ask(address) for address in servers},
    "names": {name: find(name) for name in sys.argv[1:]},
}))
"""
# Seconds for all of it: three name servers, and one name that none of them knows.
_PATIENCE = 30
_SERVFAIL = 2


def look(docker: Docker, hub: Facts | None) -> dict[str, Any]:
    """Ask the name servers of the server, and of the hub's container if it runs.

    :returns: `server` and `lab`: what `_ASK` prints, or None where nobody could be asked.
    """
    return {"server": _here(), "lab": _inside(docker, hub["name"]) if hub and hub["state"] == "running" else None}


def _here() -> dict[str, Any] | None:
    # In a process of its own: a look-up cannot be stopped, and would keep the module waiting.
    command = [sys.executable, "-c", _ASK]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
        return json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        return None


def _inside(docker: Docker, container: str) -> dict[str, Any] | None:
    try:
        # The C library would ask a dead name server for longer than anybody waits here.
        words = ("exec", "--env=RES_OPTIONS=timeout:1 attempts:1", container, "python", "-c", _ASK, "proxy")
        return json.loads(docker.ask(*words, timeout=_PATIENCE))
    except (DockerError, ValueError):
        return None


def judge(found: Facts, network: str) -> Iterator[Problem]:
    """Yield what of the name service is broken.

    :param found: as `look` returns it.
    :param network: Docker network of the lab.
    """
    server, lab = found["server"], found["lab"]
    silent = [address for address, reply in (server or {"servers": {}})["servers"].items() if reply["rcode"] is None]
    if silent:
        yield _silent(silent, len(server["servers"]))
    if lab and not lab["names"]["proxy"]["address"]:
        yield error(
            "names-lab-broken",
            "name service in the lab's network",
            f"the hub finds no address for proxy ({lab['names']['proxy']['why']}), so it cannot tell it of anybody.",
            f"./run.sh; if that does not help, docker network inspect {network} shows who is on the lab's network.",
        )
    # What the server itself cannot have, its containers cannot either.
    elif lab and server and server["servers"] and not silent and not _any_answers(lab):
        yield warning(
            "names-not-in-containers",
            "name service in the lab's network",
            f"the server's name servers ({', '.join(server['servers'])}) answer the server, but not its containers: "
            "users' pip and git find no host.",
            "A name server on 127.0.0.1 is out of their reach, and so may be one behind a firewall. Name one in "
            'docker_engine_daemon_options, such as {dns: ["192.0.2.53"]}; then ./run.sh server.',
        )


def _any_answers(asked: Facts) -> bool:
    return any(reply["rcode"] not in (None, _SERVFAIL) for reply in asked["servers"].values())


def _silent(silent: list[str], of: int) -> Problem:
    every = len(silent) == of
    follows = "no name from outside is found: nothing can be installed or pulled" if every else "look-ups wait for it"
    return warning(
        "names-no-answer" if every else "names-slow",
        f"name server{'s' * (len(silent) > 1)} {', '.join(silent)}",
        f"no answer to two questions within 2 s each, so {follows}.",
        "See whether it is the right one (cat /etc/resolv.conf; resolvectl status) and whether it can be reached.",
    )


def told(found: Facts) -> tuple[str, str]:
    """Say what was seen, and why nothing can be said: one of the two texts is empty."""
    if found["server"] is None:
        return "", "asking took too long"
    if not found["server"]["servers"]:
        return "", "/etc/resolv.conf names no name server; a closed-off lab needs none"
    where = "answers the server" + (" and the containers" if found["lab"] else "; the hub could not be asked")
    return f"{', '.join(found['server']['servers'])} {where}", ""
