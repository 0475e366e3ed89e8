# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a server is, by the names that Docker and the distributions have for it."""

from __future__ import annotations

import os

# Where the kernel's name is another one.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture(machine: str = "") -> str:
    """Return the architecture of a processor, as Docker and Debian call it.

    :param machine: what the kernel calls it; empty for this server's.
    """
    machine = machine or os.uname().machine
    return _ARCHITECTURES.get(machine, machine)
