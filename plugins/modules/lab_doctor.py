#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Everything that can be wrong with a lab's server, looked at once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_doctor
short_description: Examine a lab's server, from the engine to users' servers
version_added: 0.1.0
description:
  - Looks at the engine, the images, the stack, the hub, the proxy, the database, certificates, disks, memory, the
    clock, name service, GPUs, and the users' servers that failed lately.
  - Returns what is wrong, since when, and what mends it; and, for a support bundle, logs and settings from which
    secrets, environments and passwords have been taken out on the server itself.
  - A server on which nothing works, or nothing is installed, is an answer, not a failure. An engine that hangs is
    waited for once.
  - Changes nothing, so it never reports a change. It runs one command that only looks in the hub's container.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.docker_socket
  - gpulab.jupyterhub.lab_door
  - gpulab.jupyterhub.lab_places
  - gpulab.jupyterhub.asked_at
options:
  network:
    description: Docker network of the hub, the proxy and the users' servers.
    type: str
    default: jupyterhub
  hub_uid:
    description: User number that the hub runs as.
    type: int
    default: 9000
  evidence:
    description: Return RV(evidence) too.
    type: bool
    default: false
seealso:
  - module: gpulab.jupyterhub.hub_info
  - module: gpulab.jupyterhub.doctor_report
"""

EXAMPLES = r"""
- name: Examine the server
  gpulab.jupyterhub.lab_doctor:
    asked_at: "{{ now().timestamp() }}"
  become: true
  register: examined

- name: Tell the codes of what is wrong
  ansible.builtin.debug:
    msg: "{{ examined.problems | map(attribute='code') }}"
"""

RETURN = r"""
healthy:
  description: Whether there is no problem of severity V(error).
  returned: always
  type: bool
problems:
  description: What is wrong, the worst first.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: Name of the kind of problem., type: str, returned: always}
    severity: {description: "V(error), V(warning) or V(info).", type: str, returned: always}
    subject: {description: "The container, user, file or setting that it is about.", type: str, returned: always}
    evidence: {description: "What was seen, such as the end of a log.", type: str, returned: always}
    remedy: {description: What mends it., type: str, returned: always}
    layer: {description: What of RV(checks) it belongs to., type: str, returned: always}
    since: {description: "When it began, as C(2026-11-24 21:03 UTC); may be empty.", type: str, returned: always}
    since_seconds: {description: "The same in seconds since 1970; 0 if nothing tells.", type: float, returned: always}
  sample:
    - code: hub-down
      severity: error
      subject: container jupyterhub-jupyterhub-1
      evidence: it ended with exit code 0.
      remedy: docker compose -f /srv/jupyterhub/compose.yml up -d jupyterhub
      layer: hub
      since: 2026-11-24 21:03 UTC
      since_seconds: 1795554180
checks:
  description: How each layer is, from the ground up.
  returned: always
  type: list
  elements: dict
  contains:
    layer: {description: Name., type: str, returned: always}
    state:
      description: V(ok), V(info), V(warning), V(error), or V(unknown) where something was in the way of looking.
      type: str
      returned: always
    words: {description: "What was seen, codes of problems, or why it is unknown.", type: str, returned: always}
evidence:
  description: Texts for a support bundle by file name, without secrets.
  returned: when O(evidence=true)
  type: dict
  sample: {compose.yml: "name: jupyterhub"}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _doctor_examine as examine
from ..module_utils._docker_cli import SOCKET_OPTION, Docker, Impatient, command
from ..module_utils._doctor_evidence import collect
from ..module_utils._doctor_layers import layer_of, rows, without_effects
from ..module_utils._doctor_page import stamp
from ..module_utils._doctor_scrub import read_secrets, scrub_all
from ..module_utils._doctor_since import since
from ..module_utils._hub_gather import PLACES_SPEC
from ..module_utils._preflight import ASKED_AT_OPTION
from ..module_utils._problems import Problem, as_dicts, at_least

# What cannot be recognised cannot be taken out: without the secrets themselves, no text leaves the server.
_NO_EVIDENCE = {"nothing.txt": "The lab's secrets could not be read, so no text could be cleared of them."}


def with_times(problems: list[Problem], facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return problems as the page shows them: the worst first, each with its layer, and since when."""
    began = {(problem.code, problem.subject): since(problem, facts) for problem in problems}
    return [
        {
            **problem,
            "layer": layer_of(problem["code"]),
            "since": stamp(began[problem["code"], problem["subject"]]),
            "since_seconds": began[problem["code"], problem["subject"]],
        }
        for problem in as_dicts(problems)
    ]


def main() -> None:
    """Look, judge, tell."""
    module = AnsibleModule(
        argument_spec={
            **PLACES_SPEC,
            **SOCKET_OPTION,
            "network": {"type": "str", "default": "jupyterhub"},
            "hub_uid": {"type": "int", "default": 9000},
            **ASKED_AT_OPTION,
            "evidence": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    wishes = module.params
    run = Impatient(command)
    docker = Docker(wishes["docker_socket"], run)
    secrets, whole = read_secrets([str(Path(wishes["data_root"], "secrets")), wishes["token_file"]])
    facts = examine.look(wishes, docker, run)
    problems = without_effects(examine.judge(facts))
    result: dict[str, Any] = {
        "healthy": not at_least("error", problems),
        "problems": with_times(problems, facts),
        "checks": rows(problems, examine.told(facts), examine.unknown(facts)),
    }
    result = scrub_all(result, secrets)
    if wishes["evidence"]:
        result["evidence"] = collect(docker, run, facts, wishes["data_root"], secrets) if whole else _NO_EVIDENCE
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
