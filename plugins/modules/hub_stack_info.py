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
  - It sees what Compose overlooks as well - a paused container, limits and a restart policy changed with
    C(docker update), a network that a container was taken off or put on, a mounted directory that was moved or removed
    and made anew, and a service that has read another file than the one that is there now.
  - Changes nothing, so it never reports a change. In check mode, an engine that does not run is no failure.
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
  services:
    description: The services as O(compose) has them, by name. No other service shall be there.
    type: dict
    required: true
  reads:
    description: SHA-256 of each file that a service reads when it starts, by service and path on the server.
    type: dict
    default: {}
  records:
    description:
      - File on the server in which a service says what it has read, by service.
      - Such a file holds JSON, SHA-256 by file name.
    type: dict
    default: {}
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
    services: "{{ (lookup('ansible.builtin.template', 'compose.yml.j2') | from_yaml).services }}"
  become: true
  register: stack

- name: Bring up what is not as it shall be
  community.docker.docker_compose_v2:
    project_src: /srv/jupyterhub
  become: true
  when: stack.differences | length > 0
"""

RETURN = r"""
was_there:
  description: Whether O(path) is there, so that a stack has been brought up here before.
  returned: when no engine answers
  type: bool
engine_answers:
  description: Whether an engine answers. The module fails when none does, but in check mode when none runs either.
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
  sample: ["the service proxy has no container"]
replaced:
  description: Services that run, and whose container a converge would replace.
  returned: when an engine answers
  type: list
  elements: str
  sample: ["proxy"]
services:
  description: Those of the differences for which a container starts anew, in the order in which that happens.
  returned: when an engine answers
  type: list
  elements: str
  sample: ["the container of proxy is paused"]
overlooked:
  description: Services that Compose has to be told to make anew, for it sees no difference.
  returned: when an engine answers
  type: list
  elements: str
  sample: ["proxy"]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._docker_cli import SOCKET_OPTION, Docker, DockerError
from ..module_utils._hub_stack import Wanted, at_stack, differences

# What a check can say of a server on which no engine runs.
_NONE_YET = "No engine runs here yet, so the whole stack would be new."
_STOPPED = "The engine does not run, so what of the services differs can be told when it does."


def look(module: AnsibleModule) -> dict:
    """Compare what is there with what is wanted.

    :raises DockerError: no engine answers.
    :raises OSError: the engine has no socket.
    """
    params = module.params
    compose = params["compose"].replace("{socket_gid}", str(Path(params["docker_socket"]).stat().st_gid))
    rest = [params[name] for name in ("project", "services", "network", "reads", "records")]
    wanted = Wanted(Path(params["path"]), compose, *rest)
    found = at_stack(Docker(params["docker_socket"]), wanted)
    differing = differences(wanted, found)
    return {
        "engine_answers": True,
        "compose": compose,
        "has_network": bool(found.networks),
        "differences": differing.all,
        "replaced": differing.replaced,
        "services": differing.services,
        "overlooked": differing.overlooked,
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/srv/jupyterhub/compose.yml"},
            "compose": {"type": "str", "required": True},
            "project": {"type": "str", "default": "jupyterhub"},
            "services": {"type": "dict", "required": True},
            "reads": {"type": "dict", "default": {}},
            "records": {"type": "dict", "default": {}},
            "network": {"type": "str", "default": "jupyterhub"},
            **SOCKET_OPTION,
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **look(module))
    except (DockerError, OSError) as error:
        if module.check_mode and (isinstance(error, OSError) or error.no_engine):
            there = Path(module.params["path"]).exists()
            words = _STOPPED if there else _NONE_YET
            module.exit_json(changed=False, engine_answers=False, was_there=there, differences=[words])
        module.fail_json(msg=f"No Docker engine answers: {error}. Mend: ./run.sh server brings one up.")


if __name__ == "__main__":
    main()
