#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""How a JupyterHub lab is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_info
short_description: Tell how a JupyterHub lab is, and what mends what is wrong
version_added: 0.1.0
description:
  - Asks the hub, through the lab's public door, and the Docker engine, and compares what they know.
  - Returns versions, users, their servers with their containers, the proxy's routes, and C(problems), each with
    evidence and a remedy.
  - Runs on the lab's server, as root or as a user who may read the token and use the engine.
  - A lab in which something is broken is an answer, not a failure, unless O(fail_on) says so.
  - Changes nothing, so it never reports a change. No secret is in what it returns.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.docker_socket
  - gpulab.jupyterhub.lab_door
  - gpulab.jupyterhub.lab_places
options:
  fail_on:
    description: Fail when there is a problem of this severity, or a worse one.
    type: str
    choices: [never, error, warning]
    default: never
seealso:
  - module: gpulab.jupyterhub.preflight
  - module: gpulab.jupyterhub.hub_probe
"""

EXAMPLES = r"""
- name: Ask how the lab is
  gpulab.jupyterhub.hub_info:
  become: true
  register: lab

- name: Tell who works there
  ansible.builtin.debug:
    msg: "{{ lab.servers | map(attribute='user') | unique }}"

- name: Stop the play unless the lab is well
  gpulab.jupyterhub.hub_info:
    url: http://127.0.0.1:8080
    token_file: /data/lab/secrets/ansible_token
    data_root: /data/lab
    fail_on: error
  become: true
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
    subject: {description: "The container, user, file or address that it is about.", type: str, returned: always}
    evidence: {description: "What was seen, such as the end of a log.", type: str, returned: always}
    remedy: {description: What mends it., type: str, returned: always}
  sample:
    - code: user-image-missing
      severity: error
      subject: image jupyter-custom-gpu:latest
      evidence: "it is not on this server, so no user's server can start (pull access denied for jupyter-custom-gpu):
        it was never built or loaded here."
      remedy: ./run.sh
versions:
  description: Versions; empty strings for what did not tell.
  returned: always
  type: dict
  contains:
    jupyterhub: {description: Version of the hub., type: str, returned: always}
    python: {description: Python of the hub., type: str, returned: always}
    spawner: {description: "Class of the spawner, and its version if it has one.", type: str, returned: always}
    authenticator: {description: "Class of the authenticator, likewise.", type: str, returned: always}
    engine: {description: Version of the Docker engine., type: str, returned: always}
    images: {description: Image of each service of the stack and of the users., type: dict, returned: always}
routes:
  description: Where the proxy leads to, by path.
  returned: always
  type: dict
  sample: {/: "http://jupyterhub:8081", /user/alice/: "http://172.18.0.4:8888"}
users:
  description: Users that the hub knows.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str, returned: always}
    admin: {description: Whether they administer the hub., type: bool, returned: always}
    groups: {description: Their groups., type: list, elements: str, returned: always}
    servers:
      description: Names of their servers that run or start; the default one's is empty.
      type: list
      elements: str
      returned: always
    created: {description: When the hub first knew them., type: str, returned: always}
    last_activity: {description: When they were last seen., type: str, returned: when they were}
