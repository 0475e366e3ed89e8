# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A repository that is not the vendor's own, or a bundle instead, for modules that plan what apt takes from there."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the options of `_apt_look.SOURCE_OPTIONS`."""

    DOCUMENTATION = r"""
options:
  repository_url:
    description:
      - Address of the repository, if it is not NVIDIA's own; for the container toolkit, up to the directory of the
        architecture.
    type: str
    default: ''
  repository_key:
    description: Address of the key that signs it, if it is not the one that lies beside NVIDIA's.
    type: str
    default: ''
  repository_key_content:
    description: The key itself; without it, the key has to be fetched.
    type: str
  from_bundle:
    description: Whether packages come from a bundle, so that apt gets no source.
    type: bool
    default: false
"""
