# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Where a lab is, and by which door and token a module comes in."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the options."""

    DOCUMENTATION = r"""
options:
  url:
    description: The lab's door, as seen from the server, without C(/hub).
    type: str
    default: http://127.0.0.1:8000
  token_file:
    description: File on the server with an API token that may list users, servers and routes.
    type: path
    default: /srv/jupyterhub/secrets/ansible_token
  data_root:
    description: Directory that holds the lab; for the commands in remedies, and to see how full its disk is.
    type: path
    default: /srv/jupyterhub
  compose_project:
    description: Compose project of the lab, with the services C(proxy) and C(jupyterhub).
    type: str
    default: jupyterhub
"""
