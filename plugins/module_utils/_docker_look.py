# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a server's Docker engine for the modules that judge or change it; changes nothing."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import _docker_cli as cli
from . import _docker_engine as engine
from . import _docker_options as options
from . import _docker_process as process
from . import _docker_record as record
from . import _docker_users as users
from ._file_tree import Entry, Step, plan

DAEMON_FILE = "/etc/docker/daemon.json"
#: Owner and group of the files, by number.
OWNER = (0, 0)

SETTINGS_SPEC = {
    "live_restore": {"type": "bool", "default": True},
    "cdi": {"type": "bool", "default": True},
    "log_max_size": {"type": "str", "default": ""},
    "log_max_file": {"type": "int", "default": 3},
    "address_pools": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"base": {"type": "str", "required": True}, "size": {"type": "int", "required": True}},
    },
    "registry_mirrors": {"type": "list", "elements": "str", "default": []},
    "http_proxy": {"type": "str", "default": ""},
    "https_proxy": {"type": "str", "default": ""},
    "no_proxy": {"type": "str", "default": ""},
    "data_root": {"type": "path", "default": ""},
    "build_cache_size": {"type": "str", "default": ""},
    "daemon_options": {"type": "dict", "default": {}},
    "dependent_daemon_options": {"type": "dict", "default": {}},
}

Options = dict[str, Any]

# Unlike `Docker.info`, this is of use without an engine too: it tells what the client is.
_INFO = ("info", "--format", "{{json .}}")
# Seconds; an engine under load takes many for it.
_PATIENCE = 60

_SBIN = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"]


def at_engine(module) -> dict[str, Any]:
    """Find out which engine is there, whether it serves, and what its client can do."""
    dockerd = module.get_bin_path("dockerd", opt_dirs=_SBIN) or ""
    docker = module.get_bin_path("docker", opt_dirs=_SBIN) or ""
    # Side by side, since each takes its time.
    with ThreadPoolExecutor() as pool:
        version = pool.submit(cli.command, [dockerd or "dockerd", "--version"])
        answer = cli.command([docker or "docker", "--host", f"unix://{process.SOCKET}", *_INFO], timeout=_PATIENCE)
    pid = process.running_pid(process.PIDFILE)
    look = engine.parse_info(answer.out)
    look["running"] = look["running"] or process.answers(process.SOCKET)
    return {
        **look,
        "client_state": answer.state,
        "docker": docker,
        "dockerd": dockerd,
        "dockerd_version": engine.parse_dockerd_version(version.result().out),
        "pid": pid,
        "identity": process.identity(pid),
        "user_servers": _user_servers(module) if look["containers_running"] else [],
        "socket_gid": Path(process.SOCKET).stat().st_gid if Path(process.SOCKET).exists() else None,
    }


def at_options(look: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Compare daemon.json with the settings: what is in it, and whether an engine has something to take over."""
    ours = record.load(record.RECORD_FILE)
    found: dict[str, Any] = {
        "managed": ours is not None,
        "daemon_file": DAEMON_FILE,
        "daemon_options": {},
        "daemon_file_problem": "",
        "settings_problem": "",
        "our_options": ours.options if ours else {},
        # Who has started it anew, or the server itself, has left no word of what it read.
        "engine_recorded": ours is None or look["identity"] in ("", ours.engine),
        "options_differ": False,
        "options_pending": "",
    }
    try:
        found["daemon_options"] = options.parse(read(DAEMON_FILE), DAEMON_FILE)
    except options.OptionsError as error:
        return {**found, "daemon_file_problem": str(error)}
    try:
        wanted = options.combine(options.layers(settings))
    except options.OptionsError as error:
        return {**found, "settings_problem": str(error)}
    merged = options.merge(found["daemon_options"], found["our_options"], wanted)
    differs = merged != (found["daemon_options"], found["our_options"])
    found["options_differ"] = differs or bool(strange_faces(options.render(merged.options)))
    found["options_pending"] = pending(look, ours, found["daemon_options"], merged.options)
    return found


def pending(look: dict[str, Any], ours: record.Record | None, current: Options, wanted: Options) -> str:
    """Tell what a running engine needs to work with the wanted options: '', 'reload' or 'restart'.

    It also needs a restart when its program was replaced under it.
    """
    if not look["running"]:
        return ""
    if look["server_version"] and look["dockerd_version"] not in ("", look["server_version"]):
        return "restart"
    return options.effect((ours or record.NOTHING).loaded_by(look["identity"], current), wanted)


def strange_faces(text: str) -> list[Step]:
    """List what owner and mode of daemon.json, which shall hold this text, and of the record have to become."""
    # A hand may have closed daemon.json to others; nobody shall have opened it, least of all with a password inside.
    limit = 0o644 if options.mask(text) == text else 0o600
    faces = [(Path(DAEMON_FILE), limit), (Path(record.RECORD_FILE), 0o600)]
    steps = [
        plan(Entry(path, "file", *OWNER, stat.S_IMODE(path.stat().st_mode) & limit | 0o600, path.read_bytes()))
        for path, limit in faces
        if path.exists()
    ]
    return [step for step in steps if step.needed]


def read(path: str) -> str:
    """Read a text file; one that is not there is empty."""
    return Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""


def _user_servers(module) -> list[str]:
    """Name the running containers of the lab's users; not knowing them, nobody may restart the engine."""
    try:
        return users.user_servers(cli.Docker(process.SOCKET))
    except cli.DockerError as error:
        module.fail_json(msg=users.untold(error))
