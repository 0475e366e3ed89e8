"""container_gpu_info on the real engine: real CDI, device nodes and device cgroups; only NVML is a double."""

import uuid

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._gpu_container_look import LABEL
from e2e.server import docker
from e2e.standin_gpus import BOTH, CARDS, NULL, NVIDIA, ONE, TWO

IMAGE = "jupyter-custom-gpu:latest"
SLICE = f"MIG-{uuid.uuid4()}"


@pytest.fixture
def container():
    """Start a container of the users' image that stays; remove it in the end."""
    names = []

    def start(*options):
        names.append(f"gpulab-test-{uuid.uuid4()}")
        fixed = ["--network=none", "--label", LABEL, "--entrypoint=/bin/sleep"]
        docker("run", "--detach", "--name", names[-1], "--user=0:0", *fixed, *options, IMAGE, "infinity")
        return names[-1]

    yield start
    for name in names:
        docker("rm", "--force", name)


def problem(result):
    (found,) = result["problems"]
    return found["code"]


@pytest.mark.parametrize("wanted", [[ONE], [TWO], [ONE, TWO], []])
def test_a_container_sees_exactly_the_gpus_that_it_asks_for(spec, look_inside, wanted):
    spec(BOTH, CARDS)
    result = look_inside(image=IMAGE, gpus=wanted)
    assert (result["status"], result["problems"], result["uuid_match"]) == ("ok", [], True)
    assert (result["seen_uuids"], result["host_uuids"]) == (sorted(wanted), sorted([ONE, TWO]))
    assert (result["injection"], result["survives_daemon_reload"]) == (("cdi", True) if wanted else ("none", None))
    nodes = {entry["path"] for entry in result["device_nodes"] if entry["present"]}
    assert nodes == ({"/dev/nvidiactl"} if wanted else set()) | {f"/dev/nvidia{CARDS[name]}" for name in wanted}


def test_a_slice_is_seen_by_its_own_uuid(spec, look_inside):
    card = [f"gpu {ONE}", f"mig {SLICE}"]
    spec(["nodes", *card], {SLICE: 0})
    result = look_inside(card, image=IMAGE, gpus=[SLICE])
    assert (result["problems"], result["seen_uuids"]) == ([], [SLICE])


def test_a_container_that_runs_should_see_what_it_was_made_with(spec, look_inside, container):
    spec(BOTH, CARDS)
    name = container("--device", f"nvidia.com/gpu={TWO}")
    result = look_inside(container=name)
    assert (result["problems"], result["requested"], result["injection"]) == ([], [TWO], "cdi")
    assert problem(look_inside(container=name, gpus=[])) == "extra_gpus_visible"
    assert problem(look_inside(container=name, gpus=[ONE])) == "wrong_gpu"


def test_another_card_behind_a_uuid_is_told(spec, look_inside):
    spec(BOTH, {ONE: 1})
    assert problem(look_inside(image=IMAGE, gpus=[ONE])) == "wrong_gpu"


def test_a_container_that_was_made_without_a_gpu(look_inside, container):
    result = look_inside(container=container(), gpus=[ONE])
    assert (problem(result), result["problems"][0]["evidence"]["errno"]) == ("not_injected", "ENOENT")


def test_a_node_that_the_containers_cgroup_denies(look_inside, container):
    name = container("--cap-add=MKNOD")
    docker("exec", name, "mknod", "/dev/nvidiactl", "c", *map(str, NVIDIA))
    result = look_inside(container=name, gpus=[ONE])
    assert (problem(result), result["problems"][0]["evidence"]["errno"]) == ("cgroup_denied", "EPERM")


def test_a_node_without_a_driver_behind_it(spec, look_inside):
    spec(["init 9"], CARDS)
    result = look_inside(image=IMAGE, gpus=[ONE])
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
def test_codes_of_nvml_tell_the_rest_apart(spec, look_inside, lines, code):
    spec(lines, CARDS, control=NULL)
    assert problem(look_inside(image=IMAGE, gpus=[ONE])) == code


def test_a_mismatch_that_the_server_has_too_is_the_servers(spec, look_inside):
    spec(["init 18"], CARDS, control=NULL)
    assert problem(look_inside(["init 18"], image=IMAGE, gpus=[ONE])) == "version_mismatch"


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
def test_the_engines_words_are_understood(look_inside, host, arguments, code):
    result = look_inside(host, **arguments)
    assert (problem(result), result["status"], "failed" in result) == (code, "failed", False)


def test_nothing_is_left_behind_of_a_driver_that_never_answers(spec, look_inside):
    spec(["hang 600", *BOTH], CARDS)
    result = look_inside(image=IMAGE, gpus=[ONE], timeout=3)
    assert (problem(result), result["seen_uuids"]) == ("probe_not_run", [])
    assert "no answer within 3 seconds" in result["problems"][0]["evidence"]["text"]
    assert docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}") == ""
