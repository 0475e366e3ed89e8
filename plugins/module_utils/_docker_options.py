# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The engine's daemon.json as data: who wants which option, and how that merges into what is there.

Nothing here reads or writes a file.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any, NamedTuple

#: What dockerd takes over on SIGHUP: daemon/reload.go and reload_unix.go of moby, and "Configuration reload
#: behavior" in the reference of dockerd. `features` is on that list, but its `cdi` is read at start only.
RELOADABLE = frozenset(
    {
        "debug",
        "default-runtime",
        "insecure-registries",
        "labels",
        "live-restore",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)

#: With another value of these, a restarted engine does not find the containers that live-restore kept running.
ENDS_CONTAINERS = frozenset(
    {
        "bip",
        "bridge",
        "data-root",
        "exec-root",
        "fixed-cidr",
        "storage-driver",
        "userns-remap",
    }
)

# As dockerd reads a size. `dockerd --validate` does not look at it, and the engine does not start with another.
_SIZE = re.compile(r"\d+(\.\d+)? ?([kmgtp]i?)?b?", re.IGNORECASE)

Options = dict[str, Any]
Path = tuple[str, ...]


class OptionsError(ValueError):
    """Options that cannot be used; the text names the setting or file, and what is wrong with it."""


class Merge(NamedTuple):
    """What daemon.json becomes, and the part of it that is ours."""

    options: Options
    ours: Options


def parse(text: str, path: str) -> Options:
    """Read the text of a daemon.json; a blank one has no options, as for dockerd.

    Raises OptionsError, with line and column, for what is not a JSON object.
    """
    if not text.strip():
        return {}
    try:
        options = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise OptionsError(f"{path} is not valid JSON at {where}") from error
    if not isinstance(options, dict):
        raise OptionsError(f"{path} holds a JSON {type(options).__name__}, not an object")
    return options


def render(options: Options) -> str:
    """Write options as the text of a daemon.json, in the order they have."""
    return json.dumps(options, indent=2) + "\n"


def layers(settings: dict[str, Any]) -> dict[str, Options]:
    """List who wants which options: the name of a role variable, and the daemon options it stands for.

    `settings` are the role's variables without the prefix `docker_engine_`; an empty one asks for nothing.
    Raises OptionsError, naming the setting, for one that holds no such value.
    """
    # json-file is named together with its options: another driver refuses them, and the engine does not start.
    rotation = {"max-size": settings["log_max_size"], "max-file": str(settings["log_max_file"])}
    own = {
        "live_restore": {"live-restore": settings["live_restore"]},
        "cdi": {"features": {"cdi": settings["cdi"]}},
        "log_max_size": settings["log_max_size"] and {"log-driver": "json-file", "log-opts": rotation},
        "address_pools": settings["address_pools"] and {"default-address-pools": settings["address_pools"]},
        "registry_mirrors": settings["registry_mirrors"] and {"registry-mirrors": settings["registry_mirrors"]},
        "data_root": settings["data_root"] and {"data-root": settings["data_root"]},
        "build_cache_size": settings["build_cache_size"] and _build_cache(settings["build_cache_size"]),
    }
    for proxy in ("http_proxy", "https_proxy", "no_proxy"):
        own[proxy] = settings[proxy] and {"proxies": {proxy.replace("_", "-"): settings[proxy]}}
    own["daemon_options"] = settings["daemon_options"]
    named = {f"docker_engine_{name}": options for name, options in own.items() if options}
    for publisher, options in settings["dependent_daemon_options"].items():
        name = f"docker_engine_dependent_daemon_options.{publisher}"
        if not isinstance(options, dict):
            raise OptionsError(f"{name} is a {type(options).__name__}, not a dictionary of daemon options")
        named[name] = options
    return named


def _build_cache(size: str) -> Options:
    """Write the cap of BuildKit's cache; engines from 28 on call it `defaultReservedSpace`, and know this name too."""
    if not _SIZE.fullmatch(size):
        raise OptionsError(f"docker_engine_build_cache_size is {size!r}, not a size such as 20GB")
    return {"builder": {"gc": {"enabled": True, "defaultKeepStorage": size}}}


def combine(wanted_by: dict[str, Options]) -> Options:
    """Make one set of options out of all layers.

    Raises OptionsError, naming both sides, when two layers want different values for one option.
    """
    owner: dict[Path, tuple[str, Any]] = {}
    conflicts = []
    for name, options in wanted_by.items():
        for path, value in leaves(options).items():
            for other_path, (other, other_value) in owner.items():
                if _overlap(path, other_path) and (path, value) != (other_path, other_value):
                    conflicts.append(
                        f"{'.'.join(path)}: {name} wants {json.dumps(value)}, {other} wants {json.dumps(other_value)}"
                    )
            owner.setdefault(path, (name, value))
    if conflicts:
        raise OptionsError("; ".join(conflicts))
    combined: Options = {}
    for path, (_name, value) in owner.items():
        _put(combined, path, value)
    return combined


def merge(current: Options, last: Options, wanted: Options) -> Merge:
    """Merge what is in the file, what we wrote there last time, and what we want there now.

    What we want wins. What we wrote and want no longer goes, unless someone has changed it since: then it is
    theirs. All else in the file is hand-written and stays. An option that somebody had already written by
    hand with the value that we want stays theirs, so that we never take it away.
    """
    before, ours_before, ours_now = leaves(current), leaves(last), leaves(wanted)
    options = copy.deepcopy(current)
    for path, value in ours_before.items():
        if path not in ours_now and before.get(path, _ABSENT) == value:
            _drop(options, path)
    ours: Options = {}
    for path, value in ours_now.items():
        if path in ours_before or before.get(path, _ABSENT) != value:
            _put(ours, path, value)
        _put(options, path, copy.deepcopy(value))
    return Merge(options, ours)


def changed_options(before: Options, after: Options) -> set[str]:
    """Name the top-level options whose values differ."""
    return {key for key in {*before, *after} if before.get(key, _ABSENT) != after.get(key, _ABSENT)}


def effect(before: Options, after: Options) -> str:
    """Tell what a running engine needs to take over changed options: '', 'reload' or 'restart'.

    A reload only sets; an option that was taken out keeps its old value until a restart.
    """
    changed = changed_options(before, after)
    if not changed:
        return ""
    return "reload" if all(key in RELOADABLE and key in after for key in changed) else "restart"


def mask(text: str) -> str:
    """Hide the user and password of every address in a text that people get to see."""
    return re.sub(r"(?<=://)[^/@\s\"]+@", "***@", text)


def leaves(options: Options, at: Path = ()) -> dict[Path, Any]:
    """Flatten nested options to their leaves; an empty dictionary below the top is a leaf."""
    found: dict[Path, Any] = {}
    for key, value in options.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, (*at, key))
        else:
            found[(*at, key)] = value
    return found


_ABSENT = object()


def _overlap(one: Path, other: Path) -> bool:
    """Tell whether two leaves want the same place, or one a place inside the other's value."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _put(options: Options, path: Path, value: Any) -> None:
    """Set a leaf; a scalar in its way gives way to the dictionary that the leaf needs."""
    for key in path[:-1]:
        if not isinstance(options.get(key), dict):
            options[key] = {}
        options = options[key]
    options[path[-1]] = value


def _drop(options: Options, path: Path) -> None:
    """Remove a leaf, and the dictionaries that it leaves empty."""
    parents = [options]
    for key in path[:-1]:
        parents.append(parents[-1][key])
    for parent, key in zip(reversed(parents), reversed(path), strict=True):
        del parent[key]
        if parent:
            break
