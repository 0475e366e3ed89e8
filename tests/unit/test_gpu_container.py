"""_gpu_container: what a container's GPUs lack is told apart by the engine's words, errno, NVML's code and UUIDs."""

import json

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_container as inside
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._gpu_kinds import CONTAINER
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO, MIG = "GPU-00000000-aaaa", "GPU-00000001-bbbb", "MIG-00000000-cccc"
NOT_FOUND = "libnvidia-ml.so.1: cannot open shared object file"


def gpu(index, uuid, *slices, error=0):
    return {"index": index, "uuid": uuid, "name": "Tesla T4", "slices": [*slices], "error": error}


def probe(*gpus, code=0, text="", errno="", cuda=0, torch=None):
    """Return what the probe tells; with *errno* as opening /dev/nvidiactl gives it."""
    nodes = [{"path": path, "present": errno != "ENOENT", "errno": errno} for path in (inside.CONTROL, inside.UVM)]
    nvml = {"code": code, "text": text, "library": "/opt/lib/libnvidia-ml.so.1", "driver": "550", "cuda": "12.4"}
    return {"device_nodes": nodes, "nvml": nvml | {"gpus": [*gpus]}, "cuda": {"code": cuda}, "torch": torch}


def torch(error="", version="2.9.0+cu128"):
    return {"version": version, "error": error, "devices": 1}


def container(seen, requested=(ONE,), **changes):
    """Return the facts of a container that should see *requested*."""
    return {
        **{"subject": "jupyter-alice", "requested": [*requested], "host_uuids": [ONE, TWO], "host_code": 0},
        **{"host_driver": "580.65.06", "said": "", "command": "docker exec", "probe": seen},
        **changes,
    }


def refused(words):
    return container(None, said=f"docker: Error response from daemon: {words}\n\nRun 'docker run --help'")


HOOK = "error running prestart hook #0: exit status 1, stderr: nvidia-container-cli: "
UNKNOWN = "Unknown Error"
ROWS = {
    "engine without cdi": (refused('could not select device driver "cdi" with capabilities: []'), "docker_no_cdi"),
    "engine without gpus": (
        refused('could not select device driver "" with capabilities: [[gpu]]'),
        "docker_no_gpu_driver",
    ),
    "no such device": (
        refused("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=9"),
        "cdi_unresolvable",
    ),
    "no such runtime": (refused("unknown or invalid runtime name: nvidia"), "runtime_missing"),
    "hook, old uuid": (refused(f"{HOOK}device error: GPU-x: unknown device: unknown"), "hook_unknown_device"),
    "hook, cuda": (refused(f"{HOOK}requirement error: unsatisfied condition: cuda>=12.8"), "cuda_requirement"),
    "hook, mismatch": (
        refused(f"{HOOK}initialization error: nvml error: driver/library version mismatch: unknown"),
        "version_mismatch",
    ),
    "hook, not loaded": (
        refused(f"{HOOK}initialization error: nvml error: driver not loaded: unknown"),
        "driver_not_loaded",
    ),
    "hook, not installed": (
        refused(f"{HOOK}initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file"),
        "driver_not_installed",
    ),
    "persistenced": (
        refused("error mounting: open /run/nvidia-persistenced/socket: no such file or directory"),
        "persistenced_socket",
    ),
    "no nvidia-smi": (refused('exec: "nvidia-smi": executable file not found in $PATH'), "not_injected"),
    "no container": (refused("No such container: jupyter-bob"), "container_missing"),
    "stopped": (refused("container 4ea1 is not running"), "container_missing"),
    "no image": (refused("No such image: nothing:latest"), "image_missing"),
    "no python": (refused("There is no Python in this image."), "probe_not_run"),
    "no answer": (container(None), "probe_not_run"),
    "nothing injected": (container(probe(code=999, text=UNKNOWN, errno="ENOENT")), "not_injected"),
    "nothing injected, no library": (container(probe(code=12, text=NOT_FOUND, errno="ENOENT")), "not_injected"),
    "nodes without libraries": (container(probe(code=12, text=NOT_FOUND)), "not_injected"),
    "denied": (container(probe(code=999, text=UNKNOWN, errno="EPERM")), "cgroup_denied"),
    "no driver": (container(probe(code=9, text="Driver Not Loaded", errno="ENXIO")), "no_driver_behind_node"),
    "not allowed": (
        container(probe(code=4, text="Insufficient Permissions", errno="EACCES")),
        "insufficient_permissions",
    ),
    "selinux": (container(probe(code=4, text="Insufficient Permissions")), "insufficient_permissions"),
    "blocked": (container(probe(code=17, text="GPU access blocked")), "gpu_access_blocked"),
    "own libraries": (container(probe(code=18, text="version mismatch")), "image_ships_driver_libs"),
    "mismatch everywhere": (container(probe(code=18, text="version mismatch"), host_code=18), "version_mismatch"),
    "unheard of": (container(probe(code=7, text="Insufficient Size")), "computation_failed"),
    "card lost": (container(probe(gpu(0, "", error=15))), "gpu_lost"),
    "another card": (container(probe(gpu(0, TWO))), "wrong_gpu"),
    "no card": (container(probe()), "wrong_gpu"),
    "one of two": (container(probe(gpu(0, ONE)), [ONE, TWO]), "wrong_gpu"),
    "whole for a slice": (container(probe(gpu(0, ONE)), [MIG]), "wrong_gpu"),
    "one too many": (container(probe(gpu(0, ONE), gpu(1, TWO))), "extra_gpus_visible"),
    "all for nothing": (container(probe(gpu(0, ONE), gpu(1, TWO)), []), "extra_gpus_visible"),
    "cuda unknown": (container(probe(gpu(0, ONE), cuda=999)), "uvm_missing"),
    "cuda not ready": (container(probe(gpu(0, ONE), cuda=802)), "fabric_not_ready"),
    "cuda mismatch": (container(probe(gpu(0, ONE), cuda=803)), "version_mismatch"),
    "cuda mps": (container(probe(gpu(0, ONE), cuda=805)), "mps_unreachable"),
    "cuda otherwise": (container(probe(gpu(0, ONE), cuda=100)), "computation_failed"),
}


