"""A card that is sliced as the inventory has it: its slices are given by their UUIDs, and stay under who uses them."""

import json

import pytest
from e2e.gpu_scenario import ONE, SLICES, SPLIT, codes


@pytest.fixture
def slices(module):
    """The slices of the card that the inventory has sliced: profiles by UUID."""
    cards = {card["uuid"]: card for card in module("gpu_info")["gpus"]}
    return {device["uuid"]: device["profile"] for device in cards[SPLIT]["mig_devices"]}


def wishing(card, *profiles):
    layout = [{"cards": [card], "slices": [*profiles]}]
    return f"--extra-vars={json.dumps({'nvidia_container_toolkit_mig': layout})}"


def test_the_card_has_its_slices_and_the_specification_names_them(gpu, slices):
    assert sorted(slices.values()) == sorted(SLICES)
    specification = gpu.file("/etc/cdi/nvidia.yaml").content_string
    assert [uuid for uuid in slices if f'"{uuid}"' not in specification] == []
    assert f'"{SPLIT}"' not in specification


def test_a_container_gets_slices_and_not_the_card(module, image, slices):
    result = module("container_gpu_info", image=image, gpus=[*slices])
    assert (codes(result), result["seen_uuids"]) == ([], sorted(slices))


def test_slices_that_a_hand_removes_are_named_and_made_again(gpu, converge, module):
    gpu.check_output(f"nvidia-smi mig -dgi -i {SPLIT}")
    assert "mig_without_slices" in codes(module("gpu_info"))
    told = converge("--check", "--diff")
    assert (told.code, told.changes["gpu"]) == (0, 1), told.said
    assert f"-{SPLIT}: no slices, MIG enabled" in told.said
    assert f"+{SPLIT}: {', '.join(SLICES)}, MIG enabled" in told.said
    mended = converge()
    assert (mended.code, mended.changes["gpu"]) == (0, 1), mended.said
    assert module("gpu_info")["status"] == "ok"


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ((SPLIT, "1g.5gb"), "has no 1g.5gb; it has 1g.10gb"),
        ((ONE, "7g.80gb", "1g.10gb"), "7g.80gb, 1g.10gb do not fit"),
        (("0", "1g.10gb"), "'0' is no UUID of a card"),
    ],
)
def test_what_a_card_cannot_have_is_refused_before_anything_is_changed(converge, layout, words):
    run = converge(wishing(*layout))
    assert run.code == 2
    assert run.changes.get("gpu", 0) == 0, run.said
    assert words in " ".join(run.said.split()).replace("''", "'")


def test_a_card_of_which_a_container_has_a_slice_is_left_as_it_is(gpu, converge, image, slices):
    name = gpu.check_output(
        f"docker run --detach --device nvidia.com/gpu={min(slices)} --name ada {image} sleep infinity"
    )
    try:
        run = converge(wishing(SPLIT, "7g.80gb"))
        assert (run.code, run.changes["gpu"]) == (2, 0), run.said
        assert "container ada would lose it" in " ".join(run.said.split())
    finally:
        gpu.check_output(f"docker rm --force {name}")


def test_another_layout_takes_the_place_of_the_old_one_and_back(converge, module, slices):
    assert converge(wishing(SPLIT, "7g.80gb")).changes["gpu"] == 2
    whole = converge(wishing(SPLIT))
    assert (whole.code, whole.changes["gpu"]) == (0, 2), whole.said
    assert {card["mig_mode"] for card in module("gpu_info")["gpus"]} == {"disabled", "unsupported"}
    assert converge().changes["gpu"] == 2
    assert converge().changes["gpu"] == 0
