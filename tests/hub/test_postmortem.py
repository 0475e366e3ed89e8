# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Why a server died, from what real ones left behind."""

import pytest
from labhub import postmortem

SERVER = "[C 2026-11-24 21:29:17.198 ServerApp] "
LEFT_BEHIND = {
    "bad-value": (
        SERVER + "Bad config encountered during initialization: The 'port' trait of a ServerApp instance "
        "expected an int, not the str 'abc'.",
        "configuration",
    ),
    "bad-file": (
        "Traceback (most recent call last):\n"
        '  File "/home/vera/.jupyter/jupyter_server_config.py", line 1, in <module>\n    import nonsense\n'
        "ModuleNotFoundError: No module named 'nonsense'",
        "dot-file",
    ),
    "bad-syntax": (
        "[E 2026-11-24 21:29:17.198 ServerApp] Exception while loading config file "
        "/home/vera/.jupyter/jupyter_server_config.py\nSyntaxError: '(' was never closed",
        "dot-file",
    ),
    "bashrc": ("/home/vera/.bashrc: line 3: syntax error near unexpected token `('", "dot-file"),
    "read-only": ("OSError: [Errno 30] Read-only file system: '/home/vera/.local'", "home"),
    "not-theirs": ("PermissionError: [Errno 13] Permission denied: '/home/vera/.local'", "home"),
    "not-theirs-dots": ("PermissionError: [Errno 13] Permission denied: '/home/vera/.jupyter/x'", "home"),
    "full": ("OSError: [Errno 28] No space left on device: '/home/vera/.local/share/jupyter'", "disk"),
    "quota": ("OSError: [Errno 122] Disk quota exceeded: '/home/vera/.jupyter/migrated'", "disk"),
    "port": (SERVER + "ERROR: the Jupyter server could not be started because port 8888 is not available.", "port"),
    "memory": ('  File "x.py", line 1\nMemoryError', "memory"),
    "no-hub-package": ("/opt/lab/bin/python: No module named jupyterhub", "image"),
    "package": ("ImportError: cannot import name 'escape' from 'jinja2' (/opt/packages/jinja2)", "packages"),
    "nothing": ("", "unknown"),
    "chat": ("[I ServerApp] Use Control-C to stop this server", "unknown"),
}


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_the_log_tells_why(name):
    log, cause = LEFT_BEHIND[name]
    assert postmortem.cause_of({"ExitCode": 1}, log).code == cause


def test_a_broken_file_is_named():
    found = postmortem.cause_of({"ExitCode": 1}, LEFT_BEHIND["bad-file"][0])
    assert "/home/vera/.jupyter/jupyter_server_config.py" in found.text


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        # What Docker 26 says of a container that took more than its --memory.
        ({"ExitCode": 137, "OOMKilled": True, "Error": "", "Running": False, "Status": "exited"}, "memory"),
        ({"ExitCode": 137}, "killed"),
        ({"ExitCode": 143}, "stopped"),
        ({"ExitCode": 139}, "crashed"),
        ({"ExitCode": 127}, "image"),
        ({"ExitCode": 0}, "ended"),
        ({"ExitCode": 1, "Error": 'exec: "/opt/lab/bin/python": executable file not found in $PATH'}, "image"),
        ({"ExitCode": 128, "Error": "failed to create shim task"}, "docker"),
        ({}, "unknown"),
    ],
)
def test_docker_tells_why(state, cause):
    assert postmortem.cause_of(state, "").code == cause


def test_a_signal_says_more_than_an_older_line():
    assert postmortem.cause_of({"ExitCode": 137}, "ImportError: x").code == "killed"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("No such image: jupyter-custom-gpu:latest", "image"),
        ("invalid mount config: bind source path does not exist: /data", "mount"),
        ("write /var/lib/docker/x: no space left on device", "disk"),
        ('Conflict. The container name "/jupyter-a" is already in use by container "b"', "name"),
        ("driver failed programming external connectivity", "docker"),
        ("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=GPU-1", "gpu-missing"),
        (
            'CDI device injection failed: failed to stat CDI host device "/dev/nvidia0": no such file or directory: '
            "unknown",
            "gpu-missing",
        ),
        ('could not select device driver "cdi" with capabilities: []', "gpu-no-cdi"),
        ('could not select device driver "" with capabilities: [[gpu]]', "gpu-no-toolkit"),
        ('could not select device driver "nvidia" with capabilities: [[gpu]]', "gpu-no-toolkit"),
        (
            "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create "
            "failed: unable to start container process: error during container init: error running prestart hook #0: "
            "exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\n"
            "nvidia-container-cli: device error: GPU-1: unknown device: unknown",
            "gpu-unknown",
        ),
    ],
)
def test_what_docker_refuses_has_a_name(said, cause):
    assert postmortem.docker_cause(said).code == cause


@pytest.mark.parametrize(
    "line",
    [
        "GET /user/vera/?token=s3cr3tvalue 200",
        "Authorization: token s3cr3tvalue",
        "Authorization: Bearer s3cr3tvalue",
        "JUPYTERHUB_API_TOKEN=s3cr3tvalue",
        "{'password': 's3cr3tvalue'}",
        "AWS_SECRET_ACCESS_KEY=s3cr3tvalue",
        "s3cr3tvalue on its own",
        "token \x1b[1m=\x1b[0m s3cr3tvalue",
    ],
)
def test_no_secret_is_kept(line):
    assert "s3cr3tvalue" not in postmortem.readable(line, secrets=("s3cr3tvalue",) if "own" in line else ())


def test_a_log_is_kept_as_plain_text_of_bounded_size():
    hostile = "\x1b]0;title\x07\x1b[2J" + "x" * 10**6 + "\n" + "".join(f"line {n}\u202e\x00\r\n\n" for n in range(100))
    kept = postmortem.readable(hostile).split("\n")
    assert kept == [f"line {n}" for n in range(80, 100)]
    assert len(postmortem.readable("y" * 10**7)) == postmortem.LINE_LENGTH + 1
    assert postmortem.readable("пароль\tнеизвестен") == "пароль неизвестен"


# What takes time in the square of its text does not come to its end here.
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["/home/a/.jupyter", "exec ", "token=", "jupyterhub version ", "\x1b]", "Permission denied"]
)
def test_no_log_keeps_the_hub_busy(piece):
    assert postmortem.cause_of({"ExitCode": 1}, postmortem.readable(piece * 10**6))
