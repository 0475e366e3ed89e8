"""Which CUDA the users' image can have, by every architecture and by drivers old and new."""

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_cuda as cuda
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_look as look
from ansible_collections.gpulab.jupyterhub.plugins.modules import cuda_choice
from ansible_collections.gpulab.jupyterhub.tests.unit.gpu_server import Server

DRIVERS = (535, 550, 560, 570, 580, 595)
NEWEST = {
    "Maxwell": "- - 12.6 12.6 12.6 12.6",
    "Pascal": "- - 12.6 12.6 12.6 12.6",
    "Volta": "- - 12.6 12.8 12.8 12.8",
    "Turing": "- - 12.6 12.8 13.0 13.0",
    "Ampere": "- - 12.6 12.8 13.0 13.0",
    "Ada": "- - 12.6 12.8 13.0 13.0",
    "Hopper": "- - 12.6 12.8 13.0 13.0",
    "Grace Hopper": "- - 12.6 12.8 13.0 13.0",
    "Blackwell": "- - - 12.8 13.0 13.0",
    "Kepler": "- - - - - -",
    # What nobody knows yet is new.
    "": "- - 12.6 12.8 13.0 13.0",
}


@pytest.mark.parametrize("architecture", NEWEST)
def test_the_newest_that_card_and_driver_can_do_is_chosen(architecture):
    chosen = [cuda.choose(cuda.AUTO, [architecture], branch) or "-" for branch in DRIVERS]
    assert " ".join(chosen) == NEWEST[architecture]
    for branch, name in zip(DRIVERS, chosen, strict=True):
        assert bool([*cuda.problems(cuda.AUTO, [architecture], branch, "amd64", False)]) == (name == "-")


@pytest.mark.parametrize(
    ("cards", "chosen"),
    [(["Volta", "Hopper"], "12.8"), (["Pascal", "Ada"], "12.6"), (["Pascal", "Blackwell"], ""), ([], "")],
)
def test_one_cuda_serves_all_cards(cards, chosen):
    assert cuda.choose(cuda.AUTO, cards, 580) == chosen


@pytest.mark.parametrize(
    ("wish", "cards", "branch", "words"),
    [
        ("auto", [], 0, "there is no NVIDIA card here to choose it by"),
        ("auto", ["Ada"], 0, "there is no driver here to choose it by"),
        ("auto", ["Pascal", "Blackwell"], 580, "serves cards of Blackwell, Pascal with a driver of branch 580"),
        ("13.0", ["Ada"], 570, "CUDA 13.0 wants a driver of branch 580 or later, and that of this server is 570"),
        ("13.0", ["Volta"], 580, "have no code for Volta"),
        ("12.6", ["Blackwell"], 0, "have no code for Blackwell"),
    ],
)
def test_what_cannot_be_is_refused_in_words(wish, cards, branch, words):
    (problem,) = cuda.problems(wish, cards, branch, "amd64", False)
    assert (problem.code, words in problem.evidence) == ("cuda-impossible", True), problem.evidence


def test_a_driver_that_may_still_come_is_waited_for():
    assert list(cuda.problems("auto", ["Ada"], 0, "amd64", True)) == []
    assert cuda.choose("auto", ["Ada"], 0) == ""


def test_a_cuda_that_is_named_needs_neither_card_nor_driver():
    assert list(cuda.problems("12.8", [], 0, "amd64", False)) == []
    assert cuda.choose("12.8", [], 0) == "12.8"


def test_another_processor_has_no_pinned_packages():
    assert "processor is arm64" in next(cuda.problems("13.0", [], 0, "arm64", False)).evidence


@pytest.mark.parametrize(
    ("requirement", "is_twice"),
    [
        ("torch", True),
        ("Torch>=2", True),
        ("torch[opt]==2.1", True),
        ("torch @ https://x/y.whl", True),
        ("cupy_cuda12x", True),
        ("cupy", True),
        ("torchvision", False),
        ("torch-geometric", False),
        ("cupyx", False),
    ],
)
def test_a_package_that_two_settings_bring_is_found(requirement, is_twice):
    assert cuda.named_twice([requirement], ["torch", "cupy"]) == [requirement] * is_twice
    assert cuda.named_twice([requirement], []) == []


# --- The module -------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the module on a server with a Hopper and a driver of branch 590; return its result."""
    monkeypatch.setattr(look, "ROOT", Server(tmp_path).working().root)
    monkeypatch.setattr(cuda_choice, "architecture", lambda: "amd64")

    def run(**arguments):
        with patch_module_args(arguments), pytest.raises(SystemExit):
            cuda_choice.main()
        return json.loads(capsys.readouterr().out)

    return run


def test_the_module_goes_by_cards_and_driver(run):
    assert (run()["cuda"], run(cuda="12.6")["cuda"]) == ("13.0", "12.6")


def test_the_module_refuses_in_words(run, tmp_path):
    for library in tmp_path.rglob("libnvidia-ml.so*"):
        library.unlink()
    assert "there is no driver here" in " ".join(run()["msg"].split())
    assert run(ahead=True)["cuda"] == ""
