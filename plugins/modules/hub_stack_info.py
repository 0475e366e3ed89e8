#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""One look at a lab's Compose project."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_stack_info
short_description: One look at a lab's Compose project
version_added: 0.1.0
description:
  - Tells what of the Compose project is not as it shall be, the file, the network, the services' containers and how
    they are, so that a converge of a lab in which nothing has drifted executes nothing else.
  - It compares as Compose does, by Compose's own digest of each service and by the image behind its reference.
  - Changes nothing, so it never reports a change. In check mode, an engine that does not answer is no failure.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.docker_socket
options:
  path:
    description: Where C(compose.yml) lies. It shall belong to root, with mode 0644.
    type: path
    default: /srv/jupyterhub/compose.yml
  compose:
    description:
      - What shall be in it.
      - C({socket_gid}) in it stands for the group of the engine's socket.
    type: str
    required: true
  project:
    description: The Compose project.
    type: str
    default: jupyterhub
  images:
    description: Reference of the image by service. No other service shall be there.
    type: dict
    required: true
  network:
    description: Docker network of all services, which Compose does not own.
    type: str
    default: jupyterhub
seealso:
  - module: gpulab.jupyterhub.hub_info
  - module: community.docker.docker_compose_v2
"""

EXAMPLES = r"""
- name: Look at the stack
  gpulab.jupyterhub.hub_stack_info:
    compose: "{{ lookup('ansible.builtin.template', 'compose.yml.j2') }}"
    images: {jupyterhub: gpulab/hub:1a2b3c, proxy: gpulab/proxy:4d5e6f}
  become: true
  register: stack

- name: Bring up what is not as it shall be
  community.docker.docker_compose_v2:
    project_src: /srv/jupyterhub
  become: true
  when: stack.differences | length > 0
"""

RETURN = r"""
engine_answers:
  description: Whether an engine answers. The module fails when none does, but for check mode.
  returned: always
  type: bool
compose:
  description: The content of C(compose.yml), filled in.
  returned: when the engine's socket exists
  type: str
has_network:
  description: Whether the network is there.
  returned: when an engine answers
  type: bool
differences:
  description: What is not as it shall be, in words; empty when a converge would change nothing.
  returned: always
  type: list
  elements: str
  sample: ["the service proxy has 0 containers"]
replaced:
  description: Services that run, and whose container a converge would replace.
  returned: when an engine answers
  type: list
  elements: str
  sample: ["proxy"]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._docker_cli import SOCKET_OPTION, Docker, DockerError
from ..module_utils._hub_stack import Wanted, at_stack, differences, replaced


def look(module: AnsibleModule) -> dict:
    """Compare what is there with what is wanted.

    :raises DockerError: no engine answers.
    :raises OSError: the engine has no socket.
    """
    params = module.params
    compose = params["compose"].replace("{socket_gid}", str(Path(params["docker_socket"]).stat().st_gid))
    wanted = Wanted(Path(params["path"]), compose, params["project"], params["images"], params["network"])
    found = at_stack(Docker(params["docker_socket"]), wanted)
    return {
        "engine_answers": True,
        "compose": compose,
        "has_network": bool(found.networks),
        "differences": differences(wanted, found),
        "replaced": replaced(wanted, found),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/srv/jupyterhub/compose.yml"},
            "compose": {"type": "str", "required": True},
            "project": {"type": "str", "default": "jupyterhub"},
            "images": {"type": "dict", "required": True},
            "network": {"type": "str", "default": "jupyterhub"},
            **SOCKET_OPTION,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **look(module))
    except (DockerError, OSError) as error:
        if module.check_mode:
            module.exit_json(changed=False, engine_answers=False, differences=["there is no engine"])
        module.fail_json(msg=f"No Docker engine answers: {error}. Mend: ./run.sh server brings one up.")


if __name__ == "__main__":
    main()