servers:
  description: Servers that run or start, as the hub sees it.
  returned: always
  type: list
  elements: dict
  contains:
    user: {description: Whose it is., type: str, returned: always}
    name: {description: Its name; the default one's is empty., type: str, returned: always}
    ready: {description: Whether it can be used., type: bool, returned: always}
    pending: {description: "V(spawn) or V(stop) while that is under way.", type: str, returned: while it is}
    started: {description: Since when., type: str, returned: always}
    last_activity: {description: When it was last used., type: str, returned: always}
    url: {description: Its path below the door., type: str, returned: always}
    container_name: {description: Name of its container., type: str, returned: always}
    container: {description: "Its container, like those in RV(containers).", type: dict, returned: when it exists}
containers:
  description: Containers of the stack and of the users.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str, returned: always}
    id: {description: The first 12 digits of its number., type: str, returned: always}
    image: {description: Its image., type: str, returned: always}
    service: {description: Its service in the Compose project; empty for a user's., type: str, returned: always}
    user: {description: Whose it is; empty for the stack's., type: str, returned: always}
    state: {description: "Docker's word, such as V(running) or V(exited).", type: str, returned: always}
    health:
      description: V(healthy), V(unhealthy) or V(starting); empty without a health check.
      type: str
      returned: always
    exit_code: {description: How it ended., type: int, returned: always}
    out_of_memory: {description: Whether it was ended for lack of memory., type: bool, returned: always}
    restarts: {description: How often Docker started it again., type: int, returned: always}
    started: {description: When it was last started., type: str, returned: always}
failures:
  description:
    - Servers that did not start, or died while they ran, in the last O(failed_hours) hours, the newest first.
    - The hub keeps the last 5 of each user, 200 in all; a user's container is gone by then.
  returned: always
  type: list
  elements: dict
  contains:
    user: {description: Whose it was., type: str, returned: always}
    server: {description: Its name; the default one's is empty., type: str, returned: always}
    when: {description: "When it was found, ISO 8601 in UTC.", type: str, returned: always}
    stage: {description: "V(start) if it did not start, V(run) if it died.", type: str, returned: always}
    cause:
      description: "One word for why, such as V(memory), V(killed), V(dot-file), V(disk), V(timeout) or V(unknown)."
      type: str
      returned: always
    text: {description: Why., type: str, returned: always}
    detail: {description: "What else is known, such as Docker's own words; may be empty.", type: str, returned: always}
    exit_code: {description: How the container ended; none when it never ran., type: int, returned: always}
    log: {description: "The end of its log, without secrets; may be empty.", type: str, returned: always}
    mended: {description: When it started again; empty if it has not., type: str, returned: always}
disks:
  description: The data root's file system and Docker's, once if they are the same.
  returned: always
  type: list
  elements: dict
  sample: [{path: /srv/jupyterhub, free_gb: 72.1, total_gb: 251.0}]
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _hub_look as look
from ..module_utils._docker_cli import SOCKET_OPTION, Docker
from ..module_utils._hub_diagnosis import diagnose
from ..module_utils._hub_gather import PLACES_SPEC, gather
from ..module_utils._problems import as_dicts, at_least, render

_USER_KEYS = ("name", "admin", "groups", "created", "last_activity")
_CONTAINER_KEYS = (
    *("name", "id", "image", "service", "user", "state", "health"),
    *("exit_code", "out_of_memory", "restarts", "started"),
)


def results(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return of the facts what is of use in a play."""
    containers = [*facts["stack"].values(), *facts["user_containers"]]
    return {
        "versions": versions(facts),
        "routes": {route["routespec"]: route["target"] for route in facts["routes"] or []},
        "users": [
            {**{key: user.get(key) for key in _USER_KEYS}, "servers": list(user["servers"])}
            for user in facts["users"] or []
        ],
        "servers": [{**server, "container": _container(server["container"])} for server in facts["servers"]],
        "containers": [_container(container) for container in containers],
        "failures": facts["failures"],
        "disks": facts["disks"],
    }


def versions(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the versions of everything that told its own."""
    hub = facts["hub"]
    images = {service: container["image"] for service, container in facts["stack"].items()}
    return {
        "jupyterhub": hub.get("version") or facts["door"]["version"],
        "python": hub.get("python", "").partition(" ")[0],
        **{kind: _class(hub.get(kind, {})) for kind in ("spawner", "authenticator")},
        "engine": facts["engine"]["version"],
        "images": {**images, "user": facts["user_image"]["name"] if facts["user_image"]["present"] else ""},
    }


def _class(part: Mapping[str, str]) -> str:
    """Name a class with its version, if it has one of its own."""
    version = part.get("version", "unknown")
    return part.get("class", "") + (f" {version}" if version != "unknown" else "")


def _container(container: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return container and {key: container[key] for key in _CONTAINER_KEYS}


def main() -> None:
    """Look, judge, tell."""
    module = AnsibleModule(
        argument_spec={
            **PLACES_SPEC,
            "fail_on": {"type": "str", "choices": ["never", "error", "warning"], "default": "never"},
            **SOCKET_OPTION,
        },
        supports_check_mode=True,
    )
    token, token_facts = look.at_token(module.params["token_file"])
    if token:
        # Whatever a server or a log may echo, Ansible blanks it.
        module.no_log_values.add(token)
    facts = gather(module.params, Docker(module.params["docker_socket"]), token, token_facts)
    problems = diagnose(facts)
    result = {**results(facts), "problems": as_dicts(problems), "healthy": not at_least("error", problems)}
    fail_on = module.params["fail_on"]
    if fail_on != "never" and at_least(fail_on, problems):
        module.fail_json(msg=f"The lab is not well.\n\n{render(at_least(fail_on, problems))}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
