"""Accounts as inventory data: ./run.sh users, on the lab of this machine."""

import json
import shutil
import stat

import pytest
from e2e.labclient import WebSession
from e2e.runs import run_sh
from e2e.server import HERE, docker


@pytest.fixture(scope="module")
def keep():
    """Run the users playbook with a roster."""

    def run(*rows, options=()):
        result = run_sh("users", *options, "-e", json.dumps({"hub_stack_users": rows}))
        assert result.code == 0, result.output
        return result

    return run


@pytest.fixture(scope="module")
def person(lab, guests):
    """Make up somebody whom the lab does not know yet, and forget at the end what a roster leaves of them."""
    names = []

    def make():
        names.append(guests.stranger().name)
        return names[-1]

    yield make
    for name in names:
        (lab.data_root / "secrets/users" / name).unlink(missing_ok=True)
        for rest in (lab.data_root / "home").glob(f".removed-{name}-*"):
            shutil.rmtree(rest)


@pytest.fixture
def group(lab):
    """A group that the hub does not know yet, and shall not know afterwards."""
    name = "e2e-vision"
    yield name
    HERE.as_admin().call("DELETE", f"/hub/api/groups/{name}")


def password_of(lab, name):
    return (lab.data_root / "secrets/users" / name).read_text().strip()


def hub_began():
    return docker("inspect", "--format", "{{.State.StartedAt}}", "jupyterhub-jupyterhub-1")


def test_a_newcomer_logs_in_with_the_password_that_was_made(lab, hub, keep, person, group):
    name, began = person(), hub_began()
    row = {"name": name, "groups": [group], "email": "somebody@uni.example"}
    first = keep(row)
    assert first.recap["changed"] == 1
    file = lab.data_root / "secrets/users" / name
    assert (file.stat().st_uid, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert password_of(lab, name) not in first.output
    assert WebSession(lab).log_in(name, password_of(lab, name))
    assert hub.user(name)["groups"] == [group]
    again = keep(row)
    assert again.recap["changed"] == 0
    assert hub_began() == began, "the hub was restarted"


def test_a_check_tells_and_changes_nothing(lab, hub, keep, person):
    name = person()
    row = {"name": name, "password": "a password for a while", "admin": True}
    would = keep(row, options=("--check", "--diff"))
    assert would.recap["changed"] == 1
    assert "+admin: True" in would.output
    assert "+account: present" in would.output
    assert hub.user(name) is None
    keep(row)
    assert keep(row, options=("--check", "--diff")).recap["changed"] == 0
    drifted = keep(row | {"password": "another one for later", "admin": False}, options=("--check", "--diff"))
    assert "-admin: True" in drifted.output
    assert "+password: as the roster says" in drifted.output
    assert WebSession(lab).log_in(name, row["password"])


def test_an_admin_is_made_and_unmade(lab, hub, keep, person):
    name = person()
    keep({"name": name, "admin": True})
    session = WebSession(lab)
    assert session.log_in(name, password_of(lab, name))
    assert session.get("/hub/authorize").status_code == 200
    keep({"name": name, "admin": False})
    assert hub.user(name)["admin"] is False
    assert session.get("/hub/authorize").status_code == 403


def test_the_token_in_the_file_makes_neither_admins_nor_groups(hub, guests):
    member = guests.member()
    hub.call("POST", f"/hub/api/users/{member.name}", 409)
    answers = [
        hub.request("PATCH", f"/hub/api/users/{member.name}", json={"admin": True}),
        hub.request("POST", "/hub/api/groups/e2e-forbidden"),
        hub.request("PUT", f"/hub/api/lab/accounts/{hub.lab.admin}", json={"authorized": False}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_who_is_removed_is_stopped_and_keeps_the_home(lab, hub, keep, guests):
    worker = guests.working()
    (lab.home(worker.name) / "thesis").write_text("months of work")
    gone = keep({"name": worker.name, "state": "absent"})
    assert gone.recap["changed"] == 1
    assert f"server of {worker.name} was stopped" in " ".join(gone.output.split())
    assert hub.user(worker.name) is None
    assert not WebSession(lab).log_in(worker.name, worker.password)
    assert docker("ps", "--all", "--quiet", "--filter", f"name=^jupyter-{worker.name}$") == ""
    assert (lab.home(worker.name) / "thesis").read_text() == "months of work"
    owner = lab.home(worker.name).stat().st_uid
    keep({"name": worker.name, "state": "absent", "home": "remove"})
    assert not lab.home(worker.name).exists()
    (rest,) = (lab.data_root / "home").glob(f".removed-{worker.name}-*")
    assert rest.stat().st_uid == owner
    newcomer = guests.working()
    assert lab.home(newcomer.name).stat().st_uid > owner
    rest.rmdir()


def test_a_bad_roster_is_refused_with_every_row_told(hub, person):
    good = person()
    rows = [
        {"name": good},
        {"name": "Two Words"},
        {"name": good},
        {"name": "lab-boss"},
        {"name": "e2e-weak", "password": "password123"},
        {"name": hub.lab.admin, "state": "absent"},
        {"name": "e2e-typo", "admin": "perhaps", "pasword": "of no use to anybody"},
    ]
    result = run_sh("users", "-e", json.dumps({"hub_stack_users": rows}))
    assert result.code == 2
    assert result.recap["changed"] == 0
    said = " ".join(result.output.split())
    for number, who in enumerate([row["name"] for row in rows], start=1):
        assert (f"hub_stack_users, row {number} ({who})" in said) is (number > 1)
    assert "of no use to anybody" not in said
    assert hub.user(good) is None


def test_a_password_that_only_the_hub_knows_to_be_common_stops_all(hub, person):
    good = person()
    # None of those that the first second tells; NativeAuthenticator's list has it.
    rows = [{"name": good}, {"name": "e2e-weak", "password": "basketball"}]
    result = run_sh("users", "-e", json.dumps({"hub_stack_users": rows}))
    assert result.code == 2
    assert "row 2 (e2e-weak): This password is among the most common ones" in " ".join(result.output.split())
    assert hub.user(good) is None
