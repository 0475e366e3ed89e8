"""After a reboot: the new driver runs, and what names the old one is put right by the next run."""

import json

from e2e.gpu_scenario import CARDS, ONE, SLICES, SPLIT, TWO, codes

NEWER = "nvidia_driver_branch=590"
SPECIFICATION = "/etc/cdi/nvidia.yaml"


def test_after_a_reboot_the_new_driver_runs_and_the_specification_is_refreshed(gpu, converge, module, image):
    result = module("gpu_info")
    # A start takes the slices of every card, and leaves MIG mode to this one.
    assert sorted(codes(result)) == ["cdi_stale", "mig_without_slices"]
    assert result["driver"]["kernel_version"] == "590.48.01"
    assert gpu.service("nvidia-persistenced").is_running
    run = converge("--extra-vars", NEWER)
    assert (run.code, run.changes["gpu"]) == (0, 2), run.said
    result = module("gpu_info", expect_gpus=len(CARDS))
    assert result["status"] == "ok"
    assert {card["uuid"]: len(card["mig_devices"]) for card in result["gpus"]}[SPLIT] == len(SLICES)
    assert "590.48.01" in gpu.file(SPECIFICATION).content_string
    assert module("container_gpu_info", image=image, gpus=[ONE, TWO])["status"] == "ok"


def test_the_runtime_for_those_without_cdi_comes_on_demand_and_is_nobodys_default(gpu, converge):
    wishes = {"nvidia_driver_branch": 590, "nvidia_container_toolkit_legacy_runtime": True}
    run = converge(f"--extra-vars={json.dumps(wishes)}")
    assert run.code == 0, run.said
    told = json.loads(gpu.check_output("docker info --format '{{json .}}'"))
    assert "nvidia" in told["Runtimes"]
    assert told["DefaultRuntime"] == "runc"
    assert converge("--extra-vars", NEWER).code == 0
    assert "nvidia" not in json.loads(gpu.check_output("docker info --format '{{json .}}'"))["Runtimes"]
