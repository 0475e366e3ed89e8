# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""_hub_failures: which servers' failures are problems, and what mends them."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _hub_failures as hub_failures


def record(user="alice", **differs):
    return {
        "user": user,
        "server": "",
        "when": "2026-11-24T21:00:00Z",
        "stage": "start",
        "cause": "dot-file",
        "text": "A configuration file in your home is broken: /home/alice/.jupyter/x.py.",
        "detail": "",
        "exit_code": 1,
        "log": "one\ntwo",
        "mended": "",
    } | differs


def judged(*records):
    facts = {"data_root": "/data", "users": [{"name": "alice"}, {"name": "bob"}], "failures": list(records)}
    return list(hub_failures.failures(facts))


def test_a_server_that_did_not_start_is_a_warning_with_its_log_and_the_mend():
    (problem,) = judged(record())
    assert (problem.code, problem.severity, problem.subject) == ("server-failed", "warning", "server of alice")
    assert problem.evidence == (
        "it did not start, 2026-11-24T21:00:00Z (dot-file, exit code 1): A configuration file in your home is broken: "
        "/home/alice/.jupyter/x.py.\nThe end of its log:\none\ntwo"
    )
    assert "/data/home/alice" in problem.remedy


def test_only_the_newest_of_a_server_counts():
    newest, older = record(cause="memory"), record(cause="disk")
    assert [problem.evidence.split("(")[1][:6] for problem in judged(newest, older)] == ["memory"]
    assert len(judged(record(), record(server="gpu"), record("bob"))) == 3


@pytest.mark.parametrize(
    "differs", [{"mended": "2026-11-24T21:05:00Z"}, {"user": "gone"}, {"cause": "stopped"}, {"cause": "removed"}]
)
def test_what_is_past_or_wanted_is_no_problem(differs):
    assert judged(record(**differs)) == []


def test_a_mended_failure_hides_older_ones():
    assert judged(record(mended="2026-11-24T21:05:00Z"), record()) == []


@pytest.mark.parametrize("cause", [*hub_failures._REMEDIES, "unknown"])
def test_every_mend_is_filled_in(cause):
    (problem,) = judged(record(cause=cause))
    assert "{" not in problem.remedy
