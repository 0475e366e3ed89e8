#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""One look at a server's NVIDIA Container Toolkit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_container_toolkit_info
short_description: Tell what a server lacks of the NVIDIA Container Toolkit
version_added: 0.1.0
description:
  - Looks at the toolkit's packages, which all have to be of one version, at where apt takes them from, and at the CDI
    specification by which containers get GPUs.
  - Returns what the role C(nvidia_container_toolkit) has to do; nothing on a server that is as it should be, or that
    has no card.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.apt_source
  - gpulab.jupyterhub.docker_socket
  - gpulab.jupyterhub.mig_layout
options:
  source:
    description:
      - Where it comes from, NVIDIA's own repository, or V(preinstalled), which asks only that it is there.
      - V(none) asks for nothing.
    type: str
    choices: [nvidia, preinstalled, none]
    default: nvidia
  existing:
    description:
      - What to plan for a toolkit that is there and was not installed by the role.
      - V(use) leaves its packages as they are, V(manage) takes them over. The CDI specification is kept in any case.
    type: str
    choices: [use, manage]
    default: use
  version:
    description: The version to keep it at, as precise as wanted; empty for any.
    type: str
    default: ''
  hold:
    description: Whether its packages are held.
    type: bool
    default: true
  expected_gpus:
    description: UUIDs of GPUs and slices that somebody shall get; one that is not there is a problem.
    type: list
    elements: str
    default: []
seealso:
  - module: gpulab.jupyterhub.gpu_info
  - module: gpulab.jupyterhub.nvidia_mig
  - module: gpulab.jupyterhub.nvidia_cdi
"""

EXAMPLES = r"""
- name: Look at the container toolkit
  gpulab.jupyterhub.nvidia_container_toolkit_info:
    version: "1.18.0"
  become: true
  register: toolkit
"""

RETURN = r"""
cards:
  description: The cards on the PCI bus, as M(gpulab.jupyterhub.gpu_info) has them, without those of virtual machines.
  returned: always
  type: list
  elements: dict
version:
  description: Version of C(nvidia-ctk); empty if there is none.
  returned: always
  type: str
plan:
  description: What has to be done.
  returned: always
  type: dict
  contains:
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
    mig:
      description: Cards to slice anew, by C(uuid), C(mode) to set, whether it C(clears) slices, and the C(slices).
      type: list
      elements: dict
      returned: always
    specification: {description: Why the CDI specification has to be generated; or empty., type: str, returned: always}
    generates: {description: Whether to have it generated now., type: bool, returned: always}
    installs: {description: Whether packages or their files have to change., type: bool, returned: always}
refusal:
  description: What stands in the way, in one text; empty if nothing does.
  returned: always
  type: str
problems:
  description: What stands in the way.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: Name of the kind of problem., type: str, returned: always}
    severity: {description: V(error) or V(warning)., type: str, returned: always}
    subject: {description: "The setting, or the file.", type: str, returned: always}
    evidence: {description: What was seen., type: str, returned: always}
    remedy: {description: What mends it., type: str, returned: always}
repository_key:
  description: Address of the key of the repository.
  returned: always
  type: str
to_bundle:
  description: What a bundle for servers like this one shall have; nothing without a card and a O(version).
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
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _nvidia_mig as mig
from ..module_utils import _nvidia_toolkit as toolkit
from ..module_utils import _nvidia_toolkit_look as look
from ..module_utils._apt_look import SOURCE_OPTIONS
from ..module_utils._docker_cli import SOCKET_OPTION, Docker, DockerError
from ..module_utils._platform import architecture
from ..module_utils._problems import as_dicts

ARGUMENT_SPEC: dict[str, Any] = {
    "source": {"type": "str", "choices": ["nvidia", "preinstalled", "none"], "default": "nvidia"},
    "existing": {"type": "str", "choices": ["use", "manage"], "default": "use"},
    "version": {"type": "str", "default": ""},
    "hold": {"type": "bool", "default": True},
    **SOURCE_OPTIONS,
    **SOCKET_OPTION,
    **mig.LAYOUT_OPTION,
    "expected_gpus": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    """Look, judge, plan."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        found = look.at_server(module, module.params, Docker(module.params["docker_socket"]))
    except DockerError as fault:
        module.fail_json(msg=f"The engine does not tell which containers have a GPU: {fault}. Nothing was changed.")
    problems, plan = toolkit.problems(found, module.params), toolkit.plan(found, module.params)
    for problem in problems:
        if problem.severity == "warning":
            module.warn(f"{problem.subject}: {problem.evidence} {problem.remedy}")
    module.exit_json(
        changed=False,
        cards=found["cards"],
        version=found.get("version", ""),
        plan={
            **plan._asdict(),
            "installs": plan.installs,
            "generates": plan.generates(found, module.check_mode),
        },
        problems=as_dicts(problems),
        refusal=toolkit.refusal(problems),
        repository_key=toolkit.key(module.params),
        to_bundle=toolkit.to_bundle(found["cards"], module.params),
        architecture=architecture(),
    )


if __name__ == "__main__":
    main()
