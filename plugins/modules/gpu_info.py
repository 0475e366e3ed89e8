#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""How a server's GPUs are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: Tell how a server's NVIDIA GPUs are, and what mends what is wrong
version_added: 0.1.0
description:
  - Finds the cards on the PCI bus, for which it needs no driver, and looks at the driver, at C(nvidia-smi), at the
    NVIDIA Container Toolkit with its CDI specifications, and at the Docker engine.
  - Returns C(problems), each with evidence, a remedy and the commands of the remedy. They are told apart by exit code,
    error number of the device node and the kernel's log, not by words alone.
  - A server without a card is well, and is asked for nothing else, unless O(expect_gpus) says that it should have one.
  - Broken GPUs are an answer, not a failure, unless O(fail_on) names the problem.
  - Wants root for the kernel's log and the Secure Boot variable; without it, some causes stay unnamed.
  - Changes nothing, so it never reports a change.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.docker_socket
options:
  expect_gpus:
    description: How many cards the server should have at least.
    type: int
    default: 0
  fail_on:
    description: Fail when there is a problem with one of these codes, as the list of RV(problems) has them.
    type: list
    elements: str
    default: []
seealso:
  - module: gpulab.jupyterhub.hub_info
"""

EXAMPLES = r"""
- name: Look at the GPUs
  gpulab.jupyterhub.gpu_info:
  become: true
  register: gpus

- name: Tell what is wrong, and what mends it
  ansible.builtin.debug:
    msg: "{{ item.subject }}: {{ item.evidence.text }} {{ item.remedy }}"
  loop: "{{ gpus.problems }}"

- name: Go on only with both cards there and their driver loaded
  gpulab.jupyterhub.gpu_info:
    expect_gpus: 2
    fail_on: [no_gpu_hardware, gpus_missing, driver_not_installed, driver_not_loaded, version_mismatch]
  become: true
"""

RETURN = r"""
status:
  description: V(failed) with a problem of severity V(error), V(degraded) with a V(warning), else V(ok).
  returned: always
  type: str
