#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""One look at the driver of a server's NVIDIA cards."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_driver_info
short_description: Tell which NVIDIA driver a server's cards shall have, and what has to be done for it
version_added: 0.1.0
description:
  - Finds the cards on the PCI bus, for which it needs no driver, and decides on the branch of the driver and on the
    flavour of its kernel module by their architecture.
  - Refuses what cannot be, such as an open module for a card that has no GSP, before anything is changed.
  - Returns what the role C(nvidia_driver) has to do; nothing on a server that is as it should be, or that has no card.
  - Cards that are given to virtual machines (C(vfio-pci)) do not count.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.apt_source
  - gpulab.jupyterhub.docker_socket
options:
  source:
    description:
      - Where the driver comes from.
      - V(nvidia) is NVIDIA's own repository, V(distro) the distribution's packages. V(preinstalled) only asks that
        there is one, V(none) asks for nothing.
    type: str
    choices: [nvidia, distro, preinstalled, none]
    default: nvidia
  branch:
    description: "Branch of the driver, such as V(580). V(0): what is for the cards, and else what the source has."
    type: int
    default: 0
  flavor:
    description: "Flavour of the kernel module. V(auto): the open one where it is for all cards."
    type: str
    choices: [auto, open, proprietary]
    default: auto
  existing:
    description: What to plan for a driver that is there and was not installed by the role.
    type: str
    choices: [use, manage]
    default: use
  hold:
    description: Whether its packages are held, and kept from unattended upgrades.
    type: bool
    default: true
  reboot:
    description:
      - When the server may be rebooted for it.
      - V(now) is refused while servers of users run, V(when_idle) waits for another run.
    type: str
    choices: [never, when_idle, now]
    default: never
  release:
    description: Name and major version of the distribution, as M(ansible.builtin.setup) has them.
    type: list
    elements: str
    required: true
  codename:
    description: The name of its release.
    type: str
    default: ''
  debian_mirror:
    description: Where Debian's own packages come from, if not from where the server takes its others.
    type: str
    default: ''
seealso:
  - module: gpulab.jupyterhub.gpu_info
"""

EXAMPLES = r"""
- name: Look at the driver
  gpulab.jupyterhub.nvidia_driver_info:
    source: distro
    release: "{{ [ansible_facts['distribution'], ansible_facts['distribution_major_version']] }}"
    codename: "{{ ansible_facts['distribution_release'] }}"
  become: true
  register: driver

- name: Stop at what stands in the way
  ansible.builtin.fail:
    msg: "{{ driver.refusal }}"
  when: driver.refusal != ''
"""

RETURN = r"""
cards:
  description: The cards on the PCI bus, as M(gpulab.jupyterhub.gpu_info) has them, without those of virtual machines.
  returned: always
  type: list
  elements: dict
switches:
  description: PCI addresses of the NVSwitches, which want the fabric manager.
  returned: always
  type: list
  elements: str
choice:
  description: The driver that they shall have.
  returned: always
  type: dict
  contains:
    branch: {description: "Its branch, V(0) for the newest.", type: int, returned: always}
    flavor: {description: "V(open) or V(proprietary).", type: str, returned: always}
    packages: {description: The packages that it comes in., type: list, elements: str, returned: always}
driver:
  description: The driver that there is, as M(gpulab.jupyterhub.gpu_info) returns it; empty without a card.
  returned: always
  type: dict