# What torch says of a card that NVML finds nothing wrong with.
ROWS |= {
    f"torch: {said[:30]}": (container(probe(gpu(0, ONE), torch=torch(said))), code)
    for said, code in {
        "RuntimeError: The NVIDIA driver on your system is too old (found 11040)": "torch_driver_too_old",
        "no kernel image is available for execution on the device": "arch_unsupported",
        "Error 802: system not yet initialized": "fabric_not_ready",
        "Error 805: MPS client failed to connect": "mps_unreachable",
        "CUDA unknown error - this may be due to": "uvm_missing",
        "wrong sums on [0]": "computation_failed",
    }.items()
}


@pytest.mark.parametrize("row", ROWS)
def test_each_failure_has_its_name(row):
    facts, code = ROWS[row]
    (found,) = inside.diagnose(facts)
    assert (found.code, found.severity, found.subject) == (code, "error", "jupyter-alice")
    assert found.evidence and found.remedy


@pytest.mark.parametrize(
    ("row", "of_a_container", "of_an_image"),
    [
        ("denied", "docker rm -f jupyter-alice", None),
        (
            "own libraries",
            "docker exec jupyter-alice find / -name 'libnvidia-ml.so*' -o -name 'libcuda.so*'",
            "docker run --rm --entrypoint find lab:1 / -name 'libnvidia-ml.so*' -o -name 'libcuda.so*'",
        ),
    ],
)
def test_what_there_is_to_type_fits_a_container_or_an_image(row, of_a_container, of_an_image):
    facts, _code = ROWS[row]
    for changes, command in (
        ({}, of_a_container),
        ({"subject": "lab:1", "command": "docker run"}, of_an_image),
    ):
        (found,) = inside.diagnose(facts | changes)
        assert found.remedy_commands == ((command,) if command else ())


def test_every_kind_of_problem_of_a_container_is_in_the_tables():
    (gone,) = inside.unknown("image", [ONE, "GPU-gone"], [ONE])
    assert (gone.evidence, gone.subject) == ("the server has no GPU-gone.", "image")
    assert CONTAINER.keys() <= {code for _facts, code in ROWS.values()} | {gone.code}


