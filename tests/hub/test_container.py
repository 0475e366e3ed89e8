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


ONE, TWO = "GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952", "GPU-17c94e6b-5d20-4f8e-b3a6-6c1f0d92e845"


def nvidia(created):
    """What the environment says to NVIDIA's runtime."""
    return {line for line in created["Env"] if line.startswith("NVIDIA_")}


async def test_gpus_come_by_cdi_and_nvidias_runtime_adds_none(docker, make):
    rules = [{"users": ["anna-maria"], "gpus": [ONE, TWO]}, {"gpus": "all"}]
    for user, devices in (
        ("anna-maria", [f"nvidia.com/gpu={ONE}", f"nvidia.com/gpu={TWO}"]),
        ("bert", ["nvidia.com/gpu=all"]),
    ):
        created = await container(docker, make(user, gpu_access=rules))
        (request,) = created["HostConfig"]["DeviceRequests"]
        assert (request["Driver"], request["DeviceIDs"], request["Count"]) == ("cdi", devices, 0)
        assert nvidia(created) == {"NVIDIA_VISIBLE_DEVICES=void"}


async def test_gpus_of_an_older_engine_come_by_its_hook(docker, make):
    for gpus, which in ([ONE], ([ONE], 0)), ("all", ([], -1)):
        created = await container(docker, make(gpu_injection="legacy", gpu_access=[{"gpus": gpus}]))
        (request,) = created["HostConfig"]["DeviceRequests"]
        assert (request["DeviceIDs"], request["Count"]) == which
        assert (request["Driver"], request["Capabilities"]) == ("nvidia", [["gpu"]])
        assert nvidia(created) == {"NVIDIA_DRIVER_CAPABILITIES=compute,utility"}
        docker.containers.clear()


@pytest.mark.parametrize("injection", ["cdi", "legacy"])
@pytest.mark.parametrize("rules", [[], [{"users": ["bert"], "gpus": "all"}], [{"gpus": [ONE], "choice": True}]])
async def test_whoever_has_no_gpu_gets_none_from_nvidias_runtime_either(docker, make, rules, injection):
    created = await container(docker, make(gpu_access=rules, gpu_injection=injection))
    assert not created["HostConfig"].get("DeviceRequests")
    assert nvidia(created) == {"NVIDIA_VISIBLE_DEVICES=void"}


async def test_gpus_are_given_by_group(docker, make):
    rules = [{"groups": ["vision"], "gpus": [ONE]}]
    created = await container(docker, make(groups=["staff", "vision"], gpu_access=rules))
    assert [request["DeviceIDs"] for request in created["HostConfig"]["DeviceRequests"]] == [[f"nvidia.com/gpu={ONE}"]]


def test_a_rule_about_gpus_that_makes_no_sense_is_refused():
    with pytest.raises(TraitError, match=r"LabSpawner\.gpu_access: 0 is no UUID .*nvidia-smi -L"):
        LabSpawner(gpu_access=[{"gpus": [0]}])
