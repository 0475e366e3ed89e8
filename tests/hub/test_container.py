# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What the container of a user's server is made of, in docker-py's own encoding; the daemon is a double."""

import pytest
from hub.docker_double import NETWORK
from labhub.container import LABEL
from labhub.spawner import LabSpawner
from traitlets import TraitError

NAME = "jupyter-anna-maria"


async def container(docker, spawner):
    """Start, and return what Docker was asked to create."""
    await spawner.start()
    return docker.created[-1]


async def test_the_server_runs_as_its_user_in_a_home_without_any_privilege(docker, make):
    spawner = make()
    created = await container(docker, spawner)
    host = created["HostConfig"]
    assert (created["name"], created["User"], created["WorkingDir"]) == (NAME, "20000:9100", "/home/anna-maria")
    assert created["Image"] == "jupyter-custom-gpu:latest"
    assert created["Cmd"] == ["/opt/lab/bin/python", "-I", "-m", "labserver"]
    assert created["Labels"] == {LABEL: "singleuser", f"{LABEL}.user": "anna-maria"}
    assert (host["Init"], host["CapDrop"], host["SecurityOpt"]) == (True, ["ALL"], ["no-new-privileges"])
    assert (host["NetworkMode"], host.get("AutoRemove", False), host["RestartPolicy"]["Name"]) == (NETWORK, False, "no")
    home = {"Source": spawner.home, "Target": "/home/anna-maria", "Type": "bind", "ReadOnly": False}
    assert host["Mounts"] == [home]


async def test_the_server_is_told_who_its_user_is(docker, make):
    env = dict(line.split("=", 1) for line in (await container(docker, make()))["Env"])
    told = {"HOME": "/home/anna-maria", "SHELL": "/bin/bash"} | dict.fromkeys(
        ("USER", "LOGNAME", "NB_USER"), "anna-maria"
    )
    assert told.items() <= env.items()
    assert env["JUPYTERHUB_API_TOKEN"] == "fresh-token"


async def test_limits_leave_no_way_around_them(docker, make):
    host = (await container(docker, make(mem_limit="2G", cpu_limit=1.5, shm_size="1G", pids_limit=100)))["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (2 << 30, 2 << 30)
    assert (host["CpuQuota"], host["CpuPeriod"], host["ShmSize"], host["PidsLimit"]) == (150_000, 100_000, 1 << 30, 100)


async def test_without_limits_there_are_none(docker, make):
    host = (await container(docker, make(pids_limit=0)))["HostConfig"]
    assert not {"MemorySwap", "ShmSize", "PidsLimit"} & host.keys()
    assert not host.get("Memory")
    assert not host.get("CpuQuota")


async def test_mounts_depend_on_user_and_groups(docker, make, tmp_path):
    mounts = [
        {"source": "/data/{username}", "target": "/home/{username}/data/own/", "mode": "rw"},
        {"source": "/data/all", "target": "/data"},
        {"source": "/data/physics", "target": "/physics", "groups": ["physics", "staff"]},
        {"source": "/data/secret", "target": "/secret", "groups": ["staff"]},
    ]
    asked = (await container(docker, make(groups=["physics"], mounts=mounts)))["HostConfig"]["Mounts"]
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in asked[1:]] == [
        ("/data/anna-maria", "/home/anna-maria/data/own", False),
        ("/data/all", "/data", True),
        ("/data/physics", "/physics", True),
    ]


@pytest.mark.parametrize(
    ("shared_packages", "admin", "read_only"),
    [("open", False, False), ("open", True, False), ("curated", False, True), ("curated", True, False)],
)
async def test_shared_packages_are_written_to_by_those_who_may(docker, make, shared_packages, admin, read_only):
    spawner = make(admin=admin, shared_packages=shared_packages, packages_root="/srv/packages")
    created = await container(docker, spawner)
    mount = {"Source": "/srv/packages", "Target": "/opt/packages", "Type": "bind", "ReadOnly": read_only}
    assert created["HostConfig"]["Mounts"][1:] == [mount]
    assert {"PIP_TARGET=/opt/packages", "PYTHONPATH=/opt/packages"} <= set(created["Env"])


async def test_of_shared_packages_that_are_off_a_server_knows_nothing(docker, make):
    created = await container(docker, make(admin=True))
    assert [mount["Target"] for mount in created["HostConfig"]["Mounts"]] == ["/home/anna-maria"]
    assert [line for line in created["Env"] if line.startswith(("PIP_TARGET", "PYTHONPATH"))] == []


async def test_certificates_are_mounted_and_named(docker, make):
    created = await container(docker, make(ca_bundle="/srv/ca.pem"))
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    mount = {"Source": "/srv/ca.pem", "Target": bundle, "Type": "bind", "ReadOnly": True}
    assert mount in created["HostConfig"]["Mounts"]
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"):
        assert f"{variable}={bundle}" in created["Env"]


async def test_an_operators_settings_are_laid_over_the_labs(docker, make):
    async def host_config(spawner):
        return {"cap_drop": [], "runtime": f"runtime-of-{spawner.user.name}"}

    create_kwargs = {"labels": {"site": "north"}}
    environment = {"SHELL": "/bin/zsh"}
    spawner = make(extra_host_config=host_config, extra_create_kwargs=create_kwargs, environment=environment)
    created = await container(docker, spawner)
    assert created["HostConfig"]["Runtime"] == "runtime-of-anna-maria"
    assert not created["HostConfig"].get("CapDrop")
    assert created["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert created["Labels"] == {LABEL: "singleuser", f"{LABEL}.user": "anna-maria", "site": "north"}
    assert "SHELL=/bin/zsh" in created["Env"]
    assert (spawner.extra_host_config, spawner.extra_create_kwargs) == (host_config, create_kwargs)


@pytest.mark.parametrize(
    ("mount", "problem"),
    [
        ({"source": "/a"}, "target must be an absolute path"),
        ({"source": "a", "target": "/b"}, "source must be an absolute path"),
        ({"source": "/a/../b", "target": "/b"}, "source must be an absolute path without"),
        ({"source": "/a", "target": "/b", "mode": "wr"}, "mode must be 'ro' or 'rw'"),
        (
            {"source": "/a", "target": "/b", "readonly": True},
            "unknown readonly .accepted: source, target, mode, groups",
        ),
        ({"source": "/a", "target": "/b", "groups": "staff"}, "groups must be a list"),
    ],
)
def test_a_mount_that_makes_no_sense_is_refused(mount, problem):
    with pytest.raises(TraitError, match=rf"LabSpawner\.mounts: {problem}"):
        LabSpawner(mounts=[mount])