@pytest.mark.parametrize(
    ("seen", "requested"),
    [
        pytest.param(probe(gpu(0, ONE)), [ONE], id="one"),
        pytest.param(probe(gpu(0, ONE), gpu(1, TWO)), [ONE, TWO], id="two"),
        pytest.param(probe(gpu(0, ONE, MIG)), [MIG], id="slice"),
        pytest.param(probe(gpu(0, ONE), torch=torch()), [ONE], id="torch"),
        pytest.param(probe(gpu(0, ONE), torch=torch(version="")), [ONE], id="no torch"),
        pytest.param(probe(gpu(0, ONE), cuda=None), [ONE], id="no cuda"),
        pytest.param(probe(gpu(0, ONE), errno="ENOENT"), [ONE], id="WSL has no such node"),
        pytest.param(probe(code=12, text=NOT_FOUND, errno="ENOENT"), [], id="none"),
        pytest.param(probe(code=999, text=UNKNOWN, errno="EPERM"), [], id="none, libraries all the same"),
    ],
)
def test_what_is_as_asked_is_well(seen, requested):
    assert inside.diagnose(container(seen, requested)) == []


def test_what_the_server_does_not_tell_is_not_held_against_a_request():
    assert inside.unknown("image", [ONE], None) == []


# --- What docker inspect tells ---


def made(requests=None, runtime="runc", *environment):
    return {"HostConfig": {"DeviceRequests": requests, "Runtime": runtime}, "Config": {"Env": [*environment]}}


HOST = [gpu(0, TWO), gpu(1, ONE, MIG)]
CDI = {"Driver": "cdi", "Count": 0, "DeviceIDs": [f"nvidia.com/gpu={TWO}"], "Capabilities": None}
GPUS = {"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"]]}


@pytest.mark.parametrize(
    ("container", "how", "requested"),
    [
        (made([CDI]), "cdi", [TWO]),
        (made([CDI | {"DeviceIDs": ["nvidia.com/gpu=all"]}]), "cdi", [TWO, MIG]),
        (made([CDI | {"DeviceIDs": ["nvidia.com/gpu=0", "nvidia.com/gpu=1:0"]}]), "cdi", [TWO, MIG]),
        (made([GPUS]), "hook", [TWO, MIG]),
        (made([GPUS | {"Count": 0, "DeviceIDs": [ONE]}]), "hook", [ONE]),
        (made([GPUS | {"Driver": "nvidia", "Count": 0, "DeviceIDs": ["0"]}]), "hook", [TWO]),
        (made(None, "nvidia", "NVIDIA_VISIBLE_DEVICES=all"), "hook", []),
        (made(None, "nvidia", "NVIDIA_VISIBLE_DEVICES=void"), "none", []),
        (made(None, "nvidia"), "none", []),
        (made(None, "runc", "NVIDIA_VISIBLE_DEVICES=all"), "none", []),
        (made(), "none", []),
        ({}, "none", []),
    ],
)
def test_how_a_container_was_made(container, how, requested):
    assert inside.injection(container) == how
    assert inside.requested_by(container, HOST) == requested


@pytest.mark.parametrize(
    ("how", "cgroup_driver", "survives"),
    [("cdi", "systemd", True), ("hook", "systemd", False), ("hook", "cgroupfs", True), ("none", "systemd", None)],
)
def test_what_survives_a_reload_of_systemd(how, cgroup_driver, survives):
    assert inside.survives_daemon_reload(how, cgroup_driver) is survives


@pytest.mark.parametrize(
    ("name", "expected"),
    [(ONE, True), (MIG, True), ("MIG-GPU-a/7/0", True), ("0", False), ("all", False), ("", False), (f"{ONE} x", False)],
)
def test_uuids_are_told_from_indices(name, expected):
    assert inside.is_uuid(name) is expected


# --- What the probe prints ---


def test_an_answer_is_found_among_other_output():
    told = probe(gpu(0, ONE))
    assert inside.parse_probe(f"Welcome!\n\n{json.dumps(told)}\n") == told


@given(st.integers(0, 200) | st.none(), st.text())
def test_what_is_no_answer_is_none(length, noise):
    text = json.dumps(probe(gpu(0, ONE)))
    assert inside.parse_probe(noise if length is None else text[:length]) is None
    assert inside.uuids(None) == []
