"""_hub_ground: each way in which engine or stack are broken gives its one problem, and its mend."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._hub_diagnosis import diagnose
from ansible_collections.gpulab.jupyterhub.tests.unit.hub_facts import COMPOSE, hub, lab, proxy, well

# What differs from a lab that is well; code and severity; a piece of the evidence; a piece of the remedy.
BROKEN = [
    # The engine.
    (
        {"engine__state": "missing", "engine__detail": "docker: command not found"},
        ("docker-missing", "error"),
        "docker: command not found",
        "./run.sh server",
    ),
    (
        {"engine__state": "missing", "engine__wsl": True, "engine__detail": "docker: command not found"},
        ("docker-missing", "error"),
        "docker: command not found",
        "WSL integration",
    ),
    (
        {"engine__state": "denied", "engine__detail": "permission denied"},
        ("engine-denied", "error"),
        "permission denied",
        "become: true",
    ),
    (
        {"engine__state": "down", "engine__detail": "Cannot connect"},
        ("engine-down", "error"),
        "Cannot connect",
        "systemctl start docker",
    ),
    (
        {"engine__state": "hung", "engine__detail": "no answer within 20 seconds"},
        ("engine-hung", "error"),
        "no answer",
        "docker_engine_live_restore",
    ),
    ({"engine__state": "failed", "engine__detail": "odd"}, ("engine-failed", "error"), "odd", "journalctl -u docker"),
    # The stack.
    ({"stack": {}}, ("stack-absent", "error"), "never brought up", "./run.sh"),
    (
        {"stack": {"proxy": well()["stack"]["proxy"]}},
        ("hub-absent", "error"),
        "no container for it",
        f"{COMPOSE} up -d jupyterhub",
    ),
    (
        {"stack": {"jupyterhub": well()["stack"]["jupyterhub"]}},
        ("proxy-absent", "error"),
        "no container for it",
        f"{COMPOSE} up -d proxy",
    ),
    (
        hub(state="exited", exit_code=1, log="[C] bad config\nTraceback"),
        ("hub-down", "error"),
        "it ended with exit code 1. The end of its log:\n[C] bad config\nTraceback",
        f"{COMPOSE} up -d jupyterhub",
    ),
    (
        hub(state="exited", exit_code=137, out_of_memory=True),
        ("hub-down", "error"),
        "for lack of memory",
        f"{COMPOSE} logs --tail=200 jupyterhub",
    ),
    (
        hub(state="created", error="bind: address already in use"),
        ("hub-down", "error"),
        "it could not start: bind: address already in use",
        f"{COMPOSE} up -d",
    ),
    (hub(state="created"), ("hub-down", "error"), "never started", f"{COMPOSE} up -d jupyterhub"),
    (
        hub(state="restarting", exit_code=1, restarts=7, log="boom"),
        ("hub-restarting", "error"),
        "again and again (7 times so far). The end of its log:\nboom",
        "then ./run.sh",
    ),
    (hub(state="paused"), ("hub-paused", "error"), "paused", "docker unpause jupyterhub-jupyterhub-1"),
    (
        hub(health="unhealthy", log="stuck"),
        ("hub-unhealthy", "error"),
        "does not answer its health check. The end of its log:\nstuck",
        f"{COMPOSE} restart jupyterhub",
    ),
    (
        hub(health="starting", restarts=2, log="boom"),
        ("hub-restarting", "error"),
        "it ends as it starts and is started again and again (2 times so far). The end of its log:\nboom",
        "logs --tail=200 jupyterhub",
    ),
    (hub(health="starting"), ("hub-starting", "warning"), "is starting", "in a minute"),
    (proxy(state="exited", exit_code=2), ("proxy-down", "error"), "exit code 2", f"{COMPOSE} up -d proxy"),
    (proxy(health="unhealthy"), ("proxy-unhealthy", "error"), "health check", f"{COMPOSE} restart proxy"),
]


@pytest.mark.parametrize(("differs", "kind", "evidence", "remedy"), BROKEN, ids=lambda value: str(value)[:40])
def test_each_cause_gives_one_problem_with_evidence_and_mend(differs, kind, evidence, remedy):
    (problem,) = diagnose(lab(**differs))
    assert (problem.code, problem.severity) == kind
    assert evidence in problem.evidence
    assert remedy in problem.remedy
