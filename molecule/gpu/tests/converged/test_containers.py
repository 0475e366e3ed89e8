"""After the first converge: containers get exactly the GPUs that they ask for, by CDI, and keep them."""

import json

import pytest
from e2e.gpu_scenario import ONE, TOOLKIT, TWO, codes


@pytest.mark.parametrize("package", TOOLKIT)
def test_all_packages_of_the_toolkit_are_of_one_version_and_held(gpu, package):
    assert gpu.package(package).version == "1.17.8-1"
    assert package in gpu.check_output("apt-mark showhold").split()


def test_the_engine_has_cdi_and_no_runtime_for_everybody(gpu):
    told = json.loads(gpu.check_output("docker info --format '{{json .}}'"))
    assert told["CDISpecDirs"]
    assert told["DefaultRuntime"] == "runc"
    assert "nvidia" not in told["Runtimes"]


@pytest.mark.parametrize(("wanted", "nodes"), [([ONE], {"0"}), ([TWO], {"1"}), ([ONE, TWO], {"0", "1"}), ([], set())])
def test_a_container_sees_exactly_the_gpus_that_it_asks_for(module, image, wanted, nodes):
    result = module("container_gpu_info", image=image, gpus=wanted)
    assert (result["status"], codes(result), result["uuid_match"]) == ("ok", [], True)
    assert result["seen_uuids"] == sorted(wanted)
    there = {one["path"].removeprefix("/dev/nvidia") for one in result["device_nodes"] if one["present"]}
    assert there & {"0", "1"} == nodes


def test_a_gpu_that_is_given_away_and_is_gone_is_warned_of(converge):
    gone = ONE[:-1] + "9"
    rules = {"hub_config_gpu_access": [{"users": ["ada"], "gpus": "all"}, {"gpus": [ONE, gone]}]}
    run = converge(f"--extra-vars={json.dumps(rules)}")
    assert (run.code, run.changes["gpu"]) == (0, 0), run.said
    assert f"{gone} is given to users, and this server has {ONE}, {TWO}, " in " ".join(run.said.split())


def test_a_gpu_that_the_server_lacks_is_told(module, image):
    assert codes(module("container_gpu_info", image=image, gpus=[ONE[:-1] + "9"])) == ["gpu_unknown"]


def test_a_container_keeps_its_gpu_when_the_units_are_read_again(gpu, module, image):
    name = gpu.check_output(f"docker run --detach --device nvidia.com/gpu={ONE} {image} sleep infinity")
    try:
        gpu.check_output("systemctl daemon-reload")
        result = module("container_gpu_info", container=name)
        assert (codes(result), result["seen_uuids"], result["injection"]) == ([], [ONE], "cdi")
    finally:
        gpu.check_output(f"docker rm --force {name}")
