# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What hub_stack says when not even what ran before gets well: the tasks of the role, where there is no engine."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_why_what_ran_before_does_not_get_well_is_said(tmp_path):
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'this engine says no' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "compose.yml").write_text("new\n")
    (tmp_path / "compose.yml.previous").write_text("old\n")
    role = {
        "ansible.builtin.include_role": {"name": "gpulab.jupyterhub.hub_stack", "tasks_from": "rollback.yml"},
        "vars": {"__hub_stack_before": {f"{tmp_path}/compose.yml": f"{tmp_path}/compose.yml.previous"}},
    }
    known = {
        "hub_stack_data_root": str(tmp_path),
        "hub_stack_port": 9,
        "__hub_stack_look": {"replaced": ["proxy"], "overlooked": []},
        "__hub_stack_said": "the new one is not well",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
    }
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": known, "tasks": [role]}]))
    command = [sys.executable, "-m", "ansible.cli.playbook", "-i", "localhost,", "-c", "local", play]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=120, check=False)
    said = done.stdout.partition("does not get well again either: ")[2]
    assert said.startswith("this engine says no\n"), done.stdout + done.stderr
    assert (tmp_path / "compose.yml").read_text() == "old\n"
