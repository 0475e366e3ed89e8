"""_gpu_probe, as a container runs it: by its text, on a Python of its own, with a double of NVML."""

import inspect
import json
import os
import subprocess
import sys

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_probe as probe
from ansible_collections.gpulab.jupyterhub.tests.unit import nvml_building

ONE, TWO = "GPU-00000000-aaaa", "GPU-00000001-bbbb"
SLICES = ["MIG-00000000-cccc", "MIG-00000001-dddd"]


@pytest.fixture(scope="module")
def double(tmp_path_factory):
    return nvml_building.build(tmp_path_factory.mktemp("double"))


@pytest.fixture
def run(tmp_path):
    """Run the probe; it finds libraries in *libraries*, and the double tells *lines*."""

    def run(*lines, libraries="", arguments=(), **environment):
        file = tmp_path / "said"
        file.write_text("\n".join(lines))
        variables = {
            "LD_LIBRARY_PATH": str(libraries),
            "NVML_DOUBLE": str(file),
            "PATH": os.environ["PATH"],
            **environment,
        }
        command = [sys.executable, "-I", "-", *arguments]
        done = subprocess.run(
            command, input=inspect.getsource(probe), capture_output=True, text=True, env=variables, check=True
        )
        return json.loads(done.stdout)

    return run


def test_without_a_library_the_code_says_so(run):
    told = run()
    assert (told["nvml"]["code"], told["nvml"]["gpus"], told["cuda"], told["torch"]) == (12, [], {"code": None}, None)
    assert "libnvidia-ml.so.1" in told["nvml"]["text"]


def test_cards_and_slices_are_told(run, double):
    mig = [f"mig {uuid}" for uuid in SLICES]
    told = run("driver 590.48.01", "cuda 13010", f"gpu {ONE}", f"gpu {TWO}", *mig, libraries=double)
    nvml = told["nvml"]
    assert (nvml["code"], nvml["text"], nvml["driver"], nvml["cuda"]) == (0, "Success", "590.48.01", "13.1")
    assert [(gpu["uuid"], gpu["slices"], gpu["error"]) for gpu in nvml["gpus"]] == [(ONE, [], 0), (TWO, SLICES, 0)]
    assert nvml["library"] == str(double / "libnvidia-ml.so.1")
    assert (told["cuda"]["code"], told["torch"]["version"]) == (0, "")


@pytest.mark.parametrize("code", [4, 9, 15, 17, 18, 999])
def test_codes_of_nvml_are_told(run, double, code):
    told = run(f"init {code}", f"gpu {ONE}", libraries=double)
    assert (told["nvml"]["code"], told["nvml"]["gpus"], told["cuda"]["code"]) == (code, [], None)


def test_a_card_that_does_not_answer_does_not_hide_the_others(run, double):
    told = run(f"gpu {ONE}", "lost 15", f"gpu {TWO}", libraries=double)
    assert [(gpu["uuid"], gpu["error"]) for gpu in told["nvml"]["gpus"]] == [("", 15), (TWO, 0)]


def test_cuda_is_started_only_as_asked(run, double):
    assert run(f"gpu {ONE}", "cuInit 802", libraries=double)["cuda"]["code"] == 802
    told = run(f"gpu {ONE}", "cuInit 802", libraries=double, arguments=["no-compute"])
    assert (told["cuda"]["code"], told["torch"]) == (None, None)


@pytest.mark.parametrize(
    ("total", "error"), [(64, ""), (63, "wrong sums on [0]"), ("boom", "RuntimeError: CUDA unknown error")]
)
def test_torch_computes_where_it_is(run, double, tmp_path, total, error):
    (tmp_path / "torch.py").write_text(
        f"""
class cuda:
    device_count = staticmethod(lambda: 1)
class ones:
    def __init__(self, *size, device):
        if {total!r} == "boom":
            raise RuntimeError("CUDA unknown error")
    sum = item = lambda self: self
    __eq__ = lambda self, other: {total!r} == other
    __ne__ = lambda self, other: {total!r} != other
__version__ = "2.9.0"
"""
    )
    told = run(f"gpu {ONE}", libraries=double, PYTHONPATH=str(tmp_path))["torch"]
    assert told["error"] == error


def test_device_nodes_are_opened_and_not_only_looked_for(monkeypatch):
    assert {node["path"] for node in probe.device_nodes()} >= {"/dev/nvidiactl", "/dev/nvidia-uvm"}
    assert (probe.open_errno("/nowhere/at/all"), probe.open_errno("/dev/null")) == ("ENOENT", "")
