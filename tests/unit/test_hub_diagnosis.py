"""_hub_diagnosis: each way in which what stands on engine and stack is broken gives its one problem, and its mend."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._hub_diagnosis import diagnose
from ansible_collections.gpulab.jupyterhub.tests.unit.hub_facts import (
    COMPOSE,
    UNTOLD,
    container,
    hub,
    lab,
    route,
    server,
    well,
)

# What differs from a lab that is well; code and severity; a piece of the evidence; a piece of the remedy.
BROKEN = [
    # The door.
    (
        {"door__state": "refused", "door__detail": "Connection refused", **UNTOLD},
        ("door-refused", "error"),
        "Connection refused",
        "hub_stack_port",
    ),
    ({"door__state": "timeout", **UNTOLD}, ("door-timeout", "error"), "no answer in time", f"{COMPOSE} restart proxy"),
    ({"door__state": "tls", **UNTOLD}, ("door-tls", "error"), "not trusted", "ca_path"),
    ({"door__state": "unknown-name", **UNTOLD}, ("door-unknown-name", "error"), "name is unknown", "DNS"),
    (
        {"door__state": "hub-away", "door__status": 503, **UNTOLD},
        ("hub-away", "error"),
        "the proxy answers 503",
        f"{COMPOSE} restart jupyterhub",
    ),
    (
        {"door__state": "redirects", "door__detail": "https://lab.example.org/", **UNTOLD},
        ("door-redirects", "error"),
        "https://lab.example.org/",
        "set url",
    ),
    (
        {"door__state": "foreign", "door__status": 404, "door__detail": "nginx", **UNTOLD},
        ("door-foreign", "error"),
        "status 404 nginx.",
        "ss -ltnp",
    ),
    ({"door__state": "failed", "door__detail": "odd", **UNTOLD}, ("door-failed", "error"), "odd", "hub_stack_port"),
    # The token.
    ({"token__state": "absent", **UNTOLD}, ("token-absent", "error"), "does not exist", "./run.sh makes it"),
    ({"token__state": "empty", **UNTOLD}, ("token-absent", "error"), "is empty", "Remove it"),
    (
        {"token__state": "unreadable", "token__detail": "Permission denied", **UNTOLD},
        ("token-unreadable", "error"),
        "Permission denied",
        "become: true",
    ),
    (
        {"token__state": "refused", **UNTOLD},
        ("token-refused", "error"),
        "does not know",
        f"{COMPOSE} restart jupyterhub",
    ),
    ({"token__state": "scope", **UNTOLD}, ("token-scope", "error"), "may not ask", "hub_config_extra"),
    ({"token__state": "failed", "token__detail": "500", **UNTOLD}, ("api-failed", "error"), "(500)", f"{COMPOSE} logs"),
    # Users' servers.
    (
        {"servers": [server("alice", container=None)], "user_containers": []},
        ("server-without-container", "warning"),
        "container jupyter-alice is gone",
        f"{COMPOSE} restart jupyterhub",
    ),
    (
        {"servers": [server("alice", container=container("jupyter-alice", state="exited", out_of_memory=True))]},
        ("server-without-container", "warning"),
        "it was ended for lack of memory",
        "can start it again",
    ),
    (
        {"user_containers": [*well()["user_containers"], container("jupyter-bob", user="bob")]},
        ("container-without-server", "warning"),
        "since 2026-11-22T21:53, but the hub knows of no such server",
        "docker rm -f jupyter-bob",
    ),
    (
        {"routes": [route("alice"), route("bob", "gpu")]},
        ("route-without-server", "warning"),
        "http://172.18.0.4:8888",
        "within five minutes",
    ),
    ({"routes": []}, ("server-without-route", "warning"), "does not lead to it", f"{COMPOSE} restart jupyterhub"),
    # Images and disks.
    (
        {"user_image__present": False},
        ("user-image-missing", "error"),
        "pull access denied for jupyter-custom-gpu)",
        "./run.sh",
    ),
    (
        {"user_image__jupyterhub": "5.4.0"},
        ("version-mismatch", "error"),
        "JupyterHub 5.4.0, the hub is 6.1.1",
        "./run.sh",
    ),
    (
        {"disks": [{"path": "/var/lib/docker", "free_gb": 1.94, "total_gb": 251.0}]},
        ("disk-nearly-full", "warning"),
        "1.9 of 251 GB are free",
        "docker system df",
    ),
    (
        {"disks": [{"path": "/srv", "free_gb": 0.1, "total_gb": 9.0}], "min_free_gb": 0},
        ("disk-full", "error"),
        "0.1 of 9 GB",
        "du -xh /srv",
    ),
]


def test_a_lab_that_is_well_has_no_problem():
    assert diagnose(well()) == []


@pytest.mark.parametrize(("differs", "kind", "evidence", "remedy"), BROKEN, ids=lambda value: str(value)[:40])
def test_each_cause_gives_one_problem_with_evidence_and_mend(differs, kind, evidence, remedy):
    (problem,) = diagnose(lab(**differs))
    assert (problem.code, problem.severity) == kind
    assert evidence in problem.evidence
    assert remedy in problem.remedy


FINE = [
    {"servers": [server("alice", ready=False, pending="spawn", container=None)], "user_containers": [], "routes": []},
    {"servers": [server("alice", pending="stop", container=None)], "user_containers": [], "routes": []},
    {"user_containers": [*well()["user_containers"], container("jupyter-bob", state="exited")]},
    {"user_image__jupyterhub": ""},
    {"user_image__jupyterhub": "6.0.0"},
    {"user_image__present": None},
    {"routes": [*well()["routes"], {"routespec": "/services/x/", "target": "http://x", "data": {"service": "x"}}]},
    {"stack__tls": container("jupyterhub-tls-1", service="tls")},
]


@pytest.mark.parametrize("differs", FINE, ids=range(len(FINE)))
def test_what_only_looks_unusual_is_no_problem(differs):
    assert diagnose(lab(**differs)) == []


def test_what_stands_on_something_broken_is_not_judged():
    fallen = lab(**hub(state="exited", exit_code=1), door__state="hub-away", token__state="absent", **UNTOLD)
    fallen["user_image"]["present"] = False
    # The image is no effect of the hub's: whoever mends the hub would meet it next.
    assert [problem.code for problem in diagnose(fallen)] == ["hub-down", "user-image-missing"]


def test_a_full_disk_is_told_beside_what_it_broke():
    full = [{"path": "/", "free_gb": 0.0, "total_gb": 9.0}]
    codes = [problem.code for problem in diagnose(lab(**hub(state="exited", exit_code=1), disks=full))]
    assert codes == ["hub-down", "disk-full"]


def test_a_hub_that_starts_explains_no_silent_door():
    starting = lab(**hub(health="starting"), door__state="hub-away", door__status=503, **UNTOLD)
    assert [problem.code for problem in diagnose(starting)] == ["hub-starting", "hub-away"]


def test_named_servers_are_told_by_their_names():
    facts = lab(servers=[server("alice", "gpu", container=None)], routes=[route("alice", "gpu")], user_containers=[])
    (problem,) = diagnose(facts)
    assert problem.subject == "server of alice (gpu)"
    assert "jupyter-alice--gpu" in problem.evidence
