# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The filter C(apt_mend): what mends an installation that apt refused, from its words."""

from __future__ import annotations

import re

DOCUMENTATION = r"""
name: apt_mend
short_description: What mends an installation that apt refused
version_added: 0.1.0
description:
  - Returns the words with which apt or Ansible's module for it failed, followed by what mends that.
options:
  _input:
    description: The message of the failed task.
    type: str
    required: true
  role:
    description: The role whose packages they were; its setting C(<role>_apt_lock_timeout) is named.
    type: str
    default: docker_engine
"""

EXAMPLES = r"""
- name: Say why nothing was installed
  ansible.builtin.fail:
    msg: "{{ ansible_failed_result.msg | gpulab.jupyterhub.apt_mend }}"
"""

RETURN = r"""
_value:
  description: The message and its mend.
  type: str
"""

# First match wins.
_MENDS = (
    (
        r"(?i)could not get lock|unable to acquire the dpkg frontend lock|failed to lock apt|unable to lock",
        "Another program is installing packages, often unattended-upgrades (`systemctl status apt-daily-upgrade`). "
        "Wait until it has ended, or let the run wait longer, {role}_apt_lock_timeout (in seconds).",
    ),
    (
        r"dpkg was interrupted|dpkg --configure -a",
        "An earlier installation was interrupted: `dpkg --configure -a` on the server finishes it.",
    ),
    (
        r"(?i)no space left|don't have enough free space",
        "The server's disk is full: `df -h / /var` shows which; `apt-get clean` makes some room.",
    ),
    (
        r"(?i)temporary failure resolving|could not resolve|name or service not known",
        "The server finds no address for the name of what its packages come from: see `resolvectl status` or "
        "/etc/resolv.conf, then `getent hosts NAME`. Where a proxy is to find it, set lab_http_proxy and "
        "lab_https_proxy.",
    ),
    (
        r"(?i)is not valid yet|not yet valid|is expired|has expired",
        "The server's clock and what its packages come from are at odds: `date -u` there tells; "
        "`timedatectl set-ntp true` sets it. If the clock is right, the mirror is old.",
    ),
    (
        r"(?i)failed to fetch|unable to connect|failed to update apt",
        "The server does not reach what its packages come from; `apt-get update` there tells more. Look at its "
        "network, at /etc/apt/sources.list.d, and at lab_http_proxy and lab_https_proxy.",
    ),
)


# What the packages of a role are called in a sentence.
_NAMES = {
    "docker_engine": "The engine's packages",
    "nvidia_driver": "The driver's packages",
    "nvidia_container_toolkit": "The container toolkit's packages",
}


def apt_mend(message: str, role: str = "docker_engine") -> str:
    """Return *message*, and what mends it if that can be told.

    :param role: the role whose packages they were.
    """
    mend = next(
        (words for pattern, words in _MENDS if re.search(pattern, message)), "`apt-get` on the server tells more."
    )
    why = f"{_NAMES[role]} could not be installed: {message.strip()}"
    return f"{why}\nMend: {mend.replace('{role}', role)} Then run the same command again."


class FilterModule:
    """Offer the filter to Jinja."""

    def filters(self) -> dict[str, object]:
        """Return the filters by name."""
        return {"apt_mend": apt_mend}
