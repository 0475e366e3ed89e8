# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Hubs that run for the length of a test module."""

import pytest
from hub.running import ADMIN_PASSWORD, RunningHub


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with the lab's defaults: sign-up is moderated."""
    with RunningHub(tmp_path_factory.mktemp("hub")).running() as running:
        yield running


@pytest.fixture
def boss(hub):
    """The admin, logged in with the bootstrap password."""
    person = hub.person()
    assert person.log_in("boss", ADMIN_PASSWORD).ok
    return person
