#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""One look at a server's Docker engine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine_info
short_description: One look at a server's Docker engine
version_added: 0.1.0
description:
  - Finds out what Docker engine a server has, how it runs and is configured, whether it suffices for a lab, and
    what the role C(docker_engine) has to do about it.
  - The role decides by this one look, so that a converge of a server that is as it should be executes nothing else.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.looks_only
  - gpulab.jupyterhub.docker_daemon_settings
options:
  existing:
    description:
      - What to plan for an engine that is there and was not installed by the role.
      - V(use) leaves it as it is, V(manage) takes it over.
    type: str
    choices: [use, manage]
    default: use
  service_manager:
    description: What starts the engine; V(auto) finds out.
    type: str
    choices: [auto, systemd, none]
    default: auto
  packages:
    description: Names of the packages that the engine and its tools come in.
    type: list
    elements: str
    default: []
  versioned_packages:
    description: Those of O(packages) that O(version) is about.
    type: list
    elements: str
    default: []
  conflicting_packages:
    description: Names of packages that cannot be installed together with O(packages).
    type: list
    elements: str
    default: []
  other_source:
    description: The value of C(docker_engine_source) that goes with O(conflicting_packages); for messages.
    type: str
    default: docker_ce
  version:
    description: The version to keep the engine at, as precise as wanted; empty for any.
    type: str
    default: ''
  version_epoch:
    description: What the packages put before their versions, with its colon.
    type: str
    default: ''
  codename:
    description: Code name of the server's release, for O(files).
    type: str
    default: ''
  files:
    description: Files of apt, root's and readable by all.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path on the server.
        type: path
        required: true
      content:
        description:
          - The whole content. Of an empty one, the file shall not be; without one, whatever it holds will do.
          - C({apt_mirror}) in it stands for the address that the server takes its release O(codename) from.
        type: str
"""

EXAMPLES = r"""
- name: Look at the engine
  gpulab.jupyterhub.docker_engine_info:
    packages: [docker.io, docker-cli, docker-compose, docker-buildx]
  register: result

- name: Show what it lacks
  ansible.builtin.debug:
    var: result.shortcomings
"""

RETURN = r"""
sufficient:
  description: Whether the engine runs and suffices for a lab.
  returned: always
  type: bool
shortcomings:
  description: What it lacks, in words.
  returned: always
  type: list
  elements: str
problems:
  description: What stands in the way (severity V(error)) or should be known (V(warning)), the worst first.
  returned: always
  type: list
  elements: dict
  contains:
    code: {description: Name of the kind of problem., type: str, returned: always}
    severity: {description: V(error) or V(warning)., type: str, returned: always}
    subject: {description: The setting or file., type: str, returned: always}
    evidence: {description: What was found., type: str, returned: always}
    remedy: {description: What mends it., type: str, returned: always}
  sample:
    - code: newer-than-pinned
      severity: error
      subject: docker_engine_version
      evidence: docker.io 26.1.5+dfsg1-9 is installed, newer than the wanted 25.
      remedy: Raise or empty `docker_engine_version`.
refusal:
  description: The problems of severity V(error), written for a person; empty if nothing stands in the way.
  returned: always
  type: str
to_bundle:
  description: What a bundle for servers of this release shall have, in apt's words.
  returned: always
  type: list
  elements: str
