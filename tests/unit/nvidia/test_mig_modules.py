"""nvidia_container_toolkit_info and nvidia_mig: cards that are sliced as the inventory has them."""

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gpulab.jupyterhub.plugins.modules import (
    nvidia_container_toolkit_info,
    nvidia_mig,
)
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes

SLICED = shapes.H100_MIG["uuid"]
AS_IT_IS = ["1g.10gb", "1g.10gb", "2g.20gb", "3g.40gb"]


def layout(*slices):
    return [{"cards": [SLICED], "slices": [*slices]}]


def sliced(server):
    """What nvidia-smi was told to do, but for questions."""
    questions = ("-q", "-L", "--query-gpu", "mig -lgip")
    asked = [line.removeprefix("nvidia-smi ") for line in server.asked if line.startswith("nvidia-smi")]
    return [words for words in asked if not words.startswith(questions)]


@pytest.fixture
def idle(server):
    """Nobody uses the card that is sliced."""
    server.smi(
        [shapes.T4, shapes.H100_MIG | {"processes": []}],
        **{f"mig -lgip -i {SLICED}": "|   0  MIG 7g.80gb   0   0/1   79.25 |\n|   0  MIG 1g.10gb  19   0/7   9.75 |\n"},
        **{f"mig {words} -i {SLICED}": "" for words in ("-dci", "-dgi", "-cgi 7g.80gb -C")},
    )
    return server


def test_cards_that_are_sliced_as_they_shall_be_are_left_alone(server, run):
    assert run(nvidia_container_toolkit_info, mig=layout(*AS_IT_IS))["plan"]["mig"] == []
    assert (run(nvidia_mig, mig=layout(*AS_IT_IS))["changed"], sliced(server)) == (False, [])


@pytest.mark.parametrize("module", [nvidia_container_toolkit_info, nvidia_mig])
def test_a_card_that_somebody_uses_is_not_sliced_anew(server, run, module):
    result = run(module, mig=layout("1g.10gb"))
    assert "process 21180 (/root/tools/memhog)" in result.get("refusal", result.get("msg"))
    assert sliced(server) == []


def test_a_card_gets_other_slices_once_the_old_ones_are_gone(idle, run):
    told = run(nvidia_mig, check=True, mig=layout("7g.80gb"))
    assert (told["changed"], told["cards"], sliced(idle)) == (True, [SLICED], [])
    assert told["diff"]["before"] == f"{SLICED}: 3g.40gb, 2g.20gb, 1g.10gb, 1g.10gb, MIG enabled\n"
    assert told["diff"]["after"] == f"{SLICED}: 7g.80gb, MIG enabled\n"
    assert run(nvidia_mig, mig=layout("7g.80gb"))["changed"]
    assert sliced(idle) == [f"mig {words} -i {SLICED}" for words in ("-dci", "-dgi", "-cgi 7g.80gb -C")]


def test_a_card_that_takes_its_mode_with_a_reset_is_said_to_wait(idle, run, monkeypatch):
    monkeypatch.setattr(AnsibleModule, "warn", lambda self, words: None)
    result = run(nvidia_mig, mig=layout())
    assert (result["changed"], result["waiting"]) == (True, [SLICED])
    assert sliced(idle)[-2:] == [f"-i {SLICED} -mig 0", f"--gpu-reset -i {SLICED}"]


def test_what_a_card_lacks_is_refused_by_its_own_word(idle, run):
    said = " ".join(run(nvidia_mig, mig=layout("2g.20gb"))["msg"].split())
    assert "has no 2g.20gb; it has 7g.80gb, 1g.10gb" in said
    assert sliced(idle) == []
