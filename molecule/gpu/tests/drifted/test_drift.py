"""What a hand changes of driver and toolkit is named by a check, put right by the next run, and nothing else is."""

import pytest
from e2e.gpu_scenario import CARDS, ONE

SPECIFICATION = "/etc/cdi/nvidia.yaml"
DRIFTS = {
    "source of the driver": ("sed -i /Suites/d /etc/apt/sources.list.d/gpulab-nvidia-driver.sources", "+Suites: /"),
    "its key": ("truncate -s 0 /etc/apt/keyrings/gpulab-nvidia-driver.asc", "gpulab-nvidia-driver.asc"),
    "its branch": ("rm /etc/apt/preferences.d/gpulab-nvidia-driver", "+Pin: version 580.*"),
    "its hold": ("apt-mark unhold nvidia-driver-cuda", "nvidia-driver-cuda: hold"),
    "one of its packages": (
        "apt-mark unhold nvidia-modprobe; dpkg --remove nvidia-modprobe",
        "apt-get install nvidia-modprobe",
    ),
    "unattended upgrades": ("rm /etc/apt/apt.conf.d/52gpulab-nvidia-driver", "+Unattended-Upgrade::"),
    "modules at the start": ("sed -i /uvm/d /etc/modules-load.d/gpulab-nvidia-driver.conf", "+nvidia-uvm"),
    "nouveau": ("rm /etc/modprobe.d/gpulab-nvidia-driver.conf", "+blacklist nouveau"),
    "the module": ("rm -r /sys/module/nvidia", "modprobe --all nvidia nvidia-uvm"),
    "a daemon": ("systemctl disable --now nvidia-persistenced", "Start the driver's daemons"),
    "the fabric manager": ("systemctl stop nvidia-fabricmanager", "Start the driver's daemons"),
    "source of the toolkit": ("rm /etc/apt/sources.list.d/gpulab-nvidia-container-toolkit.sources", "+URIs: "),
    "version of the toolkit": ("rm /etc/apt/preferences.d/gpulab-nvidia-container-toolkit", "+Pin: version 1.17*"),
    "hold of the toolkit": ("apt-mark unhold nvidia-container-toolkit", "nvidia-container-toolkit: hold"),
    "specification lost": (f"rm {SPECIFICATION}", f"+++ after: {SPECIFICATION}"),
    "specification cut off": (f"truncate -s 300 {SPECIFICATION}", f"+++ after: {SPECIFICATION}"),
    "a card less in it": (f"sed -i s/{ONE}/{ONE[:-1]}9/ {SPECIFICATION}", f'+      "name": "{ONE}"'),
    "another driver in it": (f"sed -i s/580.95.05/570.86.15/ {SPECIFICATION}", "580.95.05"),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_what_drifted_is_named_and_put_right(gpu, converge, name):
    typed, words = DRIFTS[name]
    gpu.check_output(typed)
    told = converge("--check", "--diff")
    assert (told.code, told.changes["gpu"]) == (0, 1), told.said
    assert words in told.said
    mended = converge()
    # A package is installed by one task, and held by another.
    assert (mended.code, mended.changes["gpu"]) == (0, 1 + ("apt-get install" in words)), mended.said


def test_after_all_of_it_nothing_is_left_to_do(converge, module):
    assert converge().changes["gpu"] == 0
    assert module("gpu_info", expect_gpus=len(CARDS))["status"] == "ok"


def test_a_card_that_dies_leaves_the_specification_and_is_told(gpu, converge, module, image):
    gpu.check_output("cp /etc/stand-in/cards.json /root/cards.json")
    gpu.check_output(
        'python3 -c \'import json, pathlib; path = pathlib.Path("/etc/stand-in/cards.json"); '
        "path.write_text(json.dumps([None, *json.loads(path.read_text())[1:]]))'"
    )
    try:
        result = module("gpu_info")
        assert [(problem["code"], problem["subject"]) for problem in result["problems"]] == [
            ("gpu_lost", "0000:41:00.0"),
            ("cdi_stale", SPECIFICATION),
        ]
        assert converge().changes["gpu"] == 1
        assert ONE not in gpu.file(SPECIFICATION).content_string
        assert [problem["code"] for problem in module("gpu_info")["problems"]] == ["gpu_lost"]
    finally:
        gpu.check_output("mv /root/cards.json /etc/stand-in/cards.json")
    assert converge().changes["gpu"] == 1
    assert ONE in gpu.file(SPECIFICATION).content_string
