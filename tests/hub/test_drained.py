# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A lab that is drained starts no server, and says why to whoever asks."""

import pytest
from labhub import drained, failures
from labhub.problems import SpawnProblem


@pytest.fixture
def mark(monkeypatch, tmp_path):
    """The file that drains the lab."""
    monkeypatch.setattr(drained, "MARK", tmp_path / "drained.json")
    return tmp_path / "drained.json"


async def test_no_server_starts_and_that_is_no_failure(docker, make, mark):
    mark.write_text('{"since": "2026-12-01T10:00:00Z", "reason": "New drivers until 14:00."}')
    with pytest.raises(SpawnProblem, match="The lab is being worked on") as problem:
        await make().start()
    assert "New drivers until 14:00." in problem.value.jupyterhub_html_message
    assert problem.value.status_code == 503
    assert "show this to whoever runs the lab" not in problem.value.jupyterhub_html_message
    assert (docker.created, failures.STORE.all()) == ([], [])
    mark.unlink()
    await make().start()


@pytest.mark.parametrize("text", ["", "no JSON", "[]"])
async def test_a_mark_that_nobody_can_read_counts(make, mark, text):
    mark.write_text(text)
    with pytest.raises(SpawnProblem, match="The lab is being worked on"):
        await make().start()


async def test_what_is_said_is_only_text(make, mark):
    mark.write_text('{"reason": "<script>alert(1)</script>"}')
    with pytest.raises(SpawnProblem) as problem:
        await make().start()
    assert "<script>" not in problem.value.jupyterhub_html_message