plan:
  description: What has to be done.
  returned: always
  type: dict
  contains:
    hands_off: {description: Whether the driver is somebody else's business., type: bool, returned: always}
    repair_dpkg: {description: Whether dpkg was cut off., type: bool, returned: always}
    files:
      description: Files to write, by C(path) and C(content); without content to fetch, with an empty one to remove.
      type: list
      elements: dict
      returned: always
    packages: {description: What apt has to install., type: list, elements: str, returned: always}
    selections:
      description: Packages to hold or to release, by C(name) and C(selection).
      type: list
      elements: dict
      returned: always
    kernels: {description: Kernels to build the module for., type: list, elements: str, returned: always}
    load: {description: Whether to load the module., type: bool, returned: always}
    services: {description: Daemons of the driver's to start., type: list, elements: str, returned: always}
    reboot: {description: Whether only a reboot loads what is installed., type: bool, returned: always}
    installs: {description: Whether packages or their files have to change., type: bool, returned: always}
    settles: {description: Whether there is anything to do after that., type: bool, returned: always}
refusal:
  description: What stands in the way, in one text; empty if nothing does.
  returned: always
  type: str
problems:
  description: What stands in the way, and what someone should know, the worst first.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: Name of the kind of problem., type: str, returned: always}
    severity: {description: V(error) or V(warning)., type: str, returned: always}
    subject: {description: "The setting, or the part of the server.", type: str, returned: always}
    evidence: {description: What was seen., type: str, returned: always}
    remedy: {description: What mends it., type: str, returned: always}
repository_key:
  description: Address of the key of the repository.
  returned: always
  type: str
to_bundle:
  description: What a bundle for servers like this one shall have; nothing without a card and a O(branch).
  returned: always
  type: dict
  contains:
    packages: {description: The packages in apt's words., type: list, elements: str, returned: always}
    files:
      description: Apt's files with which it finds them, by C(path) and C(content).
      type: list
      elements: dict
      returned: always
architecture:
  description: What the server's processor is, as Debian calls it.
  returned: always
  type: str
user_servers:
  description: Names of the lab users' containers that run.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _nvidia_driver as driver
from ..module_utils import _nvidia_driver_problems as judge
from ..module_utils import _nvidia_look as look
from ..module_utils._apt_look import SOURCE_OPTIONS
from ..module_utils._docker_cli import SOCKET_OPTION, Docker, DockerError
from ..module_utils._docker_users import untold
from ..module_utils._platform import architecture
from ..module_utils._problems import as_dicts

ARGUMENT_SPEC: dict[str, Any] = {
    "source": {"type": "str", "choices": ["nvidia", "distro", "preinstalled", "none"], "default": "nvidia"},
    "branch": {"type": "int", "default": 0},
    "flavor": {"type": "str", "choices": ["auto", "open", "proprietary"], "default": "auto"},
    "existing": {"type": "str", "choices": ["use", "manage"], "default": "use"},
    "hold": {"type": "bool", "default": True},
    "reboot": {"type": "str", "choices": ["never", "when_idle", "now"], "default": "never"},
    "release": {"type": "list", "elements": "str", "required": True},
    "codename": {"type": "str", "default": ""},
    **SOURCE_OPTIONS,
    "debian_mirror": {"type": "str", "default": ""},
    **SOCKET_OPTION,
}


def results(found: dict[str, Any], wishes: dict[str, Any]) -> dict[str, Any]:
    """Judge and plan; a server without a card needs neither."""
    choice, plan = driver.Choice(0, "", []), driver.Plan(hands_off=True)
    if found["cards"] and wishes["source"] != driver.NONE:
        choice, plan = driver.choose(found, wishes), driver.plan(found, wishes)
    problems = judge.problems(found, wishes)
    return {
        "cards": found["cards"],
        "choice": choice._asdict(),
        "driver": found.get("driver", {}),
        "plan": {**plan._asdict(), "installs": plan.installs, "settles": plan.settles},
        "problems": as_dicts(problems),
        "refusal": judge.refusal(problems),
        "user_servers": found.get("user_servers", []),
    }


def main() -> None:
    """Look, judge, plan."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        found = look.at_server(module, module.params, Docker(module.params["docker_socket"]))
    except DockerError as error:
        module.fail_json(msg=untold(error))
    result = results(found, module.params) | {
        "repository_key": look.source_for(module.params).key,
        "to_bundle": look.for_bundle(module, module.params, found),
        "architecture": architecture(),
    }
    for problem in result["problems"]:
        if problem["severity"] == "warning":
            module.warn(f"{problem['subject']}: {problem['evidence']} {problem['remedy']}")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
