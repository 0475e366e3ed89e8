# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""pip for a folder of packages that all users of a lab share.

pip's own ``--target`` only ever adds to a folder: it neither sees what lies there, nor upgrades, nor uninstalls. Here,
the shared folder is an environment to pip, as a virtual environment is one: it lies before the lab's own packages, and
it alone is changed. The rest of what people ask of pip is left to pip.

This relies on a few of pip's internals; tests/singleuser/test_labpip.py tries each of them on the release of pip that
is pinned in requirements.txt.
"""

FOLDER = "/opt/packages"
"""Where the shared packages lie in a user's server."""
