"""A lab that is drained: servers stop in order, none starts, and everything is as it was afterwards."""

import pytest
from e2e.labclient import LabError
from e2e.runs import run_sh
from playwright.sync_api import expect

REASON = "New drivers until 14:00."
SETTING = ("-e", f"hub_stack_drain_reason='{REASON}'")


@pytest.fixture
def reopened():
    """Servers start again, whatever becomes of the test."""
    yield
    assert run_sh("undrain").code == 0


def codes(info):
    return [problem["code"] for problem in info()["problems"]]


def test_a_drained_lab_stops_servers_and_starts_none(lab, hub, guests, info, visitor, reopened):
    guest = guests.working()
    (lab.home(guest.name) / "kept").write_text("mine")
    check = run_sh("drain", "--check", "--diff", *SETTING)
    assert (check.code, check.recap["changed"]) == (0, 1), check.output
    assert f"-server of {guest.name}" in check.output
    assert hub.running(guest.name)

    run = run_sh("drain", *SETTING)
    assert (run.code, run.recap["changed"]) == (0, 1), run.output
    assert not hub.running(guest.name)
    assert run_sh("drain", *SETTING).recap["changed"] == 0
    assert "hub-drained" in codes(info)
    with pytest.raises(LabError, match="The lab is being worked on"):
        hub.start(guest.name)

    person = visitor("user", locale="ru-RU")
    person.page.goto("/hub/login")
    person.page.get_by_label("Имя пользователя").fill(guest.name)
    person.page.get_by_label("Пароль").fill(guest.password)
    person.page.get_by_role("button", name="Вход").click()
    person.page.goto(f"/hub/spawn/{guest.name}")
    expect(person.page.get_by_text("идут работы").first).to_be_visible()
    expect(person.page.get_by_text(REASON).first).to_be_visible()
    person.picture("drained")


def test_a_run_over_a_drained_lab_is_well_and_leaves_it_drained(hub, info, reopened):
    run_sh("drain", *SETTING)
    run = run_sh()
    assert (run.code, run.recap["changed"]) == (0, 0), run.output
    assert "The walk was left out, as the lab is drained" in run.said
    assert "hub-drained" in codes(info)


def test_an_open_lab_starts_servers_again(lab, hub, guests, info):
    run_sh("drain", *SETTING)
    assert run_sh("undrain", "--check").recap["changed"] == 1
    assert run_sh("undrain").recap["changed"] == 1
    assert run_sh("undrain").recap["changed"] == 0
    assert "hub-drained" not in codes(info)
    guests.working()
