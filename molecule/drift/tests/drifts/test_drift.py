"""What a hand changes on a server is named by a check, alone, and put right by a converge, alone.

Which drifts, `LAB_DRIFTS` and `LAB_DRIFTS_SEED` say; see `make soak`.
"""

from pathlib import Path

import pytest
from e2e.drift_table import all_drifts
from e2e.labclient import Guests, HubClient
from e2e.trial import SEED, chosen, settled, try_drift
from e2e.watch import PATIENT, watching

DRIFTS = chosen(all_drifts(Path("/srv/jupyterhub")), "4")


@pytest.fixture(scope="module")
def lab(played):
    """The server whose lab is changed by hand."""
    return played("lab")


@pytest.fixture(scope="module")
def hub(lab):
    """The hub, through its door."""
    return HubClient(lab.lab)


@pytest.fixture(scope="module")
def worker(hub, lab):
    """Somebody whose server runs."""
    # It records what the engine has read, of which a removed daemon.json tells nothing.
    assert lab.play("server").code == 0
    guests = Guests(hub)
    yield guests.working()
    guests.remove_all()


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: f"seed {SEED}: {drift.name}")
def test_drift(drift, lab, hub, worker):
    with settled(drift, lab), watching(hub, worker.name, PATIENT) as watch:
        try_drift(drift, lab, watch)
    hub.renew(lab.lab)
