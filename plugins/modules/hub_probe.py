#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_probe
short_description: Prove a JupyterHub lab by doing what a user does
version_added: 0.1.0
description:
  - Looks at the lab as M(gpulab.jupyterhub.hub_info) does; an error ends it there.
  - Then walks through the lab's public door as a user of its own, with a browser's cookies. It signs in, starts a
    server, runs code in a kernel over the websocket, looks for home, mounts and shared packages, and cleans up.
  - Walks in a short-lived container of the hub's image, so that the server needs nothing but the engine.
  - Leaves the lab as it was, so it never reports a change.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.lab_door
  - gpulab.jupyterhub.lab_places
  - gpulab.jupyterhub.docker_socket
options:
  user:
    description: Name of the probe's user. Names that begin with C(lab-) are reserved, so nobody can have it.
    type: str
    default: lab-probe
  token_uid:
    description: Number of the user that may read the token, which has to make accounts too.
    type: int
    default: 9000
  shared_packages:
    description:
      - What to expect of the shared packages, C(/opt/packages), in the user's server.
      - V(open) is a directory that users write to and import from, V(curated) one that they only read, V(off) none.
    type: str
    choices: [open, curated, "off"]
    default: open
  mounts:
    description: Other mounts to look for in the user's server, as PATH:ro or PATH:rw. C({username}) is the probe.
    type: list
    elements: str
    default: []
  walk_timeout:
    description: Longest time for each slow step of the walk, such as the start of the server, in seconds.
    type: int
    default: 180
attributes:
  check_mode:
    description: Can run in C(check_mode); the walk is left out, as it starts a server.
    support: partial
    details: Looks at the lab, and says that the walk was left out.
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
    details: It changes nothing.
"""

EXAMPLES = r"""
- name: Prove the lab
  gpulab.jupyterhub.hub_probe:
    url: http://127.0.0.1:8000
    mounts:
      - /home/{username}/shared:rw
"""

RETURN = r"""
steps:
  description: What was done, in order, with the time that each took in seconds.
  returned: when the walk began
  type: list
  elements: dict
  sample: [{name: "log in", ok: true, seconds: 0.2}]
drained:
  description: Whether the lab is drained, so that the walk was left out.
  returned: always
  type: bool
problems:
  description:
    - What is wrong, the worst first, as C(code), C(severity), C(subject), C(evidence) and C(remedy).
    - What the look has found, and at most one problem of the walk.
  returned: always
  type: list
  elements: dict
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _hub_look as look
from ..module_utils._docker_cli import SOCKET_OPTION, Docker
from ..module_utils._hub_diagnosis import diagnose
from ..module_utils._hub_gather import PLACES_SPEC, gather
from ..module_utils._hub_walk import Walk, remove_home
from ..module_utils._problems import Problem, as_dicts, at_least, render


def examine(module: AnsibleModule, docker: Docker) -> list[Problem]:
    """Look at the lab; returns what is wrong, and ends the module where that is an error."""
    token, token_facts = look.at_token(module.params["token_file"])
    if token:
        # Whatever a server or a log may echo, Ansible blanks it.
        module.no_log_values.add(token)
    problems = diagnose(gather(module.params, docker, token, token_facts))
    errors = at_least("error", problems)
    if errors:
        module.fail_json(msg=f"The lab is not well.\n\n{render(errors)}", problems=as_dicts(problems))
    return problems


def is_drained(problems: list[Problem]) -> bool:
    """Tell whether nobody's server starts, as somebody wants it."""
    return any(problem.code == "hub-drained" for problem in problems)


def left_out(problems: list[Problem], why: str) -> dict[str, Any]:
    """Return the result of a look that no walk followed."""
    return {"problems": as_dicts(problems), "msg": why, "drained": is_drained(problems)}


def prove(module: AnsibleModule, docker: Docker) -> dict[str, Any]:
    """Look at the lab while the walk gets ready, then walk; returns the module's result."""
    walk = Walk(docker, module.params)
    try:
        problems = examine(module, docker)
        if is_drained(problems):
            return left_out(problems, "The walk was left out, as the lab is drained: ./run.sh undrain.")
        report = walk.take()
    finally:
        walk.leave()
        remove_home(Path(module.params["data_root"]) / "home", module.params["user"])
    met = [Problem(**report["problem"])] if report.get("problem") else []
    result = {"steps": report["steps"], "problems": as_dicts(problems + met), "drained": False}
    if not report["ok"]:
        module.fail_json(msg=render(met), **result)
    for problem in met:
        module.warn(render([problem]))
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **PLACES_SPEC,
            **SOCKET_OPTION,
            "user": {"type": "str", "default": "lab-probe"},
            "token_uid": {"type": "int", "default": 9000, "no_log": False},
            "shared_packages": {"type": "str", "default": "open", "choices": ["open", "curated", "off"]},
            "mounts": {"type": "list", "elements": "str", "default": []},
            "walk_timeout": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    docker = Docker(module.params["docker_socket"])
    if module.check_mode:
        problems = examine(module, docker)
        said = "The walk was left out in check mode, as it starts a server."
        module.exit_json(changed=False, **left_out(problems, said))
    module.exit_json(changed=False, **prove(module, docker))


if __name__ == "__main__":
    main()
