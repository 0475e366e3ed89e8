#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Which GPUs a container sees."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_gpu_info
short_description: Tell which NVIDIA GPUs a container sees, and why not others
version_added: 0.1.0
description:
  - Looks from inside a container that runs, or from one that it starts of an image and removes again, at the device
    nodes, at NVML, at CUDA, and at PyTorch where there is one, with which it computes on every GPU.
  - Compares the UUIDs that are seen with those that were asked for. What is missing is a problem, and so is what is
    seen beside them.
  - Problems are told apart by the engine's words, the error of opening a device node, NVML's code and the UUIDs.
  - The image needs a shell and a Python; it needs no package and not C(nvidia-smi).
  - A container without its GPU is an answer, not a failure, unless O(fail_on) names the problem.
  - Changes nothing that is there, so it never reports a change; the container of an image has no network.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.docker_socket
options:
  container:
    description: Name of a container that runs. It is looked at as its own user.
    type: str
  image:
    description: Name of an image on the server; it is never pulled.
    type: str
  gpus:
    description:
      - UUIDs of the GPUs or slices that should be seen; an empty list for none.
      - Without it, a container should see what it was made with, and one of an image nothing.
      - An index is refused, as indices shift when a card dies.
    type: list
    elements: str
  injection:
    description: How to hand O(gpus) to a container of O(image).
    type: str
    choices: [cdi, hook]
    default: cdi
  compute:
    description: Whether to start CUDA, and to compute with PyTorch where there is one.
    type: bool
    default: true
  timeout:
    description: Longest wait for the container, in seconds.
    type: int
    default: 120
  fail_on:
    description: Fail when there is a problem with one of these codes, as the list of RV(problems) has them.
    type: list
    elements: str
    default: []
seealso:
  - module: gpulab.jupyterhub.gpu_info
"""

EXAMPLES = r"""
- name: See that alice's server has what it was given
  gpulab.jupyterhub.container_gpu_info:
    container: jupyter-alice
  become: true
  register: seen

- name: Try the users' image on one GPU, and stop unless it computes there
  gpulab.jupyterhub.container_gpu_info:
    image: jupyter-custom-gpu:latest
    gpus: [GPU-d37e67a5-91dd-3774-a5cb-99096249601a]
    fail_on: [not_injected, cgroup_denied, wrong_gpu, extra_gpus_visible, uvm_missing, computation_failed]
  become: true

- name: See that a container that asks for no GPU gets none
  gpulab.jupyterhub.container_gpu_info:
    image: jupyter-custom-gpu:latest
    gpus: []
    fail_on: [extra_gpus_visible]
  become: true
"""

RETURN = r"""
status:
  description: V(failed) with a problem of severity V(error), V(degraded) with a V(warning), else V(ok).
  returned: always
  type: str
problems:
  description: What is wrong, as M(gpulab.jupyterhub.gpu_info) returns it.
  returned: always
  type: list
  elements: dict
requested:
  description: UUIDs that should be seen.
  returned: always
  type: list
  elements: str
host_uuids:
  description: UUIDs of the server; empty where its NVML does not tell.
  returned: always
  type: list
  elements: str
seen_uuids:
  description: UUIDs that are seen in the container.
  returned: always
  type: list
  elements: str
uuid_match:
  description: Whether exactly those are seen that should be.
  returned: always
  type: bool
device_nodes:
  description: Device nodes in the container.
  returned: always
  type: list
  elements: dict
  contains:
    path: {description: Path., type: str, returned: always}
    present: {description: Whether it is there., type: bool, returned: always}
    errno: {description: "Name of the error that opening it gives, or empty.", type: str, returned: always}
nvml:
  description: NVML in the container, with C(code), C(text) and C(library), the file that it was loaded from.
  returned: always
  type: dict
driver:
  description: Version of the driver that NVML tells.
  returned: always
  type: str
cuda:
  description: Highest CUDA C(version) that the driver serves; C(code) of starting CUDA, none if it was not tried.
  returned: always
  type: dict
injection:
  description: How the container got its GPUs, V(cdi), V(hook) or V(none).
  returned: always
  type: str
survives_daemon_reload:
  description: Whether it keeps them over C(systemctl daemon-reload); none without any.
  returned: always
  type: bool
torch:
  description: PyTorch, with C(version), C(devices) and C(error); none if it was not tried.
  returned: always
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _docker_cli as cli
from ..module_utils import _gpu_container as inside
from ..module_utils import _gpu_container_look as container
from ..module_utils import _gpu_look as look
from ..module_utils._gpu_kinds import KINDS
from ..module_utils._gpu_problems import status
from ..module_utils._problems import as_dicts, render

ARGUMENT_SPEC = {
    "container": {"type": "str"},
    "image": {"type": "str"},
    "gpus": {"type": "list", "elements": "str"},
    "injection": {"type": "str", "choices": ["cdi", "hook"], "default": "cdi"},
    "compute": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 120},
    "fail_on": {"type": "list", "elements": "str", "default": []},
    **cli.SOCKET_OPTION,
}


def results(facts: dict[str, Any], cgroup_driver: str) -> dict[str, Any]:
    """Return of the facts what is of use in a play."""
    told = facts["probe"] or container.NOTHING
    nvml, seen = told["nvml"], inside.uuids(facts["probe"])
    return {
        **{key: facts[key] for key in ("requested", "injection")},
        "host_uuids": facts["host_uuids"] or [],
        "seen_uuids": seen,
        "uuid_match": facts["probe"] is not None and seen == facts["requested"],
        "device_nodes": told["device_nodes"],
        "nvml": {key: nvml[key] for key in ("code", "text", "library")},
        "driver": nvml["driver"],
        "cuda": {"version": nvml["cuda"], "code": told["cuda"]["code"]},
        "survives_daemon_reload": inside.survives_daemon_reload(facts["injection"], cgroup_driver),
        "torch": told["torch"],
    }


def main() -> None:
    """Look, judge, tell."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
        mutually_exclusive=[["container", "image"]],
        required_one_of=[["container", "image"]],
    )
    wishes = module.params
    if unknown := sorted(set(wishes["fail_on"]) - KINDS.keys()):
        module.fail_json(msg=f"fail_on names no problem: {', '.join(unknown)}. There are {', '.join(sorted(KINDS))}.")
    if names := [name for name in wishes["gpus"] or () if not inside.is_uuid(name)]:
        module.fail_json(
            msg=f"gpus names what is no UUID: {', '.join(names)}. Name GPUs as `nvidia-smi -L` does, "
            "GPU-... or MIG-...: an index is another card's when one dies."
        )
    docker = cli.Docker(wishes["docker_socket"])
    facts = container.look_at(wishes, docker, container.at_host())
    problems = facts.get("gone") or inside.diagnose(facts)
    cgroup_driver = look.at_docker(docker)["cgroup_driver"] if facts["injection"] == "hook" else ""
    result = {**results(facts, cgroup_driver), "status": status(problems), "problems": as_dicts(problems)}
    unbearable = [problem for problem in problems if problem.code in wishes["fail_on"]]
    if unbearable:
        module.fail_json(msg=f"The container's GPUs are not as they should be.\n\n{render(unbearable)}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
