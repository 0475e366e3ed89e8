# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Which CUDA the users' image can have on a server, by its cards and its driver. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ._problems import Problem, error

AUTO = "auto"
SETTING = "hub_images_cuda"
PROCESSOR = "amd64"
_SEPARATORS = re.compile(r"[-_.]+")


class Cuda(NamedTuple):
    """A CUDA that there are pinned packages of.

    :param driver: first branch of the driver that runs it.
    :param architectures: of the cards that PyTorch's build of it has code for, as `torch.cuda.get_arch_list()` tells.
    """

    driver: int
    architectures: Sequence[str]


_SINCE_TURING = ("Turing", "Ampere", "Ada", "Hopper", "Grace Hopper")
#: The newest first.
CUDAS = {
    "13.0": Cuda(580, (*_SINCE_TURING, "Blackwell")),
    "12.8": Cuda(570, ("Volta", *_SINCE_TURING, "Blackwell")),
    "12.6": Cuda(560, ("Maxwell", "Pascal", "Volta", *_SINCE_TURING)),
}
"""A driver of branch 525 runs all of CUDA 12, but for what is compiled while it runs, as CuPy does all the time."""


def choose(wish: str, architectures: Iterable[str], branch: int) -> str:
    """Return the CUDA to take: the one that is wished, or the newest that all cards and the driver can do; '' if none.

    :param architectures: of the cards; '' for one that is not known, which is new.
    :param branch: of the driver; 0 if there is none yet.
    """
    cards = [*architectures]
    if wish != AUTO:
        return wish
    if not cards or not branch:
        return ""
    return next((name for name, cuda in CUDAS.items() if branch >= cuda.driver and not _without(cuda, cards)), "")


def _without(cuda: Cuda, architectures: Iterable[str]) -> list[str]:
    return sorted({name for name in architectures if name and name not in cuda.architectures})


def problems(wish: str, architectures: Sequence[str], branch: int, processor: str, ahead: bool) -> Iterator[Problem]:
    """Judge a wish by what is there.

    :param processor: as Debian calls it.
    :param ahead: whether a driver may still come in this run, so that one that is not there is no fault.
    """
    if processor != PROCESSOR:
        yield _refused(
            "hub_images_gpu_packages",
            f"This server's processor is {processor}, and the packages are pinned for {PROCESSOR}.",
            "Name packages of your own in `hub_images_user_packages`.",
        )
    elif wish == AUTO:
        yield from _of_auto(architectures, branch, ahead)
    else:
        yield from _of_wish(wish, architectures, branch)


def _of_auto(architectures: Sequence[str], branch: int, ahead: bool) -> Iterator[Problem]:
    known = ", ".join(f"'{name}'" for name in CUDAS)
    if not architectures:
        yield _refused(
            SETTING,
            "It is auto, and there is no NVIDIA card here to choose it by.",
            f"Set it to what the servers with cards can do: {known}; or empty `hub_images_gpu_packages` here.",
        )
    elif not branch and not ahead:
        yield _refused(
            SETTING,
            "It is auto, and there is no driver here to choose it by.",
            f"Have the driver installed (`nvidia_driver_source`), or set {SETTING}: {known}.",
        )
    elif branch and not choose(AUTO, architectures, branch):
        cards = ", ".join(sorted({name or "unknown" for name in architectures}))
        yield _refused(
            SETTING,
            f"No CUDA that there are packages of serves cards of {cards} with a driver of branch {branch}: {_table()}.",
            "Install a newer driver (`nvidia_driver_branch`), or give cards that differ so much to another server.",
        )


def _of_wish(wish: str, architectures: Sequence[str], branch: int) -> Iterator[Problem]:
    cuda = CUDAS[wish]
    if branch and branch < cuda.driver:
        yield _refused(
            SETTING,
            f"CUDA {wish} wants a driver of branch {cuda.driver} or later, and that of this server is {branch}.",
            f"Install a newer driver (`nvidia_driver_branch`), or set `{SETTING}: auto`.",
        )
    if lacking := _without(cuda, architectures):
        yield _refused(
            SETTING,
            f"The packages of CUDA {wish} have no code for {', '.join(lacking)}: {_table()}.",
            f"Set `{SETTING}: auto`, or another.",
        )


def _table() -> str:
    return "; ".join(
        f"{name} is for {', '.join(cuda.architectures)} from {cuda.driver} on" for name, cuda in CUDAS.items()
    )


def _refused(subject: str, evidence: str, remedy: str) -> Problem:
    return error("cuda-impossible", subject, evidence, remedy)


def named_twice(requirements: Iterable[str], packages: Sequence[str]) -> list[str]:
    """Name the pip requirements that are for what another setting brings, such as torch or cupy-cuda12x."""
    brought = re.compile(rf"(?:{'|'.join(packages)})(?:-cuda\w+)?(?![\w-])")
    return [name for name in requirements if packages and brought.match(_SEPARATORS.sub("-", name).lower())]
