#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the doctor has found, on one page; the action of the same name does it."""

DOCUMENTATION = r"""
module: doctor_report
short_description: Tell on one page what lab_doctor has found on all servers
version_added: 0.1.0
description:
  - Prints one page of 80 columns for all hosts of the play; what is wrong, since when, and what to type.
  - Fails when a server has a problem of severity V(error), or could not be examined; the play's exit code tells it.
  - Writes on the machine that runs Ansible only, and there only the files that are asked for.
  - An action plugin; it needs no connection to a host. Run it once, with C(run_once).
author: The gpulab.jupyterhub contributors (@gpulab)
options:
  examined:
    description: Name of the variable in which M(gpulab.jupyterhub.lab_doctor) was registered on each host.
    type: str
    required: true
  json:
    description: File on the machine that runs Ansible for the same as JSON. Replaced if it is there.
    type: path
  bundle:
    description: Directory on the machine that runs Ansible for the support bundle, a tar.gz with the servers' evidence.
    type: path
attributes:
  check_mode:
    description: Can run in C(check_mode); it prints the page and writes no file.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode.
    support: none
    details: It changes nothing on a server.
seealso:
  - module: gpulab.jupyterhub.lab_doctor
"""

EXAMPLES = r"""
- name: Tell what was found
  gpulab.jupyterhub.doctor_report:
    examined: found
    json: /tmp/lab.json
  run_once: true
"""

RETURN = r"""
healthy:
  description: Whether every server was examined and has no problem of severity V(error).
  returned: always
  type: bool
"""
