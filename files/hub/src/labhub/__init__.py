# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the lab adds to JupyterHub: a spawner, an authenticator, an accounts API and two tools.

Nothing heavy is imported here: ``labhub.homes`` starts for every first spawn, and must start fast.
"""

from labhub.secrets import secret

__all__ = ["secret"]
