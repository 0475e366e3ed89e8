# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the lab is drained, so that no server starts: what `playbooks/drain.yml` writes down, and takes back."""

import json
from pathlib import Path

MARK = Path("/srv/state/drained.json")


def reason() -> str | None:
    """Say why no server starts, '' where nobody has said why; None while servers start.

    A mark that cannot be read counts: somebody wanted the lab empty.
    """
    try:
        return str(json.loads(MARK.read_text(encoding="utf-8")).get("reason", ""))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError):
        return ""
