#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""How a server's NVIDIA cards are sliced."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_mig
short_description: Slice NVIDIA cards (MIG) as they are described
version_added: 0.1.0
description:
  - Turns MIG mode on or off, and makes the slices that are wished, each a GPU instance with one compute instance.
  - A card that differs loses all of its slices, and gets new ones, which may have other UUIDs than those before.
  - Cards that nobody names are left alone.
  - What cannot be, and a card that somebody uses, is refused before any card is changed.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.docker_socket
  - gpulab.jupyterhub.mig_layout
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns how the cards are sliced before and after.
    support: full
seealso:
  - module: gpulab.jupyterhub.gpu_info
  - module: gpulab.jupyterhub.nvidia_cdi
"""

EXAMPLES = r"""
- name: Slice the first card, and leave the others whole
  gpulab.jupyterhub.nvidia_mig:
    mig:
      - cards: [GPU-27b94a00-ed54-5c24-b1fd-1054085de32a]
        slices: [3g.20gb, 2g.10gb, 1g.5gb, 1g.5gb]
      - cards: [all]
        slices: []
  become: true
"""

RETURN = r"""
cards:
  description: UUIDs of the cards that were changed.
  returned: always
  type: list
  elements: str
waiting:
  description: UUIDs of those of them that take their MIG mode with their next reset, and get their slices after it.
  returned: always
  type: list
  elements: str
"""

from collections.abc import Sequence

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _gpu_look as gpu
from ..module_utils import _nvidia_mig as mig
from ..module_utils import _nvidia_mig_look as look
from ..module_utils._docker_cli import SOCKET_OPTION, Docker, DockerError
from ..module_utils._problems import at_least, render

# Said by nvidia-smi where there is nothing to remove.
_NOTHING = "instances found"


def act(module, change: mig.Change) -> bool:
    """Change one card; return whether it waits for a reset."""
    card = ("-i", change.uuid)
    if change.clears:
        smi(module, "mig", "-dci", *card)
    # One whose compute instance is gone is no slice, and takes its room all the same.
    if change.mode != "enabled":
        smi(module, "mig", "-dgi", *card)
    if change.mode and waits(module, change):
        return True
    if change.slices:
        smi(module, "mig", "-cgi", ",".join(change.slices), "-C", *card)
    return False


def waits(module, change: mig.Change) -> bool:
    """Set the mode of a card, which some take with a reset only; return whether it still is to come."""
    smi(module, "-i", change.uuid, "-mig", "1" if change.mode == "enabled" else "0")
    if mode_of(change.uuid) != change.mode:
        # Refused where a program has the card open, and then it waits for a person.
        gpu.run(["nvidia-smi", "--gpu-reset", "-i", change.uuid])
    return mode_of(change.uuid) != change.mode


def mode_of(uuid: str) -> str:
    """Ask for the MIG mode that a card is in."""
    return next((card["mig_mode"] for card in gpu.at_cards()["gpus"] if card["uuid"] == uuid), "")


def smi(module, *words: str) -> None:
    """Have nvidia-smi do something; ends the module where it does not."""
    ran = gpu.run(["nvidia-smi", *words])
    said = (ran.out + ran.err).strip()
    if ran.state != "ok" and _NOTHING not in said:
        module.fail_json(
            msg=f"`{ran.command}` failed: {said or ran.state}. The card is left as it was then; what was done before "
            "stays. Mend: see that nothing uses the card (nvidia-smi tells, and nvidia-persistenced does not "
            "count), and run this again."
        )


def refuse(module, found) -> None:
    """End the module where something stands in the way; warn of what only should be known."""
    if errors := at_least("error", found):
        module.fail_json(msg=f"The cards cannot be sliced so; none was changed.\n\n{render(errors)}")
    for problem in found:
        module.warn(f"{problem.subject}: {problem.evidence} {problem.remedy}")


def change_all(module, todo: Sequence[mig.Change]) -> list[str]:
    """Change the cards; return those that wait for a reset."""
    waiting = [change.uuid for change in todo if act(module, change)]
    for uuid in waiting:
        module.warn(f"{uuid} takes its MIG mode with its next reset: reboot, or `nvidia-smi --gpu-reset -i {uuid}`.")
    return waiting


def main() -> None:
    """Look, judge, act."""
    module = AnsibleModule(argument_spec={**SOCKET_OPTION, **mig.LAYOUT_OPTION}, supports_check_mode=True)
    layout, gpus = module.params["mig"], gpu.at_cards()["gpus"]
    try:
        todo, found = look.at_cards(layout, gpus, Docker(module.params["docker_socket"]))
    except DockerError as fault:
        module.fail_json(msg=f"The engine does not tell which containers have a GPU: {fault}. No card was changed.")
    refuse(module, found)
    uuids = [change.uuid for change in todo]
    diff = {
        "before": mig.described(gpus, uuids),
        "after": mig.described(mig.after(gpus, todo), uuids),
        "before_header": "slices",
        "after_header": "slices",
    }
    waiting = [] if module.check_mode else change_all(module, todo)
    module.exit_json(changed=bool(todo), cards=uuids, waiting=waiting, **({"diff": diff} if todo else {}))


if __name__ == "__main__":
    main()
