# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The filter C(door_url): the address of the lab's door, from a host and a port."""

from __future__ import annotations

DOCUMENTATION = r"""
name: door_url
short_description: The web address of a host and a port
version_added: 0.1.0
description:
  - Returns C(http://HOST:PORT), with brackets round an IPv6 address.
options:
  _input:
    description: Name or IP address of the host.
    type: str
    required: true
  port:
    description: TCP port.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show an address
  ansible.builtin.debug:
    msg: "{{ 'fd00::1' | gpulab.jupyterhub.door_url(8000) }}"  # http://[fd00::1]:8000
"""

RETURN = r"""
_value:
  description: The address.
  type: str
"""


def door_url(host: str, port: int) -> str:
    """Return the address of *port* on *host*; only IPv6 addresses have colons of their own."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class FilterModule:
    """Offer the filter to Jinja."""

    def filters(self) -> dict[str, object]:
        """Return the filters by name."""
        return {"door_url": door_url}
