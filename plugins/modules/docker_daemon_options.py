#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Merges the options of the Docker engine into its daemon.json."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon_options
short_description: Merge the options of the Docker engine into its daemon.json
version_added: 0.1.0
description:
  - Merges three things - what is in F(/etc/docker/daemon.json), what this module wrote there last time, and what is
    wanted now. What somebody wrote by hand stays, unless a setting wants another value for the very same option;
    then the setting wins, the difference is shown, and a copy of the old file is kept beside it.
  - An option that this module wrote and that is wanted no longer is taken out.
  - What it wrote is recorded in F(/etc/docker/gpulab.jupyterhub.json), which dockerd does not read.
  - C(dockerd --validate) accepts the new file before it replaces the old one, in one step.
  - Both files are root's, and nobody else may write them, nor read a password of a proxy in them. A mode that lets
    others do less stays.
  - It does not touch the running engine; RV(effect) tells what that needs.
  - It refuses, before anything changes, an option that two settings want to have different values, a malformed
    daemon.json, and a change that would stop the servers of a lab's users.
author: The gpulab.jupyterhub contributors (@gpulab)
extends_documentation_fragment:
  - gpulab.jupyterhub.docker_daemon_settings
attributes:
  check_mode:
    description: Everything but the writing is done; without an installed engine, nothing can validate the options.
    support: full
  diff_mode:
    description: Shows daemon.json with the passwords of proxies hidden.
    support: full
options:
  state:
    description:
      - V(present) merges.
      - V(claimed) only records that the engine is this collection's to manage, before its packages are installed, so
        that an interrupted installation is recognised by the next run.
      - V(loaded) only records that the running engine has taken over what daemon.json holds.
    type: str
    choices: [present, claimed, loaded]
    default: present
"""

EXAMPLES = r"""
- name: Merge the options
  gpulab.jupyterhub.docker_daemon_options:
    settings:
      live_restore: true
      log_max_size: 10m
      dependent_daemon_options:
        nvidia_container_toolkit:
          default-runtime: runc
  register: result

- name: Restart the engine
  ansible.builtin.systemd_service:
    name: docker
    state: restarted
  when: result.effect == 'restart'
"""

RETURN = r"""
effect:
  description:
    - What the running engine needs to take over its options, V(reload) or V(restart); empty for nothing.
    - Later runs return it again until the engine has got it.
  returned: always
  type: str
changed_options:
  description: Names of the top-level options that changed.
  returned: when state is V(present)
  type: list
  elements: str
options_written:
  description: Whether a new daemon.json is in place.
  returned: when state is V(present)
  type: bool
options:
  description: What daemon.json holds now.
  returned: when state is V(present)
  type: dict
backup_file:
  description: Path of the copy of the old daemon.json; empty if there was none.
  returned: when state is V(present)
  type: str