problems:
  description: What is wrong, the worst first.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: Name of the kind of problem., type: str, returned: always}
    severity: {description: V(error) or V(warning)., type: str, returned: always}
    scope: {description: "What is affected: V(host), V(gpu), V(container) or V(user).", type: str, returned: always}
    subject: {description: "The card, by its PCI address, or the file or part.", type: str, returned: always}
    evidence:
      description: Where it shows.
      type: dict
      returned: always
      contains:
        command: {description: "What was run, opened or read.", type: str, returned: always}
        rc: {description: Its exit code; none if nothing ended., type: int, returned: always}
        errno: {description: "Name of the system's error, or empty.", type: str, returned: always}
        text: {description: What was seen., type: str, returned: always}
    remedy: {description: What mends it., type: str, returned: always}
    remedy_commands: {description: "What to run for it, in order.", type: list, elements: str, returned: always}
    needs_reboot: {description: Whether the remedy ends with a reboot., type: bool, returned: always}
  sample:
    - code: version_mismatch
      severity: error
      scope: host
      subject: NVIDIA driver
      evidence: {command: nvidia-smi -q -x, rc: 18, errno: "", text: "Failed to initialize NVML: Driver/library version
        mismatch"}
      remedy: Reboot, or unload and load the modules when nothing uses them.
      remedy_commands: [systemctl reboot]
      needs_reboot: true
pci_gpus:
  description: The cards on the PCI bus, whether or not there is a driver.
  returned: always
  type: list
  elements: dict
  contains:
    address: {description: PCI address., type: str, returned: always}
    device_id: {description: "PCI device number, four hexadecimal digits.", type: str, returned: always}
    architecture: {description: "By that number, such as V(Ampere); or empty.", type: str, returned: always}
    driver: {description: "The kernel's driver that holds it, such as V(nvidia) or V(vfio-pci), or empty.", type: str,
      returned: always}
driver:
  description: The driver.
  returned: always
  type: dict
  contains:
    kernel_version: {description: Version of the module that is loaded; empty if none is., type: str, returned: always}
    flavor: {description: "V(open), V(proprietary) or empty.", type: str, returned: always}
    userspace_version: {description: Version of the libraries., type: str, returned: always}
    match: {description: Whether the two are the same; none unless both are known., type: bool, returned: always}
    cuda_max: {description: Highest CUDA version that it serves., type: str, returned: always}
    dkms:
      description: What DKMS built of it, by C(module), C(version), C(kernel), C(arch) and C(state).
      type: list
      elements: dict
      returned: always
    secure_boot: {description: Whether Secure Boot is on; none without EFI., type: bool, returned: always}
    nouveau_loaded: {description: Whether the free driver holds the cards., type: bool, returned: always}
    reboot_required: {description: Whether what is installed is not what is loaded., type: bool, returned: always}
gpus:
  description: The GPUs that the driver tells of.
  returned: always
  type: list
  elements: dict
  contains:
    index: {description: "The driver's number of it; it shifts when another card dies.", type: int, returned: always}
    uuid: {description: UUID., type: str, returned: always}
    name: {description: Name of the product., type: str, returned: always}
    pci_bus_id: {description: PCI address., type: str, returned: always}
    memory:
      description: C(total), C(reserved), C(used) and C(free) memory in MiB.
      type: dict
      returned: always
    compute_cap: {description: "Compute capability, such as V(9.0).", type: str, returned: always}
    mig_mode: {description: "V(enabled), V(disabled) or V(unsupported).", type: str, returned: always}
    mig_pending: {description: "The MIG mode that it takes with its next reset, likewise.", type: str, returned: always}
    mig_devices:
      description:
        - Its slices, with C(index), C(uuid), C(profile), C(gpu_instance_id), C(compute_instance_id) and C(memory).
      type: list
      elements: dict
      returned: always
    processes:
      description: What runs on it, with C(pid), C(type), C(name), C(memory) in MiB, and the ids of its slice.
      type: list
      elements: dict
      returned: always
toolkit:
  description: The NVIDIA Container Toolkit.
  returned: always
  type: dict
  contains:
    version: {description: Version of C(nvidia-ctk); empty if there is none., type: str, returned: always}
    cdi_specs:
      description: CDI specifications, with C(path), C(cdi_version), C(kind), C(devices), C(driver_version), C(error).
      type: list
      elements: dict
      returned: always
    cdi_devices: {description: Names by which a container asks for a GPU., type: list, elements: str, returned: always}
    cdi_stale: {description: Whether one of them differs from the server., type: bool, returned: always}
docker:
  description: The Docker engine; empty where none answers, and on a server without a card.
  returned: always
  type: dict
  contains:
    version: {description: Version., type: str, returned: always}
    cdi_enabled: {description: Whether it has CDI on., type: bool, returned: always}
    runtimes: {description: Its runtimes., type: list, elements: str, returned: always}
    default_runtime: {description: The one that containers get., type: str, returned: always}
    cgroup_driver: {description: V(systemd) or V(cgroupfs)., type: str, returned: always}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _gpu_look as look
from ..module_utils._docker_cli import SOCKET_OPTION, Docker
from ..module_utils._gpu_diagnosis import diagnose, stale_specs
from ..module_utils._gpu_kinds import KINDS
from ..module_utils._gpu_problems import status
from ..module_utils._problems import as_dicts, render


def results(facts: dict[str, Any]) -> dict[str, Any]:
    """Return of the facts what is of use in a play."""
    specs = [
        {key: value for key, value in spec.items() if key != "device_nodes"} for spec in facts["toolkit"]["cdi_specs"]
    ]
    return {
        **{key: facts[key] for key in ("pci_gpus", "driver", "gpus", "docker")},
        "toolkit": {**facts["toolkit"], "cdi_specs": specs, "cdi_stale": bool(stale_specs(facts))},
    }


def main() -> None:
    """Look, judge, tell."""
    module = AnsibleModule(
        argument_spec={
            "expect_gpus": {"type": "int", "default": 0},
            "fail_on": {"type": "list", "elements": "str", "default": []},
            **SOCKET_OPTION,
        },
        supports_check_mode=True,
    )
    if unknown := sorted(set(module.params["fail_on"]) - KINDS.keys()):
        module.fail_json(msg=f"fail_on names no problem: {', '.join(unknown)}. There are {', '.join(sorted(KINDS))}.")
    facts = look.at_server(module.params["expect_gpus"], Docker(module.params["docker_socket"]))
    problems = diagnose(facts)
    result = {**results(facts), "status": status(problems), "problems": as_dicts(problems)}
    unbearable = [problem for problem in problems if problem.code in module.params["fail_on"]]
    if unbearable:
        module.fail_json(msg=f"The GPUs are not well.\n\n{render(unbearable)}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
