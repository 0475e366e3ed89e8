"""container_gpu_info on the real engine: real CDI, device nodes and device cgroups; only NVML is a double.

The specifications lie where the engine looks for those that come and go, under UUIDs that no card has, and are removed.
"""

import json
import uuid
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.modules import container_gpu_info
from ansible_collections.gpulab.jupyterhub.tests.unit import nvml_building
from e2e.server import docker

IMAGE = "jupyter-custom-gpu:latest"
SPECS = Path("/var/run/cdi")
ONE, TWO = (f"GPU-{uuid.uuid4()}" for _card in range(2))
SLICE = f"MIG-{uuid.uuid4()}"

# Behind NVIDIA's own numbers there is no driver here; behind those of /dev/null there is one.
NVIDIA, NULL = (195, 255), (1, 3)


def node(path, major, minor):
    return {"path": path, "type": "c", "major": major, "minor": minor}


@pytest.fixture(scope="module")
def double(tmp_path_factory):
    return nvml_building.build(tmp_path_factory.mktemp("double"))


@pytest.fixture
def spec(tmp_path, double):
    """Offer GPUs by CDI: *devices* maps UUIDs to the number of the card that they bring."""
    made_folder = not SPECS.exists()
    file = SPECS / f"gpulab-test-{uuid.uuid4()}.json"

    def write(lines, devices, control=NVIDIA):
        said = tmp_path / "said"
        said.write_text("\n".join(lines))
        mounts = {double / "libnvidia-ml.so.1": "/usr/lib/libnvidia-ml.so.1", said: "/etc/nvml-double"}
        edits = {
            "deviceNodes": [node("/dev/nvidiactl", *control)],
            "mounts": [{"hostPath": str(a), "containerPath": b, "options": ["ro", "bind"]} for a, b in mounts.items()],
        }
        cards = [
            {"name": name, "containerEdits": {"deviceNodes": [node(f"/dev/nvidia{number}", 195, number)]}}
            for name, number in devices.items()
        ]
        SPECS.mkdir(exist_ok=True)
        text = json.dumps({"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": cards, "containerEdits": edits})
        # In one step, as the engine reads it at any moment.
        file.with_suffix(".new").write_text(text)
        file.with_suffix(".new").rename(file)

    yield write
    file.unlink(missing_ok=True)
    if made_folder and SPECS.exists():
        SPECS.rmdir()


@pytest.fixture
def run(tmp_path, capsys, monkeypatch, double):
    """Run the module as Ansible does, on a server whose own NVML tells *host*."""

    def run(host=(f"gpu {ONE}", f"gpu {TWO}"), **arguments):
        (tmp_path / "host").write_text("\n".join(host))
        monkeypatch.setenv("NVML_DOUBLE", str(tmp_path / "host"))
        monkeypatch.setenv("LD_LIBRARY_PATH", str(double) if host else "")
        with patch_module_args(arguments), pytest.raises(SystemExit):
            container_gpu_info.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def container():
    """Start a container of the users' image that stays; remove it in the end."""
    names = []

    def start(*options):
        names.append(f"gpulab-test-{uuid.uuid4()}")
        fixed = ["--network=none", "--label", container_gpu_info.LABEL, "--entrypoint=/bin/sleep"]
        docker("run", "--detach", "--name", names[-1], "--user=0:0", *fixed, *options, IMAGE, "infinity")
        return names[-1]

    yield start
    for name in names:
        docker("rm", "--force", name)


def problem(result):
    (found,) = result["problems"]
    return found["code"]


BOTH = ["nodes", f"gpu {ONE}", f"gpu {TWO}"]
CARDS = {ONE: 0, TWO: 1}


@pytest.mark.parametrize("wanted", [[ONE], [TWO], [ONE, TWO], []])
def test_a_container_sees_exactly_the_gpus_that_it_asks_for(spec, run, wanted):
    spec(BOTH, CARDS)
    result = run(image=IMAGE, gpus=wanted)
    assert (result["status"], result["problems"], result["uuid_match"]) == ("ok", [], True)
    assert (result["seen_uuids"], result["host_uuids"]) == (sorted(wanted), sorted([ONE, TWO]))
    assert (result["injection"], result["survives_daemon_reload"]) == (("cdi", True) if wanted else ("none", None))
    nodes = {entry["path"] for entry in result["device_nodes"] if entry["present"]}
    assert nodes == ({"/dev/nvidiactl"} if wanted else set()) | {f"/dev/nvidia{CARDS[name]}" for name in wanted}


