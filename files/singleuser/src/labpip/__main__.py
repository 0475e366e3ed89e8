# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""``python -I -m labpip``: what ``pip`` and ``python -m pip`` of /opt/lab run."""

import sys

from labpip.cli import main

sys.exit(main(sys.argv[1:]))
