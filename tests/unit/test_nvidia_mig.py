"""How cards are to be sliced: what differs, what fits, and what is refused in words."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_mig as mig

A30 = {"name": "NVIDIA A30", "compute_cap": "8.0", "memory": {"total": 24576}}
A100 = {"name": "NVIDIA A100-SXM4-40GB", "compute_cap": "8.0", "memory": {"total": 40960}}
H100 = {"name": "NVIDIA H100 80GB HBM3", "compute_cap": "9.0", "memory": {"total": 81559}}
H200 = {"name": "NVIDIA H200", "compute_cap": "9.0", "memory": {"total": 143771}}
NVL = {"name": "NVIDIA H100 NVL", "compute_cap": "9.0", "memory": {"total": 95830}}
T4 = {"name": "Tesla T4", "compute_cap": "7.5", "memory": {"total": 15360}}
LISTED = """\
+-------------------------------------------------------------------------------+
| GPU instance profiles:                                                        |
| GPU   Name               ID    Instances   Memory     P2P    SM    DEC   ENC  |
|                                Free/Total   GiB              CE    JPEG  OFA  |
|===============================================================================|
|   0  MIG 1g.34gb         19     7/7        33.12      No     16     1     0   |
|                                                               1     1     0   |
+-------------------------------------------------------------------------------+
|   0  MIG 1g.34gb+me      20     0/1        33.12      No     16     1     0   |
|                                                               1     1     1   |
+-------------------------------------------------------------------------------+
|   0  MIG 3g.135gb         9     2/2        133.50     No     60     3     0   |
"""


def card(uuid, model=None, mode="disabled", slices=(), pending=None, processes=()):
    devices = [{"uuid": f"MIG-{uuid}-{n}", "profile": name} for n, name in enumerate(slices)]
    more = {"mig_pending": pending or mode, "mig_devices": devices, "processes": [*processes]}
    return {**(model or H100), "uuid": uuid, "mig_mode": mode, **more}


def entry(cards, *slices):
    return {"cards": [cards], "slices": [*slices]}


WHOLE, SLICED = card("GPU-1"), card("GPU-2", mode="enabled", slices=["1g.10gb", "3g.40gb"])
OLD = card("GPU-3", T4, mode="unsupported")


@pytest.mark.parametrize(
    ("layout", "changes"),
    [
        ([], []),
        ([entry("GPU-1")], []),
        ([entry("GPU-3")], []),
        ([entry("GPU-2", "3g.40gb", "1g.10gb")], []),
        ([entry("GPU-1", "1g.10gb", "3g.40gb")], [("GPU-1", "enabled", False, ["3g.40gb", "1g.10gb"])]),
        ([entry("GPU-2", "3g.40gb")], [("GPU-2", "", True, ["3g.40gb"])]),
        ([entry("GPU-2", "1g.10gb", "1g.10gb", "3g.40gb")], [("GPU-2", "", True, ["3g.40gb", "1g.10gb", "1g.10gb"])]),
        ([entry("GPU-2")], [("GPU-2", "disabled", True, [])]),
        ([entry("all")], [("GPU-2", "disabled", True, [])]),
        (
            [entry("all", "7g.80gb"), entry("GPU-1")],
            [("GPU-2", "", True, ["7g.80gb"])],
        ),
    ],
)
def test_what_differs_is_changed_and_nothing_else(layout, changes):
    assert mig.changes(layout, [WHOLE, SLICED, OLD]) == changes


def test_a_card_without_a_slice_after_a_reboot_gets_them_again():
    assert mig.changes([entry("GPU-1", "7g.80gb")], [card("GPU-1", mode="enabled")]) == [
        ("GPU-1", "", False, ["7g.80gb"])
    ]


def test_a_card_that_waits_for_its_reset_is_told_and_not_foretold():
    waiting = [card("GPU-1", pending="enabled")]
    assert mig.changes([entry("GPU-1", "7g.80gb")], waiting) == []
    assert [problem.code for problem in mig.problems([entry("GPU-1", "7g.80gb")], waiting, {}, {})] == ["mig-waits"]
    # What was asked before is asked no longer: it has to be told again.
    assert mig.changes([entry("GPU-1")], waiting) == []


def test_a_diff_shows_how_cards_are_sliced_before_and_after():
    todo = mig.changes([entry("all", "3g.40gb")], [WHOLE, SLICED])
    assert mig.described([WHOLE, SLICED], ["GPU-1", "GPU-2"]) == (
        "GPU-1: no slices, MIG disabled\nGPU-2: 3g.40gb, 1g.10gb, MIG enabled\n"
    )
    assert mig.described(mig.after([WHOLE, SLICED], todo), ["GPU-2"]) == "GPU-2: 3g.40gb, MIG enabled\n"


@pytest.mark.parametrize(
    ("model", "listed", "profiles"),
    [
        (A30, "", "1g.6gb 2g.12gb 4g.24gb"),
        (A100, "", "1g.5gb 1g.5gb+me 1g.10gb 2g.10gb 3g.20gb 4g.20gb 7g.40gb"),
        (H100, "", "1g.10gb 1g.10gb+me 1g.20gb 2g.20gb 3g.40gb 4g.40gb 7g.80gb"),
        (NVL, "", "1g.12gb 1g.12gb+me 1g.24gb 2g.24gb 3g.47gb 4g.47gb 7g.94gb"),
        (H200, "", "1g.18gb 1g.18gb+me 1g.35gb 2g.35gb 3g.71gb 4g.71gb 7g.141gb"),
        (T4, "", ""),
        (H100, LISTED, "1g.34gb 1g.34gb+me 3g.135gb"),
    ],
)
def test_what_a_card_offers_is_its_own_word_or_the_makers(model, listed, profiles):
    assert " ".join(mig.offered(model, listed)) == profiles


@pytest.mark.parametrize(
    ("model", "slices", "fit"),
    [
        (A100, "3g.20gb 3g.20gb", True),
        (A100, "3g.20gb 3g.20gb 1g.5gb", False),
        (A100, "4g.20gb 3g.20gb", True),
        (A100, "3g.20gb 2g.10gb 1g.5gb 1g.5gb", True),
        (A100, "1g.5gb " * 7, True),
        (A100, "1g.5gb " * 8, False),
        (A100, "1g.10gb " * 4, True),
        (A100, "1g.10gb " * 4 + "1g.5gb", False),
        (A100, "1g.5gb+me " * 2, False),
        (A100, "7g.40gb 1g.5gb", False),
        (A30, "2g.12gb 1g.6gb 1g.6gb", True),
        (A30, "4g.24gb 1g.6gb", False),
    ],
)
def test_slices_fit_by_what_they_compute_with_and_by_their_memory(model, slices, fit):
    assert mig.fits(slices.split(), mig.offered(model)) is fit


@pytest.mark.parametrize(
    ("gpu", "slices", "words"),
    [
        (OLD, ["1g.5gb"], "Tesla T4 GPU-3 cannot be sliced."),
        (WHOLE, ["1g.5gb"], "has no 1g.5gb; it has 1g.10gb, 1g.10gb+me, 1g.20gb"),
        (WHOLE, ["7g.80gb", "1g.10gb"], "7g.80gb, 1g.10gb do not fit on"),
        (card("GPU-1", H100 | {"memory": {"total": 287000}}), ["1g.34gb"], "is known once it is in MIG mode"),
        (card("GPU-1", processes=[{"pid": 7, "name": "python"}]), ["7g.80gb"], "process 7 (python) would lose it"),
    ],
)
def test_what_cannot_be_is_refused_in_words(gpu, slices, words):
    layout = [entry(gpu["uuid"], *slices)]
    (problem,) = mig.problems(layout, [gpu], {gpu["uuid"]: mig.offered(gpu)}, {})
    assert (problem.severity, words in problem.evidence) == ("error", True), problem.evidence


def test_a_card_that_is_gone_is_warned_of_and_others_are_changed():
    layout = [{"cards": ["GPU-1", "GPU-9"], "slices": ["7g.80gb"]}]
    (problem,) = mig.problems(layout, [WHOLE], {"GPU-1": mig.offered(H100)}, {})
    assert (problem.code, problem.severity) == ("mig-card-gone", "warning")
    assert list(mig.problems(layout, [], {}, {})) == []


@pytest.mark.parametrize(
    ("request_", "holds"),
    [
        ({"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=GPU-2"]}, ["GPU-2"]),
        ({"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=MIG-GPU-2-1"]}, ["GPU-2"]),
        ({"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]}, ["GPU-1", "GPU-2"]),
        ({"Driver": "", "DeviceIDs": ["0"], "Capabilities": [["gpu"]]}, ["GPU-1", "GPU-2"]),
        ({"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"]]}, ["GPU-1", "GPU-2"]),
        ({"Driver": "other", "DeviceIDs": ["other.com/card=x"]}, []),
    ],
)
def test_who_was_given_a_card_or_a_slice_of_it_holds_it(request_, holds):
    found = mig.holders([("jupyter-ada", [request_]), ("proxy", None)], [WHOLE, SLICED])
    assert [uuid for uuid, names in found.items() if names == ["jupyter-ada"]] == holds
    layout = [entry("GPU-2", "7g.80gb")]
    problems = [*mig.problems(layout, [SLICED], {"GPU-2": mig.offered(H100)}, found)]
    assert [problem.code for problem in problems] == (["mig-card-in-use"] if "GPU-2" in holds else [])
