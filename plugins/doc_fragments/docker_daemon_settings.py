# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The engine options that the role docker_engine has settings for."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the option C(settings)."""

    DOCUMENTATION = r"""
options:
  settings:
    description:
      - What the daemon's options shall be, in terms of the role C(docker_engine); each is described there.
      - An empty string, list or dictionary asks for nothing.
    type: dict
    default: {}
    suboptions:
      live_restore:
        description: Whether containers keep running while the engine is down.
        type: bool
        default: true
      cdi:
        description: Whether the engine hands out devices by the Container Device Interface.
        type: bool
        default: true
      log_max_size:
        description: Size at which a container's log is rotated, as in C(10m).
        type: str
        default: ''
      log_max_file:
        description: How many rotated logs are kept for each container.
        type: int
        default: 3
      address_pools:
        description: Where the engine takes the subnets of new networks from.
        type: list
        elements: dict
        default: []
        suboptions:
          base:
            description: The range, in CIDR notation.
            type: str
            required: true
          size:
            description: Prefix length of the subnets cut from it.
            type: int
            required: true
      registry_mirrors:
        description: Addresses of mirrors of Docker Hub.
        type: list
        elements: str
        default: []
      http_proxy:
        description: Proxy for HTTP.
        type: str
        default: ''
      https_proxy:
        description: Proxy for HTTPS.
        type: str
        default: ''
      no_proxy:
        description: Hosts reached without a proxy, separated by commas.
        type: str
        default: ''
      data_root:
        description: Directory of images, containers and volumes.
        type: path
        default: ''
      build_cache_size:
        description: What the cache of image builds may grow to before its oldest parts go, as in C(20GB).
        type: str
        default: ''
      daemon_options:
        description: Further options of daemon.json, as its reference names them.
        type: dict
        default: {}
      dependent_daemon_options:
        description: The same from other roles, a dictionary of options for each publisher's name.
        type: dict
        default: {}
"""
