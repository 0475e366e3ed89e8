"""Cards by their PCI device numbers, as the PCI ID Repository lists them, and the drivers that are for them."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_cards as cards

# The first and the last number that the repository has of each chip's block, and some that labs have.
KNOWN = {
    "Fermi": ["06c0", "0f06", "1040", "1140", "1200", "1251"],
    "Kepler": ["0fa0", "103f", "1180", "11ff", "1280", "130b", "102d"],
    "Maxwell": ["1340", "1436", "1617", "1667", "174d", "17fd", "13f2"],
    "Pascal": ["15c2", "15ff", "1725", "172f", "1b00", "1d56", "15f7", "1b38"],
    "Volta": ["1d81", "1df6", "1db4", "1db6"],
    "Turing": ["1e02", "1ff9", "2182", "21d1", "1eb8"],
    "Ampere": ["2080", "20ff", "2200", "223f", "2414", "25fb", "20b5", "20b2", "2204", "2230"],
    "Hopper": ["2302", "23f0", "2330", "2331", "2335"],
    "Grace Hopper": ["2342", "2348"],
    "Ada": ["2681", "28f8", "2684", "26b9", "27b8"],
    "Blackwell": ["2900", "2941", "2b85", "3340"],
    "": ["0020", "06bf", "3400", "ffff", "", "nonsense"],
}


@pytest.mark.parametrize(("name", "number"), [(name, number) for name, all_of in KNOWN.items() for number in all_of])
def test_a_device_number_tells_the_architecture(name, number):
    assert cards.architecture(number) == name


def test_every_architecture_has_its_drivers():
    assert set(cards.FITS) == {name for _first, name in cards._BLOCKS if name} | {"Grace Hopper"}


@pytest.mark.parametrize(
    ("numbers", "fit"),
    [
        (["1db6"], cards.Fit(("proprietary",), 0, 580)),
        (["2330"], cards.Fit(("open", "proprietary"), 525, 0)),
        (["2941"], cards.Fit(("open",), 570, 0)),
        # Two of a kind, and of kinds that one driver serves.
        (["20b5", "20b5"], cards.Fit(("open", "proprietary"), 470, 0)),
        (["2684", "1db6"], cards.Fit(("proprietary",), 525, 580)),
        (["2684", "2941"], cards.Fit(("open",), 570, 0)),
        # What is not known decides nothing.
        (["20b5", "ffff"], cards.Fit(("open", "proprietary"), 470, 0)),
        (["ffff"], None),
        ([], None),
    ],
)
def test_the_drivers_that_serve_all_cards(numbers, fit):
    assert cards.driver_for(numbers) == fit


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        # Open modules only, and none.
        (["2941", "1db6"], ["Blackwell needs: open kernel module", "Volta needs: proprietary kernel module"]),
        # Branches that do not meet.
        (["102d", "2684"], ["Kepler needs: proprietary kernel module, branch 470 at most", "Ada needs", "branch 525"]),
    ],
)
def test_cards_that_no_driver_serves_together_are_named(numbers, told):
    assert [words for words in told if words not in cards.at_odds(numbers)] == []
    assert cards.driver_for(numbers) is None


@pytest.mark.parametrize("numbers", [["2684", "1db6"], ["ffff", "2941"], ["ffff"], []])
def test_cards_that_one_driver_serves_are_not_at_odds(numbers):
    assert cards.at_odds(numbers) == ""


def test_drivers_are_told_in_words():
    assert str(cards.Fit(("proprietary",), 0, 580)) == "proprietary kernel module, branch 580 at most"
    assert str(cards.Fit(("open", "proprietary"), 525, 0)) == "open or proprietary kernel module, branch 525 or later"
