# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""How cards are to be sliced, for the module that does it and for the look that plans it."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents the option of `_nvidia_mig.LAYOUT_OPTION`."""

    DOCUMENTATION = r"""
options:
  mig:
    description: How cards are to be sliced (MIG). A card that no entry names is left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      cards:
        description: UUIDs of cards, or V(all) for all that can be sliced and that no other entry names.
        type: list
        elements: str
        required: true
      slices:
        description: Profiles by their names, such as V(3g.40gb). An empty list turns MIG mode off.
        type: list
        elements: str
        required: true
"""
