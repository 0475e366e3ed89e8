"""Whatever a hand changes is named by a check, alone, and put right by a run, alone; people work on throughout.

`LAB_DRIFTS` is how many of the drifts are tried, or `all`, and `LAB_DRIFT_COMBINATIONS` how many times two or three of
them together; `make soak` sets both. Which, `LAB_DRIFTS_SEED` decides: it stands in the name of each test.
"""

import os
import random
import re
import secrets
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2e.drift import Drift, all_drifts, forget_accounts
from e2e.picture import picture
from e2e.runs import run_sh
from e2e.watch import watching

DATA_ROOT = Path(os.environ.get("LAB_DATA_ROOT", "/srv/jupyterhub"))
SEED = os.environ.get("LAB_DRIFTS_SEED") or str(secrets.randbelow(10**6))


def chosen() -> list[Drift]:
    """Choose drifts and combinations of them."""
    drifts, number = all_drifts(DATA_ROOT), os.environ.get("LAB_DRIFTS", "6")
    dice = random.Random(SEED)  # noqa: S311 - which drifts are tried is no secret, and has to come out the same again
    alone = drifts if number == "all" else dice.sample(drifts, min(int(number), len(drifts)))
    together = int(os.environ.get("LAB_DRIFT_COMBINATIONS", "0"))
    return alone + [combination(drifts, dice) for turn in range(together)]


def combination(drifts: list[Drift], dice: random.Random) -> Drift:
    """Put two or three drifts together that do not meet."""
    size, parts = dice.choice([2, 3]), []
    # One with an inventory of its own has no other to meet.
    alike = [drift for drift in drifts if not drift.settings]
    while len(parts) < size:
        one = dice.choice(alike)
        if not any(meet(one, other) for other in parts):
            parts.append(one)
    return Drift(
        name=" + ".join(part.name for part in parts),
        objects=tuple(name for part in parts for name in part.objects),
        make=lambda: [part.make() for part in parts],
        told=tuple(words for part in parts for words in part.told),
        anew=tuple(name for part in parts for name in part.anew),
        changes=None,
        lost=tuple(name for part in parts for name in part.lost),
        playbook=parts[0].playbook,
    )


def meet(one: Drift, other: Drift) -> bool:
    """Tell whether two drifts concern the same thing, or one what is inside the other's, or take different runs."""
    mine, others = ({*drift.objects, *drift.anew, *drift.needs} for drift in (one, other))
    inside = any(a.startswith(f"{b}/") or b.startswith(f"{a}/") for a in one.paths for b in other.paths)
    return bool(mine & others) or inside or one.playbook != other.playbook


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


@pytest.fixture
def settled(drift):
    """What the drift's own inventory asks for, for as long as the drift lasts."""
    if not drift.settings:
        yield
        return
    try:
        assert run_sh(*drift.run).code == 0
        yield
    finally:
        forget_accounts()


@pytest.mark.parametrize("drift", chosen(), ids=lambda drift: f"seed {SEED}: {drift.name}")
def test_drift(drift, lab, hub, worker, kept_password, settled):
    whole = picture(lab.data_root)
    absent = [name for name in drift.paths if whole[name] == "absent"]
    if absent:
        pytest.skip(f"this server needs no {', '.join(absent)}")
    with repaired(drift), watching(hub, worker.name) as watch:
        drift.make()
        broken = picture(lab.data_root)
        check = run_sh(*drift.run, "--check", "--diff")
        check_names(drift, check)
        check_secrets(lab.data_root, check)
        assert differing(broken, picture(lab.data_root)) == set(), "a check changes nothing"
        check_changes(drift, run_sh(*drift.run))
        watch.until_answered()
        assert differing(whole, picture(lab.data_root)) == {*drift.anew, *drift.lost}
        assert "proxy" in drift.anew or watch.failures == []
    hub.renew()


@contextmanager
def repaired(drift):
    """Leave no drift behind for the next one, whatever the test finds."""
    try:
        yield
    except BaseException:
        run_sh(*drift.run)
        raise


def differing(before, after):
    return {name for name in before | after if before.get(name) != after.get(name)}


def check_changes(drift, run):
    assert run.code == 0, run.output
    assert run.recap["changed"] > 0 if drift.changes is None else run.recap["changed"] == drift.changes, run.output


def check_names(drift, check):
    check_changes(drift, check)
    assert [words for words in drift.told if words not in check.said] == [], check.output
    assert set(re.findall(r"^\+\+\+ after: (\S+)$", check.output, re.M)) == drift.shown, check.output
    assert set(re.findall(r"the (?:container of|service) (\w+) ", check.said)) == set(drift.anew), check.output


def check_secrets(data_root, run):
    held = [path.read_text().strip() for path in (data_root / "secrets").glob("*") if path.is_file()]
    assert held
    assert [secret for secret in held if secret in run.output] == []
