#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The CUDA of the users' image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cuda_choice
short_description: Choose the CUDA of the users' image by a server's cards and driver
version_added: 0.1.0
description:
  - Chooses the newest CUDA that the server's driver runs and that has code for all of its cards, or judges the one that
    is wished. Looks at the PCI bus and at the driver that is installed.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
options:
  cuda:
    description: The CUDA that is wished, or V(auto).
    type: str
    choices: [auto, '13.0', '12.8', '12.6']
    default: auto
  ahead:
    description: Whether a driver may still be installed before it counts, so that one that is not there is no fault.
    type: bool
    default: false
seealso:
  - module: gpulab.jupyterhub.gpu_info
"""

EXAMPLES = r"""
- name: Choose the CUDA of the users' image
  gpulab.jupyterhub.cuda_choice:
  register: choice
"""

RETURN = r"""
cuda:
  description: The CUDA to take; empty if that cannot be said yet.
  returned: success
  type: str
  sample: '13.0'
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _gpu_bus as bus
from ..module_utils import _gpu_cuda as choice
from ..module_utils import _gpu_look as gpu
from ..module_utils._nvidia_driver import branch_of
from ..module_utils._platform import architecture
from ..module_utils._problems import as_dicts, render


def main() -> None:
    """Look, judge, choose."""
    module = AnsibleModule(
        argument_spec={
            "cuda": {"type": "str", "choices": [choice.AUTO, *choice.CUDAS], "default": choice.AUTO},
            "ahead": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    wish = module.params["cuda"]
    cards = [card["architecture"] for card in bus.of_the_server(gpu.ROOT)]
    # What is installed counts from the next start of the server on, and the image is for longer.
    branch = branch_of(gpu.userspace_version()) if cards else 0
    found = [*choice.problems(wish, cards, branch, architecture(), module.params["ahead"])]
    if found:
        module.fail_json(
            msg=f"The users' image cannot have its GPU packages; nothing was changed.\n\n{render(found)}",
            problems=as_dicts(found),
        )
    module.exit_json(changed=False, cuda=choice.choose(wish, cards, branch))


if __name__ == "__main__":
    main()
