# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Why a server does not start, in words for its user."""

from docker.errors import ImageNotFound
from jupyterhub.spawner import SpawnException


class SpawnProblem(SpawnException):
    """A server cannot start, in words that JupyterHub logs and shows to the user as they are.

    :param reason: ``home``, ``image``, ``mount``, ``docker``, ``name`` or ``died``; a label in the hub's metrics.
    """

    def __init__(self, message: str, reason: str):
        super().__init__(message, reason=reason, status_code=500)
        self.jupyterhub_message = message


def docker_problem(error: Exception) -> SpawnProblem:
    """Say what Docker refused, and the mend where it is known."""
    said = getattr(error, "explanation", None) or str(error)
    if isinstance(error, ImageNotFound) or "No such image" in said:
        return SpawnProblem(f"Docker lacks an image ({said}). Run the playbook again: it makes it.", reason="image")
    if "bind source path does not exist" in said:
        return SpawnProblem(f"A directory is missing ({said}). Run the playbook again: it makes it.", reason="mount")
    return SpawnProblem(f"Docker could not start your server: {said}", reason="docker")
