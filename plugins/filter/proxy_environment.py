# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The filter C(proxy_environment): the environment variables that send programs through a site's proxies."""

from __future__ import annotations

DOCUMENTATION = r"""
name: proxy_environment
short_description: Environment variables for a site's proxies
version_added: 0.1.0
description:
  - Returns C(HTTP_PROXY), C(HTTPS_PROXY) and C(NO_PROXY) in capitals and in small letters, as some programs read
    only the one and some only the other. Empty when there is no proxy.
options:
  _input:
    description: The proxy for plain HTTP, or an empty string.
    type: str
    required: true
  https:
    description: The proxy for HTTPS, or an empty string.
    type: str
    default: ""
  direct:
    description: Hosts that are reached without a proxy; empty strings among them do not count.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the variables
  ansible.builtin.debug:
    msg: "{{ 'http://proxy:3128' | gpulab.jupyterhub.proxy_environment('http://proxy:3128', ['localhost']) }}"
"""

RETURN = r"""
_value:
  description: The variables by name.
  type: dict
"""


def proxy_environment(http: str, https: str = "", direct: list[str] | None = None) -> dict[str, str]:
    """Return the proxy variables for an environment, or nothing where there is no proxy."""
    if not http and not https:
        return {}
    variables = {"HTTP_PROXY": http, "HTTPS_PROXY": https, "NO_PROXY": ",".join(filter(None, direct or []))}
    set_ones = {name: value for name, value in variables.items() if value}
    return set_ones | {name.lower(): value for name, value in set_ones.items()}


class FilterModule:
    """Offer the filter to Jinja."""

    def filters(self) -> dict[str, object]:
        """Return the filters by name."""
        return {"proxy_environment": proxy_environment}