plan:
  description: What a converge has to do.
  returned: always
  type: dict
  contains:
    idle: {description: Nothing., type: bool, returned: always}
    hands_off: {description: The engine is used as it is., type: bool, returned: always}
    claim: {description: Record that the engine is the role's., type: bool, returned: always}
    repair_dpkg: {description: Finish what an interrupted dpkg left., type: bool, returned: always}
    files:
      description: Those of O(files) to write, fetch, remove or give another owner or mode, with what they shall hold.
      type: list
      elements: dict
      returned: always
    packages: {description: "Packages to install, as apt names them.", type: list, elements: str, returned: always}
    options: {description: "Merge daemon.json, or record what the engine has read of it.", type: bool, returned: always}
    start: {description: Start the engine., type: bool, returned: always}
    enable: {description: Have it start with the server., type: bool, returned: always}
engine:
  description: The facts.
  returned: always
  type: dict
  contains:
    service_manager: {description: V(systemd) or V(none)., type: str, returned: always}
    managed: {description: Whether the role installed it or took it over., type: bool, returned: always}
    running: {description: Whether it answers., type: bool, returned: always}
    enabled: {description: Whether it starts with the server., type: bool, returned: always}
    client_state:
      description: How C(docker info) went, V(ok), V(missing), V(denied), V(down), V(hung) or V(failed).
      type: str
      returned: always
    docker: {description: Path of the command C(docker); empty if there is none., type: str, returned: always}
    dockerd: {description: Path of its program; empty if there is none., type: str, returned: always}
    dockerd_version: {description: Version of that program., type: str, returned: always}
    server_version: {description: Version of the running engine., type: str, returned: always}
    client_version: {description: Version of the command C(docker)., type: str, returned: always}
    compose_version: {description: Version of its Compose plugin., type: str, returned: always}
    buildx_version: {description: Version of its buildx plugin., type: str, returned: always}
    cdi: {description: Whether the running engine has CDI on., type: bool, returned: always}
    live_restore: {description: Whether the running engine has live-restore on., type: bool, returned: always}
    swarm: {description: Whether it is part of a swarm., type: bool, returned: always}
    root_dir: {description: Where it keeps its data., type: str, returned: always}
    pid: {description: "Its process, or 0.", type: int, returned: always}
    socket_gid: {description: Group of its socket., type: int, returned: when the socket exists}
    containers_running: {description: How many containers run., type: int, returned: always}
    user_servers:
      description: Names of the lab users' containers that run.
      type: list
      elements: str
      returned: always
    architecture: {description: "The processor's, as Debian calls it.", type: str, returned: always}
    packages: {description: Versions of the installed ones of the packages asked for., type: dict, returned: always}
    dpkg_interrupted: {description: Whether dpkg was cut off., type: bool, returned: always}
    daemon_file: {description: Path of the file of its options., type: str, returned: always}
    daemon_options: {description: What is in it., type: dict, returned: always}
    our_options: {description: What of that the role wrote., type: dict, returned: always}
    engine_recorded: {description: Whether it is on record what the engine has read., type: bool, returned: always}
    options_pending:
      description: What the engine needs to take over its options, V(reload) or V(restart); empty for nothing.
      type: str
      returned: always
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _apt_look as packages
from ..module_utils import _docker_apt as apt
from ..module_utils import _docker_engine as engine
from ..module_utils import _docker_look as look
from ..module_utils import _docker_problems as judge
from ..module_utils._platform import architecture
from ..module_utils._problems import as_dicts

ARGUMENT_SPEC = {
    "existing": {"type": "str", "choices": ["use", "manage"], "default": "use"},
    "service_manager": {"type": "str", "choices": ["auto", "systemd", "none"], "default": "auto"},
    "packages": {"type": "list", "elements": "str", "default": []},
    "versioned_packages": {"type": "list", "elements": "str", "default": []},
    "conflicting_packages": {"type": "list", "elements": "str", "default": []},
    "other_source": {"type": "str", "default": "docker_ce"},
    "version": {"type": "str", "default": ""},
    "version_epoch": {"type": "str", "default": ""},
    "codename": {"type": "str", "default": ""},
    "files": packages.FILES_OPTION,
    "settings": {"type": "dict", "default": {}, "apply_defaults": True, "options": look.SETTINGS_SPEC},
}


def service(module, wanted: str) -> dict[str, object]:
    """Find the service manager, and whether it starts the engine with the server."""
    manager = wanted
    if manager == "auto":
        manager = "systemd" if Path("/run/systemd/system").is_dir() else "none"
    # Without a manager nothing starts with the server, so there is nothing that could be put right.
    enabled = manager == "none" or module.run_command(["systemctl", "is-enabled", "docker.service"])[0] == 0
    return {"service_manager": manager, "enabled": enabled}


def main() -> None:
    """Look, judge, plan."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wishes = module.params
    wishes["wants_cdi"] = wishes["settings"]["cdi"]
    wishes["wants_live_restore"] = wishes["settings"]["live_restore"]
    files, mirror_found = apt.filled_in(wishes["files"], wishes["codename"])
    found = look.at_engine(module)
    found |= {
        **look.at_options(found, wishes["settings"]),
        **service(module, wishes["service_manager"]),
        "packages": packages.known(module, wishes["packages"] + wishes["conflicting_packages"])[0],
        "dpkg_interrupted": packages.interrupted(),
        "files_drifted": packages.drifted(files, look.OWNER),
        "mirror_found": mirror_found,
        "architecture": architecture(),
    }
    todo = engine.plan(found, wishes)
    problems = judge.problems(found, wishes)
    for problem in problems:
        if problem.severity == "warning":
            module.warn(f"{problem.subject}: {problem.evidence} {problem.remedy}")
    shortcomings = engine.shortcomings(found)
    module.exit_json(
        changed=False,
        engine=found,
        plan={**todo._asdict(), "idle": todo.idle},
        to_bundle=engine.packages_to_install({"packages": {}}, wishes),
        problems=as_dicts(problems),
        refusal=judge.refusal(problems),
        shortcomings=shortcomings,
        sufficient=found["running"] and not shortcomings,
    )


if __name__ == "__main__":
    main()
