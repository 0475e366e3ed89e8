"""Run by every Python here as it starts: a user's own virtual environment keeps to its own packages.

A sitecustomize.py in the shared folder comes before this one, for PYTHONPATH comes before everything.
"""

import os
import sys

_SHARED = "/opt/packages"
if sys.prefix not in (sys.base_prefix, "/opt/lab"):
    sys.path[:] = [path for path in sys.path if path != _SHARED]
    if os.environ.get("PIP_TARGET") == _SHARED:
        del os.environ["PIP_TARGET"]
    if "PYTHONPATH" in os.environ:
        _kept = [path for path in os.environ["PYTHONPATH"].split(os.pathsep) if path not in ("", _SHARED)]
        os.environ["PYTHONPATH"] = os.pathsep.join(_kept)
