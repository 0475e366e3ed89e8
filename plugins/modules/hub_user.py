#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_user
short_description: Keep accounts of a JupyterHub lab as a roster has them
version_added: 0.1.0
description:
  - Makes, changes and removes accounts on the running hub, through its API; nothing is restarted.
  - Looks at the hub once for the whole roster, has the hub itself check what it would refuse, and changes nothing if
    any row is wrong. Every wrong row is told, with its number and its user.
  - Who is not in the roster is left alone.
  - Works on the lab's server, as root. What changes is done with an admin's key that the hub's container hands out to
    root for the length of the run, so that no token that can make admins lies in a file.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.docker_socket
options:
  users:
    description: The roster. What a row does not name stays as it is.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the user. Lower-case letters, digits and single hyphens, at most 32 characters.
        type: str
        required: true
      state:
        description:
          - V(present) has the user, with an account to log in by.
          - V(absent) stops the user's servers, and removes user and account.
        type: str
        choices: [present, absent]
        default: present
      password:
        description:
          - The account's password. Without it, a new account gets a generated one, kept in
            C(<data_root>/secrets/users/<name>), and one that exists keeps what it has.
        type: str
      update_password:
        description:
          - With V(always), O(users[].password) is set again when the user has changed it.
            The hub needs about a quarter of a second to compare each.
          - With V(on_create), it is set for a new account only.
        type: str
        choices: [always, on_create]
        default: always
      authorized:
        description: Whether the user may log in. A new account may, unless this is V(false).
        type: bool
      admin:
        description: Whether the user is an admin of the hub.
        type: bool
      groups:
        description: The user's groups, all of them. Groups that do not exist are made. V([]) is none.
        type: list
        elements: str
      email:
        description: E-mail address; an empty one removes it.
        type: str
      second_factor:
        description: V(reset) takes the second factor away, so that the password alone lets the user in.
        type: str
        choices: [keep, reset]
        default: keep
      home:
        description:
          - What becomes of the home of a user with O(users[].state=absent). Without it, the home is kept.
          - V(remove) removes it. The user's number (uid) is never given to another.
        type: str
        choices: [keep, remove]
  admin_name:
    description: The lab's administrator, whom the roster can neither remove, lock out nor make less than an admin.
    type: str
    default: admin
  url:
    description: The lab's door, as seen from the server.
    type: str
    default: http://127.0.0.1:8000
  data_root:
    description: Directory on the server that holds everything of the lab.
    type: path
    default: /srv/jupyterhub
  project:
    description: Compose project of the lab.
    type: str
    default: jupyterhub
  timeout:
    description: Longest wait for one reply of the hub, in seconds.
    type: int
    default: 30
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed, but never a password.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Keep the accounts of a course
  gpulab.jupyterhub.hub_user:
    users:
      - name: alice
        admin: true
      - name: bob
        groups: [vision]
        email: bob@example.org
      - name: carol
        password: "{{ vault_carols_first_password }}"
        update_password: on_create
      - name: dave
        state: absent
  become: true

- name: Remove a user and the home
  gpulab.jupyterhub.hub_user:
    users:
      - {name: erin, state: absent, home: remove}
  become: true
"""

RETURN = r"""
users:
  description: Users for whom something was, or in check mode would be, changed.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The user.
      type: str
    changed:
      description: What differed.
      type: list
      elements: str
    generated:
      description: Whether a password was, or would be, generated; it is in C(<data_root>/secrets/users/<name>).
      type: bool
  sample:
    - {name: bob, changed: [account, authorized, groups, password], generated: true}
stopped:
  description: Users who were removed while a server of theirs ran, which was, or in check mode would be, stopped.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _hub_look
from ..module_utils._docker_cli import SOCKET_OPTION, Docker
from ..module_utils._hub_api import HubApi, Refused, Unreachable
from ..module_utils._hub_roster import Look, Step, plan, refusals, told, waiting
from ..module_utils._hub_roster_act import STOP_SECONDS, Disk, Hand, NoKeyError, StepError, get_key, look_at
from ..module_utils._roster_rules import faults

_ROW = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "password": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "always", "no_log": False},
    "authorized": {"type": "bool"},
    "admin": {"type": "bool"},
    "groups": {"type": "list", "elements": "str"},
    "email": {"type": "str"},
    "second_factor": {"type": "str", "choices": ["keep", "reset"], "default": "keep"},
    "home": {"type": "str", "choices": ["keep", "remove"]},
}
# Seconds that a key is good for: some for the run, some for each row, whose password the hub has to hash, and some for
# each home that is removed, of which nobody knows how large it is.
_KEY_SECONDS = 60
_KEY_SECONDS_EACH = 3
_KEY_SECONDS_HOME = 60
# What a hub that has ever run leaves below the data root.
_OF_A_HUB = ("state/hub-read.json", "state/jupyterhub.sqlite")
_MEND = "./run.sh verify names what is wrong with the hub; ./run.sh puts it right."


