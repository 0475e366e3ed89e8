"""`import pip` in the lab's Python finds the lab's pip, whatever pip lies in the folder that all users share."""

import importlib.machinery
import os
import sys

_HERE = os.path.dirname(__file__)  # noqa: PTH120 - every Python that starts pays for what is imported here


class _LabPip:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.PathFinder.find_spec(name, [_HERE]) if name == "pip" else None


sys.meta_path.insert(0, _LabPip)
