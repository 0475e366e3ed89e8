#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A lab without users' servers, for as long as somebody works on its server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_drain
short_description: Empty a JupyterHub lab of users' servers, and keep it empty
version_added: 0.1.0
description:
  - Drained, the hub starts no server, and says so with the reason in its user's language; then the servers that run
    are stopped in order. Homes stay, and so do accounts, the hub and the proxy.
  - The mark outlives restarts of the hub and of the server. Only this module takes it back.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.lab_door
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns the mark, and the servers that run, before and after.
    support: full
options:
  state:
    description: V(drained) empties the lab and keeps it so, V(open) lets servers start again.
    type: str
    choices: [drained, open]
    default: drained
  reason:
    description: What users read beside it, such as until when.
    type: str
    default: ''
  wait_timeout:
    description: Longest time for all servers to stop, in seconds.
    type: int
    default: 120
  ca_path:
    description: File on the server with the CA certificates to trust at an C(https) door; the server's own by default.
    type: path
  timeout:
    description: Longest wait for one reply of the hub, in seconds.
    type: int
    default: 30
seealso:
  - module: gpulab.jupyterhub.hub_info
"""

EXAMPLES = r"""
- name: Have nobody's server run while the driver is replaced
  gpulab.jupyterhub.hub_drain:
    reason: New drivers until 14:00.
  become: true

- name: Let servers start again
  gpulab.jupyterhub.hub_drain:
    state: open
  become: true
"""

RETURN = r"""
servers:
  description: Whose servers were stopped, or would be.
  returned: always
  type: list
  elements: str
since:
  description: Since when the lab is drained, ISO 8601 in UTC; empty for one that is open.
  returned: always
  type: str
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _hub_drain as drain
from ..module_utils import _hub_look as look
from ..module_utils._hub_api import HubApi, Refused, Unreachable
from ..module_utils._hub_gather import PLACES_SPEC

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["drained", "open"], "default": "drained"},
    "reason": {"type": "str", "default": ""},
    "wait_timeout": {"type": "int", "default": 120},
    **{name: PLACES_SPEC[name] for name in ("url", "ca_path", "token_file", "data_root", "compose_project")},
    "timeout": {"type": "int", "default": 30},
}


def keep(module: AnsibleModule, wanted: dict[str, str] | None) -> None:
    """Write the mark in one step, or remove it."""
    place = drain.mark(module.params["data_root"])
    if wanted is None:
        place.unlink(missing_ok=True)
        return
    draft = place.with_suffix(".new")
    draft.write_text(json.dumps(wanted), encoding="utf-8")
    # For the hub, which runs as another user, in a directory that is its own.
    draft.chmod(0o644)
    draft.replace(place)


def empty(module: AnsibleModule, api: HubApi, found: list[drain.Server]) -> None:
    """Stop the servers; ends the module where some do not."""
    left = drain.stop(api, found, module.params["wait_timeout"])
    if left:
        module.fail_json(
            msg=f"Servers did not stop in {module.params['wait_timeout']} s: {', '.join(map(str, left))}. No other "
            "starts meanwhile. Mend: docker logs jupyter-<user> tells what they do, and docker rm -f "
            "jupyter-<user> stops one; then run this again.",
            servers=[*map(str, found)],
        )


def open_hub(module: AnsibleModule) -> HubApi:
    """Return the hub's API, as the playbooks may use it."""
    token, facts = look.at_token(module.params["token_file"])
    if not token:
        module.fail_json(
            msg=f"{facts['file']} is {facts['state']}, so nobody can ask the hub. Mend: ./run.sh makes it."
        )
    module.no_log_values.add(token)
    return HubApi(module.params["url"], token, module.params["timeout"], module.params["ca_path"])


def main() -> None:
    """Look, mark, stop."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    is_drained = module.params["state"] == "drained"
    there = drain.read(module.params["data_root"])
    wanted = drain.wanted(there, module.params["reason"]) if is_drained else None
    try:
        api = open_hub(module)
        found = drain.servers(api) if is_drained else []
        if not module.check_mode:
            # Before any is stopped, so that none starts behind its back.
            if wanted != there:
                keep(module, wanted)
            empty(module, api, found)
    except (Refused, Unreachable) as fault:
        module.fail_json(msg=f"The hub does not answer as it should: {fault}. Mend: ./run.sh doctor tells why.")
    names = [*map(str, found)]
    diff = {"before": told(there, names), "after": told(wanted, [])}
    since = wanted["since"] if wanted else ""
    module.exit_json(changed=wanted != there or bool(found), servers=names, since=since, diff=diff)


def told(mark: dict[str, str] | None, names: list[str]) -> str:
    """Write how the lab is, for a diff."""
    head = f"drained since {mark['since']}: {mark['reason']}" if mark else "open"
    return "".join(f"{line}\n" for line in [head, *(f"server of {name}" for name in names)])


if __name__ == "__main__":
    main()
