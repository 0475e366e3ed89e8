# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""_times: the times of Docker and of the hub, on every Python."""

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._times import instant

NOON = datetime(2026, 11, 22, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "fraction"),
    [
        ("2026-11-22T12:00:01Z", 0),
        ("2026-11-22T12:00:01+00:00", 0),
        ("2026-11-22T14:00:01+02:00", 0),
        ("2026-11-22T12:00:01", 0),
        ("2026-11-22T12:00:01.5Z", 500_000),
        ("2026-11-22T12:00:01.97Z", 970_000),
        ("2026-11-22T12:00:01.123456789Z", 123_456),
        ("2026-11-22T14:00:01.123456789+02:00", 123_456),
    ],
)
def test_times_are_read_to_the_microsecond(text, fraction):
    assert instant(text) == NOON + timedelta(microseconds=fraction)


@pytest.mark.parametrize("text", ["", "yesterday", "0", "12:00:01Z"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="Invalid isoformat"):
        instant(text)
