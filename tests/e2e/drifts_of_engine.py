"""What a hand may change of a server's engine: its files, its unit, its packages."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.drift import Drift, append, change_mode, give_away, typing
from e2e.managed import Managed
from e2e.server import Server

ENGINE = ("/etc/docker/daemon.json",)
ENGINE_RECORD = "/etc/docker/gpulab.jupyterhub.json"
ENGINE_APT = (
    "/etc/apt/sources.list.d/gpulab-docker-engine.sources",
    "/etc/apt/preferences.d/gpulab-docker-engine",
)
"""Files that are there only where apt needs telling."""


def drifts_of_the_engine() -> Iterator[Drift]:
    """Yield what can be done to files of docker_engine; the running engine has read none of it."""
    (options,) = map(Path, ENGINE)
    # An option that needs no restart: where somebody else has started the engine, it may have read the edited file.
    edited = ("sed", "--in-place", 's/"live-restore": true/"live-restore": false/', str(options))
    said = ('+ "live-restore": true',)
    yield Drift("daemon.json edited", ENGINE, typing(edited), said, changes=None, playbook="server")
    yield Drift("daemon.json removed", ENGINE, _remove_options, said, playbook="server")
    for path, mode in {**dict.fromkeys((*ENGINE, *ENGINE_APT), 0o644), ENGINE_RECORD: 0o600}.items():
        one = Managed(Path(path), "file", mode, 0, 0)
        yield Drift(f"mode of {one.path.name}", (path,), typing(change_mode(one.path, 0o666)), playbook="server")
        yield Drift(f"owner of {one.path.name}", (path,), give_away(one), playbook="server")
    for path in map(Path, ENGINE_APT):
        yield Drift(f"{path.name} edited", (str(path),), typing(append(path)), playbook="server")
        yield Drift(f"{path.name} removed", (str(path),), typing(("rm", str(path))), playbook="server")


def _remove_options(server: Server) -> None:
    """Remove daemon.json, unless no run can write it again, or only with a restart of the engine."""
    (options,) = ENGINE
    record, held = (json.loads(server.run("cat", path)) for path in (ENGINE_RECORD, options))
    if not held == record["options"] == record["loaded"]:
        pytest.skip("somebody has written options of their own into daemon.json")
    server.run("rm", options)


# --- Units and packages -----------------------------------------------------------------------------------------------

UNIT = "docker.service"
"""What starts the engine on a server with systemd; `docker.socket`, which does so too, is its distribution's."""


def drifts_of_units() -> Iterator[Drift]:
    """Yield what can be done to the engine's unit; with live-restore, containers outlive the engine."""
    what = (f"unit {UNIT}",)
    for name in ("disable", "mask"):
        yield Drift(f"{UNIT}: {name}", what, typing(("systemctl", name, UNIT)), playbook="server", systemd=True)
    stop = ("systemctl", "stop", "docker.socket", UNIT)
    for name, commands in {"stop": [stop], "mask and stop": [("systemctl", "mask", UNIT), stop]}.items():
        yield Drift(
            f"{UNIT}: {name}",
            (*what, "unit docker.socket"),
            typing(*commands),
            # The socket that the hub was given is gone for good: the engine makes another.
            anew=("jupyterhub",),
            changes=None,
            playbook="site",
            systemd=True,
            blind=True,
        )


PACKAGE = "docker-buildx"
"""One of the engine's packages that nothing in a running lab uses."""


def drifts_of_packages() -> Iterator[Drift]:
    """Yield what can be done to the engine's packages."""
    remove = typing(("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "remove", "--yes", PACKAGE))
    told = (f"apt-get install {PACKAGE}",)
    yield Drift(f"{PACKAGE} removed", (f"package {PACKAGE}",), remove, told, changes=None, playbook="server")