def test_a_slice_is_seen_by_its_own_uuid(spec, run):
    card = [f"gpu {ONE}", f"mig {SLICE}"]
    spec(["nodes", *card], {SLICE: 0})
    result = run(card, image=IMAGE, gpus=[SLICE])
    assert (result["problems"], result["seen_uuids"]) == ([], [SLICE])


def test_a_container_that_runs_should_see_what_it_was_made_with(spec, run, container):
    spec(BOTH, CARDS)
    name = container("--device", f"nvidia.com/gpu={TWO}")
    result = run(container=name)
    assert (result["problems"], result["requested"], result["injection"]) == ([], [TWO], "cdi")
    assert problem(run(container=name, gpus=[])) == "extra_gpus_visible"
    assert problem(run(container=name, gpus=[ONE])) == "wrong_gpu"


def test_another_card_behind_a_uuid_is_told(spec, run):
    spec(BOTH, {ONE: 1})
    assert problem(run(image=IMAGE, gpus=[ONE])) == "wrong_gpu"


def test_a_container_that_was_made_without_a_gpu(run, container):
    result = run(container=container(), gpus=[ONE])
    assert (problem(result), result["problems"][0]["evidence"]["errno"]) == ("not_injected", "ENOENT")


def test_a_node_that_the_containers_cgroup_denies(run, container):
    name = container("--cap-add=MKNOD")
    docker("exec", name, "mknod", "/dev/nvidiactl", "c", *map(str, NVIDIA))
    result = run(container=name, gpus=[ONE])
    assert (problem(result), result["problems"][0]["evidence"]["errno"]) == ("cgroup_denied", "EPERM")


def test_a_node_without_a_driver_behind_it(spec, run):
    spec(["init 9"], CARDS)
    result = run(image=IMAGE, gpus=[ONE])
    assert (problem(result), result["problems"][0]["evidence"]["errno"]) == ("no_driver_behind_node", "ENXIO")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["init 4"], "insufficient_permissions"),
        (["init 15"], "gpu_lost"),
        (["init 17"], "gpu_access_blocked"),
        (["init 18"], "image_ships_driver_libs"),
        (["nodes", f"gpu {ONE}", "lost 15"], "gpu_lost"),
    ],
)
def test_codes_of_nvml_tell_the_rest_apart(spec, run, lines, code):
    spec(lines, CARDS, control=NULL)
    assert problem(run(image=IMAGE, gpus=[ONE])) == code


def test_a_mismatch_that_the_server_has_too_is_the_servers(spec, run):
    spec(["init 18"], CARDS, control=NULL)
    assert problem(run(["init 18"], image=IMAGE, gpus=[ONE])) == "version_mismatch"


@pytest.mark.parametrize(
    ("host", "arguments", "code"),
    [
        pytest.param((f"gpu {TWO}",), {"image": IMAGE, "gpus": [ONE]}, "gpu_unknown", id="card gone"),
        pytest.param((), {"image": IMAGE, "gpus": [ONE]}, "cdi_unresolvable", id="no specification"),
        pytest.param(
            (),
            {"image": IMAGE, "gpus": [ONE], "injection": "hook"},
            "docker_no_gpu_driver",
            id="engine without the hook",
        ),
        pytest.param((), {"image": "gpulab/nothing:none"}, "image_missing", id="no image"),
        pytest.param((), {"container": "gpulab-nobody"}, "container_missing", id="no container"),
    ],
)
def test_the_engines_words_are_understood(run, host, arguments, code):
    result = run(host, **arguments)
    assert (problem(result), result["status"], "failed" in result) == (code, "failed", False)


def test_nothing_is_left_behind_of_a_driver_that_never_answers(spec, run):
    spec(["hang 600", *BOTH], CARDS)
    result = run(image=IMAGE, gpus=[ONE], timeout=3)
    assert (problem(result), result["seen_uuids"]) == ("probe_not_run", [])
    assert "no answer within 3 seconds" in result["problems"][0]["evidence"]["text"]
    assert docker("ps", "--all", "--quiet", "--filter", f"label={container_gpu_info.LABEL}") == ""