"""

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _docker_engine as engine
from ..module_utils import _docker_look as look
from ..module_utils import _docker_options as options
from ..module_utils import _docker_process as process
from ..module_utils import _docker_record as record
from ..module_utils._file_tree import Step, differences

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "claimed", "loaded"], "default": "present"},
    "settings": {"type": "dict", "default": {}, "apply_defaults": True, "options": look.SETTINGS_SPEC},
}

PRIVATE = 0o600


def validate(module, text: str, found: dict) -> None:
    """Have dockerd itself accept a daemon.json, together with the flags that the running engine has.

    In check mode an engine too old for a lab is the one that would have been replaced by now.
    """
    replaced = module.check_mode and engine.version(found["dockerd_version"]) < engine.MINIMUM["engine"]
    if not found["dockerd"] or replaced:
        return
    with tempfile.NamedTemporaryFile("w", dir=module.tmpdir, suffix=".json") as draft:
        draft.write(text)
        draft.flush()
        command = [found["dockerd"], *process.flags(found["pid"]), "--validate", f"--config-file={draft.name}"]
        status, _output, error = module.run_command(command)
        said = error.strip().replace(draft.name, look.DAEMON_FILE)
    if status:
        module.fail_json(
            msg=f"dockerd refuses the options that are to go into {look.DAEMON_FILE}: {options.mask(said)}. Mend "
            "`docker_engine_daemon_options`, or what is written in that file by hand. Nothing was changed."
        )


def protect_users(module, loaded_now: dict, merged: dict, found: dict) -> None:
    """Refuse a restart that would end the servers of users.

    They outlive one only if the engine has live-restore on before and after it: it stops them as it goes down
    without, and as it comes up without.
    """
    ending = sorted(options.changed_options(loaded_now, merged) & options.ENDS_CONTAINERS)
    if not found["live_restore"] or not merged.get("live-restore"):
        ending.append("no live-restore")
    if found["user_servers"] and ending:
        module.fail_json(
            msg="The engine must restart to take over its options, and that would stop the servers of users "
            f"({', '.join(found['user_servers'])}), because of: {', '.join(ending)}. Have them saved and stopped, "
            "and run this again. Nothing was changed."
        )


def write(module, path: str, text: str, mode: int) -> None:
    """Put a file in place in one step; one that exists keeps its mode if nothing secret is in it."""
    Path(path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    keep = Path(path).exists() and mode != PRIVATE
    with tempfile.NamedTemporaryFile("w", dir=module.tmpdir, delete=False) as draft:
        draft.write(text)
    module.atomic_move(draft.name, path)
    if not keep:
        Path(path).chmod(mode)


def put(module, text: str, after: str, ours: record.Record | None, ours_now: record.Record) -> str:
    """Write what changed; return the path of the copy of the old daemon.json, or ''.

    The record goes first: cut off between the two, the next run still knows whose the options are.
    """
    if ours_now != ours:
        write(module, record.RECORD_FILE, ours_now.text(), PRIVATE)
    if after == text:
        return ""
    backup = module.backup_local(look.DAEMON_FILE)
    write(module, look.DAEMON_FILE, after, 0o644 if options.mask(after) == after else PRIVATE)
    return backup


def close(faces: list[Step]) -> None:
    """Give files their owner and mode."""
    for step in faces:
        os.chown(step.entry.path, step.entry.uid, step.entry.gid)
        step.entry.path.chmod(step.entry.mode)


def claim(module) -> dict:
    """Record that the engine is ours, unless that is on record."""
    missing = record.load(record.RECORD_FILE) is None
    if missing and not module.check_mode:
        write(module, record.RECORD_FILE, record.NOTHING.text(), PRIVATE)
    return {"changed": missing, "effect": ""}


def loaded(module) -> dict:
    """Record what the running engine works with; bookkeeping, so never a change."""
    ours = record.load(record.RECORD_FILE) or record.NOTHING
    identity = process.identity(process.running_pid(process.PIDFILE))
    now = ours._replace(loaded=options.parse(look.read(look.DAEMON_FILE), look.DAEMON_FILE), engine=identity)
    if now != ours and not module.check_mode:
        write(module, record.RECORD_FILE, now.text(), PRIVATE)
    return {"changed": False, "effect": ""}


def present(module) -> dict:
    """Merge, protect, validate, write."""
    found = look.at_engine(module)
    text, ours = look.read(look.DAEMON_FILE), record.load(record.RECORD_FILE)
    last = ours or record.NOTHING
    current = options.parse(text, look.DAEMON_FILE)
    wanted = options.combine(options.layers(module.params["settings"]))
    merged = options.merge(current, last.options, wanted)
    changed = options.changed_options(current, merged.options)
    after = options.render(merged.options) if changed else text
    faces = look.strange_faces(after)
    loaded_now = last.loaded_by(found["identity"], current)
    effect = look.pending(found, ours, current, merged.options)
    ours_now = ours
    if changed or not ours or ours.options != merged.ours:
        ours_now = record.Record(merged.ours, loaded_now, found["identity"])
    if effect == "restart":
        protect_users(module, loaded_now, merged.options, found)
    if changed:
        validate(module, after, found)
    backup = "" if module.check_mode else put(module, text, after, ours, ours_now)
    if not module.check_mode:
        close(faces)
    return {
        "changed": bool(changed or faces) or not ours,
        "effect": effect,
        "changed_options": sorted(changed),
        "options_written": bool(changed) and not module.check_mode,
        "options": merged.options,
        "backup_file": backup,
        "diff": [
            {
                "before_header": look.DAEMON_FILE,
                "after_header": look.DAEMON_FILE,
                "before": options.mask(text),
                "after": options.mask(after),
            },
            *differences(faces),
        ],
    }


def main() -> None:
    """Do what `state` says."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        result = {"present": present, "claimed": claim, "loaded": loaded}[module.params["state"]](module)
    except options.OptionsError as error:
        module.fail_json(msg=f"{error}. Mend that, and run this again. Nothing was changed.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
