# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at a server's container toolkit and its CDI specifications, for the role that keeps them; changes nothing."""

from __future__ import annotations

from typing import Any

from . import _apt_look as apt
from . import _gpu_bus as bus
from . import _gpu_look as gpu
from . import _nvidia_mig_look as slices
from . import _nvidia_toolkit as toolkit
from ._docker_cli import Docker
from ._gpu_diagnosis import stale_specs


def at_server(module, wishes: toolkit.Wishes, docker: Docker) -> dict[str, Any]:
    """Look at everything that the plan and its judges want; a server without a card is asked for nothing else.

    :raises DockerError: cards are to be sliced anew, and the engine does not tell who uses them.
    """
    cards = bus.of_the_server(gpu.ROOT)
    if not cards or wishes["source"] == "none":
        return {"cards": cards}
    packages, held = apt.known(module, [*toolkit.PACKAGES])
    is_wanted = wishes["source"] == "nvidia"
    # From a bundle the role has no source, so that of somebody else is in nobody's way.
    has_source = is_wanted and not wishes["from_bundle"]
    specifications = at_specifications()
    todo, problems = slices.at_cards(wishes["mig"], specifications["gpus"], docker)
    return {
        "cards": cards,
        **specifications,
        "mig": [change._asdict() for change in todo],
        "mig_problems": problems,
        "managed": any((gpu.ROOT / path.lstrip("/")).exists() for path in toolkit.OURS),
        "packages": packages,
        "held": held,
        "files_drifted": apt.drifted(toolkit.files(wishes)) if is_wanted else [],
        "dpkg_interrupted": apt.interrupted(),
        "other_sources": apt.naming(wishes["repository_url"] or toolkit.SITE, toolkit.SOURCES) if has_source else [],
    }


def at_specifications() -> dict[str, Any]:
    """Look at the cards that the driver tells of, at the CDI specifications, and in what they differ from the cards."""
    kit, gpus = gpu.at_toolkit(there=True), gpu.at_cards()["gpus"]
    loaded = {"driver": {"kernel_version": gpu.loaded_version()}, "gpus": gpus}
    return {
        "gpus": gpus,
        "version": kit["toolkit"]["version"],
        "specs": kit["toolkit"]["cdi_specs"],
        "stale": dict(stale_specs({**kit, **loaded})),
    }
