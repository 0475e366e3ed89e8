"""Ctrl-C, then the same again: nothing half-done is left, and nothing is lost."""

import json

import pytest
from e2e.runs import interrupt_at, run_sh

MOMENTS = {
    "while it looks": ("Look at the engine", {}),
    "while an image is made": ("image: making", {"hub_images_user_packages": ["peppercorn==0.6"]}),
    "while services start": ("Bring the services up", {"hub_config_signup": "closed"}),
}


@pytest.fixture(scope="module", autouse=True)
def put_back():
    """Converge with the inventory's own settings afterwards, also where a test failed before it did."""
    yield
    run_sh()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_after_an_interrupted_one_ends_well(moment):
    words, settings = MOMENTS[moment]
    interrupted = interrupt_at(words, "site", "-e", json.dumps(settings))
    assert words in interrupted.output
    assert interrupted.code != 0, interrupted.output
    again = run_sh()
    assert again.code == 0, again.output
    assert run_sh("site", "--check", "--diff").recap["changed"] == 0
