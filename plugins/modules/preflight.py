#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""One look at a server for what would stop a converge later."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Look at a server for what would stop a converge later
version_added: 0.1.0
description:
  - Looks once, at everything, before a play changes anything, so that what is wrong is told together and in its first
    seconds.
  - Looks at the data root, whether the lab is kept in another, free space, the port of the lab's door, Docker's
    C(daemon.json), the distribution, the processor and the clock.
  - Fails when something would stop the play; the message names each setting and what mends it.
  - Docker need not be there yet.
  - What it has seen of the distribution it leaves as facts, so that nobody has to gather them again.
  - Changes nothing, so it never reports a change.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.docker_socket
  - gpulab.jupyterhub.asked_at
options:
  data_root:
    description: Directory that holds, or will hold, everything of the lab.
    type: str
    default: /srv/jupyterhub
  min_free_gb:
    description:
      - What must be free on the data root's file system and on Docker's, in GB (1024 x 1024 x 1024 bytes).
      - V(0) asks for nothing.
    type: float
    default: 5
  bind_address:
    description: IP address that the lab's door listens on, such as V(0.0.0.0) for all of the server's.
    type: str
    required: true
  port:
    description: TCP port that the lab's door listens on.
    type: int
    default: 8000
  compose_project:
    description: Compose project of the lab. A port that it publishes is not in its way.
    type: str
    default: jupyterhub
  docker_data_root:
    description:
      - Directory that Docker keeps images and containers in.
      - When empty, what the engine says, or else its C(daemon.json), or else V(/var/lib/docker).
    type: str
    default: ''
  daemon_json:
    description: Docker's file of options.
    type: path
    default: /etc/docker/daemon.json
seealso:
  - module: gpulab.jupyterhub.hub_info
"""

EXAMPLES = r"""
- name: Look at the server before anything is changed
  gpulab.jupyterhub.preflight:
    data_root: /srv/jupyterhub
    bind_address: 0.0.0.0
    port: 8000
  become: true

- name: Tell what another place and port would meet
  gpulab.jupyterhub.preflight:
    data_root: /data/lab
    bind_address: 127.0.0.1
    port: 8080
    min_free_gb: 50
  become: true
"""

RETURN = r"""
problems:
  description: What was found, the worst first; only warnings when the module succeeds.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: Name of the kind of problem., type: str, returned: always}
    severity: {description: V(error) or V(warning)., type: str, returned: always}
    subject: {description: The setting that it is about., type: str, returned: always}
    evidence: {description: What was seen., type: str, returned: always}
    remedy: {description: What mends it., type: str, returned: always}
  sample:
    - code: port-taken
      severity: error
      subject: hub_stack_port
      evidence: port 8000 of 0.0.0.0 is taken by nginx (process 812).
      remedy: Stop what holds it (`ps -fp 812`), or set hub_stack_port to a free port.
ansible_facts:
  description:
    - Name, code name and major version of the distribution, as M(ansible.builtin.setup) has them.
    - How many NVIDIA cards the server has for itself, C(nvidia_cards).
  returned: success
  type: dict
  sample:
    nvidia_cards: 0
    ansible_distribution: Debian
    ansible_distribution_release: trixie
    ansible_distribution_major_version: "13"
docker_data_root:
  description: Where Docker keeps its things, or will.
  returned: always
  type: str
  sample: /var/lib/docker
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils import distro
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.sys_info import get_distribution, get_distribution_codename

from ..module_utils import _gpu_bus as bus
from ..module_utils import _preflight as checks
from ..module_utils import _preflight_port as door
from ..module_utils._docker_cli import SOCKET_OPTION, Docker, DockerError
from ..module_utils._problems import Problem, as_dicts, at_least, render

_LABELS = '{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.project.working_dir"}}'
_LINE = f"{{{{.Names}}}}\t{_LABELS}\t{{{{.Ports}}}}"


def engine_root(docker: Docker) -> str:
    """Return where a running engine keeps its things; '' while none answers, or none is installed."""
    try:
        return docker.info()["DockerRootDir"]
    except DockerError:
        return ""


def listed(docker: Docker) -> str:
    """Return a line for each container, those that are stopped too; nothing while no engine answers."""
    try:
        return docker.ask("ps", "--all", "--format", _LINE)
    except DockerError:
        return ""


def look(wishes: Mapping[str, Any], docker: Docker) -> tuple[str, list[Problem]]:
    """Return where Docker keeps its things, and everything that was found."""
    options, malformed = checks.daemon_json(wishes["daemon_json"])
    docker_root = wishes["docker_data_root"] or engine_root(docker) or options.get("data-root", "") or "/var/lib/docker"
    places = {"lab_data_root": wishes["data_root"], "docker_engine_data_root": docker_root}
    release, containers, project, now = Path("/etc/os-release"), listed(docker), wishes["compose_project"], time.time()
    found = [
        *checks.data_root(wishes["data_root"]),
        *checks.space(places, wishes["min_free_gb"]),
        *door.port(wishes["bind_address"], wishes["port"], project, door.parse_published(containers)),
        *checks.elsewhere(wishes["data_root"], door.parse_folders(containers, project)),
        *malformed,
        *checks.platform(
            checks.parse_os_release(release.read_text(encoding="utf-8") if release.exists() else ""),
            os.uname().machine,
        ),
        *checks.clock(now, now - (wishes["asked_at"] or now)),
    ]
    return docker_root, found


def facts() -> dict[str, Any]:
    """Return the facts that roles ask for: those of the distribution, named as `setup` names them, and a count."""
    # What every module brings along anyway: the collectors of `setup` are twice as much to send and to load.
    return {
        "nvidia_cards": len(bus.of_the_server()),
        "ansible_distribution": get_distribution(),
        "ansible_distribution_release": get_distribution_codename() or "",
        "ansible_distribution_major_version": distro.major_version(),
    }


def main() -> None:
    """Look, and fail if something would stop a converge."""
    module = AnsibleModule(
        argument_spec={
            "data_root": {"type": "str", "default": "/srv/jupyterhub"},
            "min_free_gb": {"type": "float", "default": 5},
            "bind_address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 8000},
            "compose_project": {"type": "str", "default": "jupyterhub"},
            "docker_data_root": {"type": "str", "default": ""},
            "daemon_json": {"type": "path", "default": "/etc/docker/daemon.json"},
            **checks.ASKED_AT_OPTION,
            **SOCKET_OPTION,
        },
        supports_check_mode=True,
    )
    docker_root, problems = look(module.params, Docker(module.params["docker_socket"]))
    errors = at_least("error", problems)
    result = {"problems": as_dicts(problems), "docker_data_root": docker_root}
    if errors:
        module.fail_json(msg=f"This server cannot take the lab yet; nothing was changed.\n\n{render(errors)}", **result)
    for problem in problems:
        module.warn(f"{problem.subject}: {problem.evidence} {problem.remedy}")
    module.exit_json(changed=False, ansible_facts=facts(), **result)


if __name__ == "__main__":
    main()
