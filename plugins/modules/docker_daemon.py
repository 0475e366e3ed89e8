#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the Docker engine where no service manager does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon
short_description: Run the Docker engine where no service manager does
version_added: 0.1.0
description:
  - Starts, restarts, reloads and stops C(dockerd) on a host without systemd, such as WSL or a container.
  - The engine runs in a session of its own and outlives the play. It writes its own pidfile.
  - Nothing starts it again after the host was down; the next converge does.
  - O(state=reloaded) suits hosts with systemd too, because it only sends a signal to the process.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Tells what it would do.
    support: full
  diff_mode:
    description: Shows the engine's state before and after.
    support: full
options:
  state:
    description:
      - V(started) and V(stopped) do nothing to an engine that is so already.
      - V(restarted) starts an engine that is down.
      - V(reloaded) has a running engine read its daemon.json again, and does nothing to one that is down.
    type: str
    choices: [started, restarted, reloaded, stopped]
    default: started
  arguments:
    description: Flags for C(dockerd). What can be said in daemon.json belongs there.
    type: list
    elements: str
    default: []
  socket:
    description: The Unix socket on which the engine answers.
    type: path
    default: /run/docker.sock
  pidfile:
    description: The pidfile that C(dockerd) writes.
    type: path
    default: /run/docker.pid
  log_file:
    description: Where the engine's output is appended.
    type: path
    default: /var/log/docker.log
  timeout:
    description: How long the engine may take to serve, or to end, in seconds.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Start the engine
  gpulab.jupyterhub.docker_daemon:
    state: started
"""

RETURN = r"""
pid:
  description: Process of the engine; 0 if none runs, and in check mode for one that would be started.
  returned: always
  type: int
log_file:
  description: Where its output is.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _docker_process as process

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["started", "restarted", "reloaded", "stopped"], "default": "started"},
    "arguments": {"type": "list", "elements": "str", "default": []},
    "socket": {"type": "path", "default": process.SOCKET},
    "pidfile": {"type": "path", "default": process.PIDFILE},
    "log_file": {"type": "path", "default": "/var/log/docker.log"},
    "timeout": {"type": "int", "default": 60},
}


def steps(state: str, pid: int, serving: bool) -> list[str]:
    """List what leads from an engine's process, and whether it serves, to the wanted state.

    An engine that serves without a process that we know of is somebody else's, behind a socket we share.
    """
    if state == "reloaded":
        return ["reload"] if pid else []
    if state == "stopped":
        return ["stop"] if pid else []
    if state == "restarted":
        return ["stop", "start"] if pid else ["start"]
    return [] if serving else ["start"]


def perform(module, step: str, pid: int) -> int:
    """Do one step; return the pid of the engine after it."""
    wishes = module.params
    if step == "start":
        command = [module.get_bin_path("dockerd", required=True, opt_dirs=["/usr/local/sbin"]), *wishes["arguments"]]
        return process.start(command, wishes["socket"], wishes["log_file"], wishes["timeout"])
    if step == "stop":
        process.stop(pid, wishes["timeout"])
        return 0
    process.reload(pid)
    return pid


def main() -> None:
    """Lead the engine to the wanted state."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wishes = module.params
    before = pid = process.running_pid(wishes["pidfile"])
    todo = steps(wishes["state"], pid, process.answers(wishes["socket"]))
    try:
        for step in [] if module.check_mode else todo:
            pid = perform(module, step, pid)
    except process.DaemonError as error:
        module.fail_json(msg=str(error))
    after = "down" if wishes["state"] == "stopped" else "running"
    module.exit_json(
        changed=bool(todo),
        pid=pid,
        log_file=wishes["log_file"],
        diff={
            "before": f"dockerd {'running' if before else 'down'}\n",
            "after": f"dockerd {after} ({', '.join(todo)})\n" if todo else f"dockerd {after}\n",
        },
    )


if __name__ == "__main__":
    main()
