# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Times as Docker and the hub write them, read by every Python that a server has. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone


def instant(text: str) -> datetime:
    """Read a time in ISO 8601, such as C(2026-11-22T21:53:38.123456789Z); without a zone it is in UTC.

    Before Python 3.11, `fromisoformat` takes no Z, and of a second's fraction only three digits or six.

    :raises ValueError: if it is none.
    """
    micro = re.sub(r"\.(\d{1,6})\d*", lambda found: f".{found[1]:0<6}", text)
    read = datetime.fromisoformat(re.sub(r"Z$", "+00:00", micro))
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)
