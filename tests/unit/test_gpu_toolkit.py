"""_gpu_toolkit: CDI specifications as nvidia-ctk writes them, and what they have come to differ in."""

import json

import pytest
import yaml
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_toolkit as toolkit

ONE, TWO, MIG = "GPU-00000000-aaaa", "GPU-00000001-bbbb", "MIG-00000000-cccc"


def device(name, *nodes):
    return {"name": name, "containerEdits": {"deviceNodes": [{"path": node} for node in nodes]}}


def document(*devices, driver="550.163.01"):
    """Write a specification as `nvidia-ctk cdi generate` does."""
    libraries = [
        {"hostPath": f"/usr/lib/x86_64-linux-gnu/{name}.so.{driver}", "containerPath": "x", "options": ["ro"]}
        for name in ("libnvidia-ml", "libcuda")
    ]
    edits = {"deviceNodes": [{"path": "/dev/nvidiactl"}], "mounts": [{"hostPath": "/usr/bin/nvidia-smi"}, *libraries]}
    return {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [*devices], "containerEdits": edits}


SPEC = document(device(ONE, "/dev/nvidia0"), device("all", "/dev/nvidia0"))


def gpu(index, uuid, slices=()):
    return {
        "index": index,
        "uuid": uuid,
        "mig_mode": "enabled" if slices is None or slices else "disabled",
        "mig_devices": [{"index": n, "uuid": name} for n, name in enumerate(slices or ())],
    }


@pytest.mark.parametrize(("path", "dump"), [("/etc/cdi/nvidia.yaml", yaml.safe_dump), ("/etc/cdi/n.json", json.dumps)])
def test_a_specification_is_read(path, dump):
    assert toolkit.parse_spec(path, dump(SPEC), yaml.safe_load) == {
        **{"path": path, "cdi_version": "0.5.0", "kind": "nvidia.com/gpu", "devices": [ONE, "all"]},
        **{"driver_version": "550.163.01", "device_nodes": ["/dev/nvidia0", "/dev/nvidiactl"], "error": ""},
    }


@pytest.mark.parametrize(
    ("path", "text", "error"),
    [
        ("a.yaml", "", "ValueError: there is no list of devices"),
        ("a.yaml", "devices: [", "ParserError: while parsing"),
        ("a.yaml", "- a", "ValueError: there is no list"),
        ("a.json", '{"devices": ', "JSONDecodeError: Expecting value"),
        ("a.json", '{"devices": [], "containerEdits": 3}', "TypeError:"),
        ("a.json", '{"devices": [{"containerEdits": {"deviceNodes": [{}]}}]}', "KeyError: 'path'"),
    ],
)
def test_a_broken_specification_is_told_and_no_traceback(path, text, error):
    found = toolkit.parse_spec(path, text, yaml.safe_load)
    assert found["error"].startswith(error)
    assert (found["devices"], "\n" in found["error"]) == ([], False)


def without_yaml(_text):
    """What reads YAML where there is no PyYAML."""
    raise ImportError("yaml")


def test_without_a_reader_of_yaml_only_json_is_read():
    assert toolkit.parse_spec("a.yaml", "", without_yaml)["error"] == toolkit.NO_YAML
    assert toolkit.parse_spec("a.json", json.dumps(SPEC), None)["error"] == ""


def test_devices_are_named_as_containers_ask_for_them():
    spec = toolkit.parse_spec("a.json", json.dumps(SPEC), None)
    assert toolkit.cdi_devices([spec, spec]) == [f"nvidia.com/gpu={ONE}", "nvidia.com/gpu=all"]


@pytest.mark.parametrize(
    ("names", "gpus", "reasons"),
    [
        pytest.param([ONE, "all"], [gpu(0, ONE)], [], id="by uuid"),
        pytest.param(["0", "1", "all"], [gpu(0, ONE), gpu(1, TWO)], [], id="by index"),
        pytest.param(["0", ONE, "all"], [gpu(0, ONE)], [], id="by both"),
        pytest.param([MIG, "all"], [gpu(0, ONE, [MIG])], [], id="slice by uuid"),
        pytest.param(["0:0", "all"], [gpu(0, ONE, [MIG])], [], id="slice by index"),
        pytest.param([ONE], [gpu(0, TWO)], [f"names what is not there: {ONE}", f"does not name {TWO}"], id="replaced"),
        pytest.param([ONE, TWO], [gpu(0, ONE)], [f"names what is not there: {TWO}"], id="card gone"),
        pytest.param(["0"], [gpu(0, ONE), gpu(1, TWO)], [f"does not name {TWO}"], id="card new"),
        pytest.param([ONE], [gpu(0, ONE, [MIG])], [f"does not name {MIG}"], id="sliced since"),
        pytest.param(
            [MIG], [gpu(0, ONE)], [f"names what is not there: {MIG}", f"does not name {ONE}"], id="whole again"
        ),
        pytest.param([TWO], [gpu(0, ONE, None), gpu(1, TWO)], [], id="without slices there is nothing to name"),
        pytest.param(["all"], [gpu(0, ONE)], [], id="only all"),
        pytest.param([], [gpu(0, ONE)], [], id="no device"),
    ],
)
def test_staleness_by_cards(names, gpus, reasons):
    spec = {"devices": names, "driver_version": "", "device_nodes": []}
    assert toolkit.stale(spec, "550", gpus, frozenset()) == [f"it {reason}" for reason in reasons]


@pytest.mark.parametrize(
    ("loaded", "nodes", "reasons"),
    [
        ("550.163.01", {"/dev/nvidia0", "/dev/nvidiactl"}, []),
        ("", {"/dev/nvidia0", "/dev/nvidiactl"}, []),
        (
            "580.65.06",
            {"/dev/nvidiactl"},
            [
                "it mounts the libraries of driver 550.163.01, and 580.65.06 is loaded",
                "it has device nodes that are not there: /dev/nvidia0",
            ],
        ),
    ],
)
def test_staleness_by_driver_and_nodes(loaded, nodes, reasons):
    spec = toolkit.parse_spec("a.json", json.dumps(SPEC), None)
    assert toolkit.stale(spec, loaded, [gpu(0, ONE)], frozenset(nodes)) == reasons


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVIDIA Container Toolkit CLI version 1.18.0\ncommit: f8daa5e26de9fd7eb79259040b6dd5a52060048c\n", "1.18.0"),
        ("version 1.17.0-rc.2", "1.17.0-rc.2"),
        ("", ""),
    ],
)
def test_the_toolkit_tells_its_version(text, version):
    assert toolkit.parse_toolkit_version(text) == version


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (
            {"ServerVersion": "28.5", "CDISpecDirs": ["/etc/cdi"], "Runtimes": {"runc": {}, "nvidia": {}}}
            | {"DefaultRuntime": "runc", "CgroupDriver": "systemd"},
            ("28.5", True, ["nvidia", "runc"], "runc", "systemd"),
        ),
        ({"ServerVersion": "20.10", "CDISpecDirs": None, "Runtimes": None}, ("20.10", False, [], "", "")),
        ({}, ("", False, [], "", "")),
    ],
)
def test_what_the_engine_tells(info, expected):
    keys = ("version", "cdi_enabled", "runtimes", "default_runtime", "cgroup_driver")
    assert toolkit.parse_docker_info(info) == dict(zip(keys, expected, strict=True))


def test_a_specification_in_yaml_that_is_json_needs_no_reader_of_yaml():
    assert toolkit.parse_spec("a.yaml", json.dumps(SPEC), without_yaml)["devices"] == [ONE, "all"]
