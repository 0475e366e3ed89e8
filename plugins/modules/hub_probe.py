#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_probe
short_description: Prove a JupyterHub lab by doing what a user does
version_added: 0.1.0
description:
  - Walks through the lab's public door as a user of its own, with a browser's cookies. It signs in, starts a server,
    runs code in a kernel over the websocket, looks for home, mounts and shared packages, stops, and cleans up.
  - Runs in a short-lived container of the hub's image, so that the server needs nothing but the engine.
  - Leaves the lab as it was, so it never reports a change. In check mode it does nothing.
author: The gpulab.jupyterhub contributors (@gpulab)
options:
  project:
    description: Compose project of the lab. The probe runs in the image of the hub that runs in it.
    type: str
    default: jupyterhub
  url:
    description: The lab's door, as seen from the server.
    type: str
    default: http://127.0.0.1:8000
  user:
    description: Name of the probe's user. Names that begin with C(lab-) are reserved, so nobody can have it.
    type: str
    default: lab-probe
  token_file:
    description: File on the server with an API token that may make accounts.
    type: path
    default: /srv/jupyterhub/secrets/ansible_token
  token_uid:
    description: Number of the user that may read the token.
    type: int
    default: 9000
  home_root:
    description: Directory of users' homes on the server; the probe's is removed afterwards.
    type: path
    default: /srv/jupyterhub/home
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
  timeout:
    description: Longest time for the whole walk, in seconds.
    type: int
    default: 180
attributes:
  check_mode:
    description: Can run in C(check_mode); the walk is left out, as it starts a server.
    support: partial
    details: Says that it was left out.
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
problems:
  description: What went wrong, at most one, as C(code), C(severity), C(subject), C(evidence) and C(remedy).
  returned: always
  type: list
  elements: dict
"""

import json
import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._problems import Problem, render

_MOUNTED = "/run/lab-secrets/ansible_token"
_PACKAGES = {"open": ["/opt/packages:rw"], "curated": ["/opt/packages:ro"], "off": []}


def find_hub(project: str) -> list[str]:
    """Return the command that prints the image of the running hub, or nothing."""
    labels = (f"project={project}", "service=jupyterhub")
    filters = [word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")]
    return ["docker", "ps", *filters, "--format", "{{.Image}}"]


def command(params: dict, image: str) -> list[str]:
    """Return the command that walks through the lab in a container of its own.

    It shares the server's network, since a user's browser comes in by the published port too.
    """
    uid = params["token_uid"]
    arguments = [
        *("docker", "run", "--rm", "--network=host", f"--user={uid}:{uid}", "--cap-drop=ALL", "--read-only"),
        f"--volume={params['token_file']}:{_MOUNTED}:ro",
        *("--label=org.gpulab.jupyterhub=probe", "--entrypoint=python", image, "-m", "labhub.probe"),
        *("--url", params["url"], "--user", params["user"], "--token-file", _MOUNTED),
        *("--timeout", str(params["timeout"])),
    ]
    arguments += ["--shared-packages", params["shared_packages"]]
    for mount in _PACKAGES[params["shared_packages"]] + params["mounts"]:
        arguments += ["--expect-mount", mount.replace("{username}", params["user"])]
    return arguments


def read(code: int, output: str, errors: str) -> dict:
    """Return what the probe printed, or, when it could not even begin, a report that says so."""
    try:
        return json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return not_run((errors or output).strip() or f"docker run ended with {code}")


def not_run(evidence: str) -> dict:
    """Return the report of a walk that could not begin."""
    problem = {
        "code": "probe-not-run",
        "severity": "error",
        "subject": "the probe's container",
        "evidence": evidence,
        "remedy": "Run ./run.sh site, which brings up the engine, the images and the hub.",
    }
    return {"ok": False, "steps": [], "problem": problem}


def walk(module: AnsibleModule) -> dict:
    """Walk through the lab and return the report."""
    code, image, errors = module.run_command(find_hub(module.params["project"]))
    if code or not image.strip():
        return not_run(errors.strip() or f"no hub runs in the Compose project {module.params['project']}")
    return read(*module.run_command(command(module.params, image.strip())))


def remove_home(home_root: Path, user: str) -> None:
    """Remove the probe's home; never a person's, whose name cannot begin with C(lab-)."""
    if user.startswith("lab-") and "/" not in user:
        shutil.rmtree(home_root / user, ignore_errors=True)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "project": {"type": "str", "default": "jupyterhub"},
            "url": {"type": "str", "default": "http://127.0.0.1:8000"},
            "user": {"type": "str", "default": "lab-probe"},
            "token_file": {
                "type": "path",
                "default": "/srv/jupyterhub/secrets/ansible_token",
                "no_log": False,
            },
            "token_uid": {"type": "int", "default": 9000, "no_log": False},
            "home_root": {"type": "path", "default": "/srv/jupyterhub/home"},
            "shared_packages": {"type": "str", "default": "open", "choices": ["open", "curated", "off"]},
            "mounts": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, problems=[], msg="Left out in check mode, as it starts a server.")
    try:
        report = walk(module)
    finally:
        remove_home(Path(module.params["home_root"]), module.params["user"])
    problems = [Problem(**report["problem"])] if report.get("problem") else []
    if not report["ok"]:
        module.fail_json(
            msg=render(problems), steps=report["steps"], problems=[problem.as_dict() for problem in problems]
        )
    for problem in problems:
        module.warn(render([problem]))
    module.exit_json(changed=False, steps=report["steps"], problems=[problem.as_dict() for problem in problems])


if __name__ == "__main__":
    main()
