"""Whatever a hand changes is named by a check, alone, and put right by a run, alone; people work on throughout.

`LAB_DRIFTS` is how many of the drifts are tried, or `all`, and `LAB_DRIFT_COMBINATIONS` how many times two or three of
them together; `make soak` sets both. Which, `LAB_DRIFTS_SEED` decides: it stands in the name of each test.
"""

import pytest
from e2e.drift_table import all_drifts
from e2e.runs import run_sh
from e2e.server import HERE
from e2e.trial import SEED, chosen, settled, try_drift
from e2e.watch import PATIENT, watching


@pytest.fixture(scope="module")
def worker(guests):
    """Somebody whose server runs, in a lab that has settled: the images of servers before this one are gone."""
    # It records what the engine has read, of which a removed daemon.json tells nothing.
    assert run_sh("server").code == 0
    assert run_sh("hub").code == 0
    return guests.working()


@pytest.fixture
def kept_password(lab):
    """Put the admin's password file back in the end: the account keeps the password that it was made with."""
    file = lab.data_root / "secrets/admin_password"
    before = file.read_bytes()
    yield
    file.write_bytes(before)


@pytest.mark.parametrize(
    "drift", chosen(all_drifts(HERE.data_root), "6"), ids=lambda drift: f"seed {SEED}: {drift.name}"
)
def test_drift(drift, hub, worker, kept_password):
    with settled(drift, HERE), watching(hub, worker.name, PATIENT) as watch:
        try_drift(drift, HERE, watch)
    hub.renew()