def refuse(module: AnsibleModule, lines: list[str]) -> None:
    """End the module with every wrong row, if there is one."""
    if lines:
        heading = f"The roster has {len(lines)} fault{'s' * (len(lines) > 1)}; nothing was changed."
        module.fail_json(msg="\n".join([heading, *(f"- {line}" for line in lines)]), faults=lines)


def see(module: AnsibleModule, disk: Disk) -> tuple[Look, bool]:
    """Look at hub and disk; a hub that is not there yet is, in check mode, one without users.

    :returns: what is there, and whether the hub is.
    """
    params = module.params
    names = [row["name"] for row in params["users"]]
    token, _facts = _hub_look.at_token(f"{params['data_root']}/secrets/ansible_token")
    module.no_log_values.update({token} - {""})
    try:
        return look_at(HubApi(params["url"], token, params["timeout"]), disk, names), True
    except (Unreachable, Refused) as fault:
        deed = "tell of its users" if isinstance(fault, Refused) else "answer"
        why = f"The hub does not {deed}: {fault}."
    if not module.check_mode:
        module.fail_json(msg=f"{why} {_MEND}")
    if any(Path(params["data_root"], name).exists() for name in _OF_A_HUB):
        # Whoever is in the roster may well be known to it: a run puts the hub right first, and looks then.
        module.warn(f"{why} What of the roster differs can be told when it does; a run puts the hub right first.")
        module.exit_json(**told([]))
    module.warn("No hub that knows rosters runs here yet, so this tells what would be made on a new one.")
    return look_at(None, disk, names), False


def key_seconds(steps: list[Step]) -> int:
    """Return how long a key has to be good for, so that it outlasts the last of the steps."""
    slow = sum(STOP_SECONDS * bool(step.servers) + _KEY_SECONDS_HOME * ("home" in step.before) for step in steps)
    return _KEY_SECONDS + _KEY_SECONDS_EACH * len(steps) + slow


def make_hand(module: AnsibleModule, disk: Disk, drawn: dict[str, str], steps: list[Step]) -> Hand:
    """Get the key, and a hand that has it; the disk can be put right without one."""
    params = module.params
    docker = Docker(params["docker_socket"])
    try:
        key = get_key(docker, params["project"], params["admin_name"], key_seconds(steps))
    except NoKeyError as fault:
        module.fail_json(msg=f"The hub gives root no key to change accounts with: {fault}. {_MEND}")
    module.no_log_values.add(key)
    return Hand(HubApi(params["url"], key, params["timeout"]), disk, drawn)


def settle(module: AnsibleModule, hand: Hand, steps: list[Step]) -> list[Step]:
    """Have the hub check every account, before the first one is touched; return the steps that are left to take."""
    refused = []
    for step in steps:
        try:
            refusal = hand.settle(step) if step.ask else None
        except (Refused, Unreachable) as fault:
            module.fail_json(msg=f"{step.label}: {fault}. Nothing was changed. {_MEND}")
        if refusal:
            refused.append(f"{step.label}: {refusal}")
    refuse(module, refused)
    return [step for step in steps if step.needed]


def run(module: AnsibleModule) -> None:
    """Check the rows, look, plan, have the plan checked, then act."""
    params = module.params
    refuse(module, faults(params["users"], params["admin_name"]))
    disk = Disk(params["data_root"])
    look, hub_is_there = see(module, disk)
    for name in waiting(params["users"], look):
        module.warn(
            f"{name} has an account that is not authorized, and the roster leaves it so; authorized: true lets in."
        )
    steps = plan(params["users"], look)
    refuse(module, refusals(steps, look) + disk.in_the_way(steps))
    drawn = disk.draw_passwords(steps)
    module.no_log_values.update(drawn.values())
    asks = any(step.ask for step in steps)
    if hub_is_there and (asks or (steps and not module.check_mode)):
        hand = make_hand(module, disk, drawn, steps)
        steps = settle(module, hand, steps)
        if not module.check_mode:
            act(module, hand, steps)
    verb = "would be" if module.check_mode else "was"
    for name in told(steps)["stopped"]:
        module.warn(f"The server of {name} {verb} stopped, for {name} is removed.")
    module.exit_json(**told(steps))


def act(module: AnsibleModule, hand: Hand, steps: list[Step]) -> None:
    """Take the steps, in the roster's order; stop at one that cannot be taken, and say how far it came."""
    for number, step in enumerate(steps):
        try:
            hand.take(step)
        except (StepError, Unreachable) as fault:
            left = f"{number} of {len(steps)} users were put right before; run it again to go on."
            module.fail_json(msg=f"{step.label}: {fault}. {left}", **told(steps[:number]) | {"changed": True})


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "users": {"type": "list", "elements": "dict", "required": True, "options": _ROW},
            "admin_name": {"type": "str", "default": "admin"},
            "url": {"type": "str", "default": "http://127.0.0.1:8000"},
            "data_root": {"type": "path", "default": "/srv/jupyterhub"},
            "project": {"type": "str", "default": "jupyterhub"},
            "timeout": {"type": "int", "default": 30},
            **SOCKET_OPTION,
        },
        supports_check_mode=True,
    )
    try:
        run(module)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}.")


if __name__ == "__main__":
    main()
