"""Tries drifts: each is named by a check, alone, and put right by a run, alone; people work on throughout."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from e2e.dice import dice, seed
from e2e.drift import Drift
from e2e.drifts_of_lab import forget_accounts
from e2e.picture import differing, picture
from e2e.runs import Run
from e2e.server import Server
from e2e.watch import Watch

SEED = seed("LAB_DRIFTS_SEED")


def chosen(drifts: list[Drift], number: str) -> list[Drift]:
    """Choose drifts and combinations of them.

    :param number: how many, or `all`, where `LAB_DRIFTS` does not say so.
    """
    number = os.environ.get("LAB_DRIFTS", number)
    fall = dice(SEED)
    alone = drifts if number == "all" else fall.sample(drifts, min(int(number), len(drifts)))
    together = int(os.environ.get("LAB_DRIFT_COMBINATIONS", "0"))
    return alone + [combination(drifts, fall) for turn in range(together)]


def combination(drifts: list[Drift], fall: Random) -> Drift:
    """Put two or three drifts together that do not meet."""
    size, parts = fall.choice([2, 3]), []
    # One with an inventory of its own has no other to meet.
    alike = [drift for drift in drifts if not drift.settings]
    while len(parts) < size:
        fitting = [drift for drift in alike if not any(meet(drift, other) for other in parts)]
        # One that none goes with is left to be tried alone.
        parts = [*parts, fall.choice(fitting)] if fitting else []
    return Drift(
        name=" + ".join(part.name for part in parts),
        objects=tuple(name for part in parts for name in part.objects),
        make=lambda server: [part.make(server) for part in parts],
        told=tuple(words for part in parts for words in part.told),
        anew=tuple(name for part in parts for name in part.anew),
        changes=None,
        lost=tuple(name for part in parts for name in part.lost),
        playbook=parts[0].playbook,
        systemd=any(part.systemd for part in parts),
        blind=any(part.blind for part in parts),
    )


def meet(one: Drift, other: Drift) -> bool:
    """Tell whether two drifts concern the same thing, or one what is inside the other's, or take different runs."""
    mine, others = ({*drift.objects, *drift.anew, *drift.needs} for drift in (one, other))
    inside = any(a.startswith(f"{b}/") or b.startswith(f"{a}/") for a in one.paths for b in other.paths)
    return bool(mine & others) or inside or one.playbook != other.playbook


@contextmanager
def settled(drift: Drift, server: Server) -> Iterator[None]:
    """Keep to what the drift's own inventory asks for, for as long as the drift lasts."""
    if not drift.settings:
        yield
        return
    try:
        assert server.play(*drift.run).code == 0
        yield
    finally:
        forget_accounts(server)


def try_drift(drift: Drift, server: Server, watch: Watch) -> None:
    """Make a drift, check, converge, and compare what was, is broken, and is then."""
    if drift.systemd and not server.systemd:
        pytest.skip("no systemd starts this server's services")
    whole, engine = picture(server), not drift.blind
    absent = [name for name in drift.paths if whole[name] == "absent"]
    if absent:
        pytest.skip(f"this server needs no {', '.join(absent)}")
    with repaired(drift, server):
        drift.make(server)
        broken = picture(server, engine)
        check = server.play(*drift.run, "--check", "--diff")
        check_names(drift, check)
        check_secrets(server, check)
        assert differing(broken, picture(server, engine)) == set(), "a check changes nothing"
        check_changes(drift, server.play(*drift.run))
        watch.until_answered()
        assert differing(whole, picture(server)) == {*drift.anew, *drift.lost}
        # An engine that starts makes the rules of the door anew, which takes it a moment.
        if "proxy" not in drift.anew and not drift.blind:
            assert watch.failures == []


@contextmanager
def repaired(drift: Drift, server: Server) -> Iterator[None]:
    """Leave no drift behind for the next one, whatever the trial finds."""
    try:
        yield
    except BaseException:
        server.play(*drift.run)
        raise


def check_changes(drift: Drift, run: Run) -> None:
    """Compare how many tasks a run reports as changed."""
    assert run.code == 0, run.output
    assert run.recap["changed"] > 0 if drift.changes is None else run.recap["changed"] == drift.changes, run.output


def check_names(drift: Drift, check: Run) -> None:
    """Compare what a check says with what is broken."""
    check_changes(drift, check)
    assert [words for words in drift.told if words not in check.said] == [], check.output
    assert set(re.findall(r"^\+\+\+ after: (\S+)$", check.output, re.M)) == drift.shown, check.output
    told = set(re.findall(r"the (?:container of|service) (\w+) ", check.said))
    assert told == (set() if drift.blind else set(drift.anew)), check.output


def check_secrets(server: Server, run: Run) -> None:
    """See that no secret stands in what a run printed."""
    folder = server.data_root / "secrets"
    held = server.run("find", folder, "-maxdepth", "1", "-type", "f", "-exec", "cat", "{}", "+").split()
    assert held
    assert [secret for secret in held if secret in run.output] == []
