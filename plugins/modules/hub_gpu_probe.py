#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_gpu_probe
short_description: Prove that a JupyterHub lab gives its users' servers GPUs
version_added: 0.1.0
description:
  - Signs in at the lab's public door as a user of its own, and starts a server without a GPU, then one with all.
  - Looks into both as M(gpulab.jupyterhub.container_gpu_info) does. The first may see no GPU; the second has to see all
    that there are, and to compute on each where it has PyTorch.
  - Has systemd read its units again, where GPUs come by CDI, and sees whether they are still seen after that.
  - A card whose memory others have filled is only warned of.
  - Fails for a GPU that is missing, or seen too much. Leaves the lab as it was, so it never reports a change.
  - The lab has to give GPUs to somebody, C(hub_config_gpu_access); only then its probe may ask for them.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.lab_door
  - gpulab.jupyterhub.docker_socket
options:
  token_uid:
    description: Number of the user that may read the token.
    type: int
    default: 9000
  walk_timeout:
    description: Longest time for each slow step, such as the start of a server, in seconds.
    type: int
    default: 180
attributes:
  check_mode:
    description: Can run in C(check_mode), and does nothing then, as it starts servers.
    support: partial
    details: Says that it was left out.
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
    details: It changes nothing.
seealso:
  - module: gpulab.jupyterhub.hub_probe
  - module: gpulab.jupyterhub.container_gpu_info
"""

EXAMPLES = r"""
- name: Prove that servers get GPUs
  gpulab.jupyterhub.hub_gpu_probe:
    url: http://127.0.0.1:8000
  become: true
"""

RETURN = r"""
steps:
  description: What was done, in order, with the time that each took in seconds.
  returned: when the walk began
  type: list
  elements: dict
  sample: [{name: start_with_all, ok: true, seconds: 1.4}]
uuids:
  description: UUIDs of the GPUs that the server with all of them has seen.
  returned: always
  type: list
  elements: str
problems:
  description:
    - What is wrong, the worst first. One of a GPU is as M(gpulab.jupyterhub.gpu_info) has them, one of the walk as
      M(gpulab.jupyterhub.hub_probe) has it.
  returned: always
  type: list
  elements: dict
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _gpu_container as inside
from ..module_utils import _gpu_container_look as look
from ..module_utils._docker_cli import SOCKET_OPTION, Docker
from ..module_utils._gpu_diagnosis import code_of
from ..module_utils._gpu_problems import Seen, fault
from ..module_utils._hub_walk import Walk, remove_home
from ..module_utils._problems import Problem, as_dicts, at_least, render

# The reserved account that the walk makes, and its container.
_USER = "lab-probe"
_CONTAINER = f"jupyter-{_USER}"
_SYSTEMD = Path("/run/systemd/system")
# A card on which others compute to its limits is well.
_FULL = "out of memory"

ARGUMENT_SPEC: dict[str, Any] = {
    "url": {"type": "str", "default": "http://127.0.0.1:8000"},
    "token_file": {"type": "path", "default": "/srv/jupyterhub/secrets/ansible_token", "no_log": False},
    "token_uid": {"type": "int", "default": 9000, "no_log": False},
    "data_root": {"type": "path", "default": "/srv/jupyterhub"},
    "compose_project": {"type": "str", "default": "jupyterhub"},
    "walk_timeout": {"type": "int", "default": 180},
    **SOCKET_OPTION,
}
# What the walk about GPUs does not ask for.
_NOT_ASKED = {"user": _USER, "shared_packages": "off", "mounts": []}


class Proof:
    """What was seen in the servers of one walk.

    :param host: what the server's own NVML tells.
    """

    def __init__(self, module: AnsibleModule, docker: Docker, host: dict[str, Any]) -> None:
        self._module, self._docker, self._host = module, docker, host
        self.problems: list[Problem] = []
        self.uuids: list[str] = []

    def look(self, what: str) -> None:
        """Look into the server that runs; *what* is `none`, or `all` for one that should see all GPUs."""
        gpus = [] if what == "none" else inside.uuids(self._host)
        facts, problems = self._seen(gpus)
        # What came by the legacy hook is lost then: users' servers are not to pay for the proof of it.
        if facts["injection"] == "cdi" and not problems and _SYSTEMD.is_dir():
            self._module.run_command(["systemctl", "daemon-reload"], check_rc=True)
            facts, problems = self._seen(gpus)
        self.uuids = inside.uuids(facts["probe"])
        self.problems += [_mild(problem) if _FULL in problem.evidence else problem for problem in problems]

    def _seen(self, gpus: list[str]) -> tuple[dict[str, Any], list[Problem]]:
        timeout = self._module.params["walk_timeout"]
        wishes = {"container": _CONTAINER, "image": None, "gpus": gpus, "compute": True, "timeout": timeout}
        facts = look.look_at({**wishes, "injection": "cdi"}, self._docker, self._host)
        return facts, [*inside.diagnose(facts)]


def _mild(problem: Problem) -> Problem:
    return replace(problem, severity="warning")


def silent(host: dict[str, Any]) -> list[Problem]:
    """Say that the server's own NVML tells of no GPU, if so: then no container can have one."""
    nvml = host["nvml"]
    if nvml["code"] == 0 and nvml["gpus"]:
        return []
    code = code_of(nvml["code"], nvml["text"], "") if nvml["code"] else "no_devices"
    text = f"the server's own NVML tells of no GPU: {nvml['text'] or 'it does not answer'}."
    return [fault(code or "driver_not_loaded", "NVIDIA driver", text, Seen("nvmlInit_v2", nvml["code"]))]


def prove(module: AnsibleModule, docker: Docker) -> dict[str, Any]:
    """Walk, and look; returns the module's result."""
    host = look.at_host()
    if problems := silent(host):
        return {"steps": [], "uuids": [], "problems": problems}
    proof, walk = Proof(module, docker, host), Walk(docker, {**module.params, **_NOT_ASKED}, "--gpus")
    try:
        report = walk.take_and_look(proof.look)
    finally:
        walk.leave()
        remove_home(Path(module.params["data_root"]) / "home", _USER)
    met = [Problem(**report["problem"])] if report["problem"] else []
    return {"steps": report["steps"], "uuids": proof.uuids, "problems": proof.problems + met}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(
            changed=False, uuids=[], problems=[], msg="It was left out in check mode, as it starts servers."
        )
    result = prove(module, Docker(module.params["docker_socket"]))
    problems: list[Problem] = result["problems"]
    result["problems"] = as_dicts(problems)
    if errors := at_least("error", problems):
        module.fail_json(msg=f"Users' servers do not get GPUs as they should.\n\n{render(errors)}", **result)
    if problems:
        module.warn(render(problems))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
