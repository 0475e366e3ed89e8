# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Whose servers run on an engine; under them, nobody may restart it or replace what they use."""

from __future__ import annotations

from ._docker_cli import Docker, DockerError

# A container of one of the lab's users carries this label.
_LABEL = "org.gpulab.jupyterhub=singleuser"


def user_servers(docker: Docker) -> list[str]:
    """Ask for the names of the running containers of the lab's users.

    :raises DockerError: the engine does not tell.
    """
    return sorted(docker.ask("ps", "--filter", f"label={_LABEL}", "--format", "{{.Names}}").split())


def untold(error: DockerError) -> str:
    """Say that the engine does not tell whose servers run, so that nothing may be done under them."""
    return (
        f"The engine does not tell which users' servers run: {error}. Mend: put it right until `docker ps` answers "
        "(journalctl -u docker -n 50 says more), and run this again. Nothing was changed."
    )
