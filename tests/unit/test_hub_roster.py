"""The plan for a roster: what each row takes, on a hub that is looked at once."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _hub_roster as roster

ADMIN = {"admin": True, "groups": [], "servers": {}}
USER = {"admin": False, "groups": ["b", "a"], "servers": {}}
ACCOUNT = {"authorized": True, "has_2fa": False, "email": "bob@uni.example"}
BLANK = {
    "state": "present",
    "password": None,
    "update_password": "always",
    "authorized": None,
    "admin": None,
    "groups": None,
    "email": None,
    "second_factor": "keep",
    "home": None,
}


def row(name="bob", **fields):
    return BLANK | {"name": name} | fields


def look(**fields):
    there = {"users": {"admin": ADMIN, "bob": USER}, "accounts": {"admin": ACCOUNT, "bob": ACCOUNT}}
    return roster.Look(**there | fields)


def only(rows, seen):
    (step,) = roster.plan(rows, seen)
    return step


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"authorized": True},
        {"admin": False},
        {"groups": ["a", "b", "a"]},
        {"email": "bob@uni.example"},
        {"second_factor": "reset"},
        {"password": "given", "update_password": "on_create"},
    ],
)
def test_what_is_as_it_shall_be_takes_nothing(fields):
    assert roster.plan([row(**fields)], look()) == []


@pytest.mark.parametrize(
    ("fields", "ask", "before", "after"),
    [
        ({"authorized": False}, {"authorized": False}, {"authorized": True}, {"authorized": False}),
        ({"email": ""}, {"email": ""}, {"email": "bob@uni.example"}, {}),
        ({"email": "b@c.d"}, {"email": "b@c.d"}, {"email": "bob@uni.example"}, {"email": "b@c.d"}),
        ({"admin": True}, {}, {"admin": False}, {"admin": True}),
        ({"groups": []}, {}, {"groups": "a, b"}, {}),
        ({"groups": ["b", "c"]}, {}, {"groups": "a, b"}, {"groups": "b, c"}),
    ],
)
def test_what_differs_is_asked_for_and_shown(fields, ask, before, after):
    step = only([row(**fields)], look())
    assert (step.ask, step.before, step.after) == (ask, before, after)


def test_groups_are_joined_and_left():
    step = only([row(groups=["b", "c"])], look())
    assert (step.join, step.leave) == (["c"], ["a"])


def test_a_second_factor_is_reset_where_there_is_one():
    step = only([row(second_factor="reset")], look(accounts={"bob": ACCOUNT | {"has_2fa": True}}))
    assert (step.ask, step.before, step.after) == ({"has_2fa": False}, {"second factor": "present"}, {})


@pytest.mark.parametrize(("password", "asked"), [(None, roster.GENERATED), ("given", "given")])
def test_a_newcomer_gets_an_account_and_is_let_in(password, asked):
    step = only([row("carol", password=password, update_password="on_create", groups=["a"])], look())
    assert step.ask == {"password": asked, "authorized": True}
    assert (step.make_user, step.join) == (True, ["a"])
    step.settle(["password", "authorized"])
    assert "given" not in str(step.after)
    assert step.before == {}


def test_a_newcomer_may_have_to_wait():
    assert only([row("carol", authorized=False)], look()).ask["authorized"] is False


def test_a_user_whom_only_the_accounts_know_is_made_known_to_the_hub():
    step = only([row()], look(users={}))
    assert (step.make_user, step.ask, step.after) == (True, {}, {"hub user": "present"})


@pytest.mark.parametrize(("changed", "needed"), [([], False), (["password"], True)])
def test_whether_a_password_differs_the_hub_says(changed, needed):
    step = only([row(password="given")], look())
    assert step.needed
    step.settle(changed)
    assert step.needed is needed
    assert "given" not in f"{step.before}{step.after}"


def test_an_open_password_file_is_closed():
    step = only([row()], look(password_files={"bob": "0644"}))
    assert (step.before, step.after) == ({"password file": "mode 0644"}, {"password file": "mode 0600"})
    assert roster.plan([row()], look(password_files={"bob": "0600"})) == []


@pytest.mark.parametrize(("home", "shown"), [(None, False), ("keep", False), ("remove", True)])
def test_a_user_who_goes_keeps_the_home_until_told_otherwise(home, shown):
    there = look(users={"bob": USER | {"servers": {"": {}}}}, homes=frozenset(["bob"]))
    step = only([row(state="absent", home=home)], there)
    assert step.servers == [""]
    assert step.before["servers"] == "1 running"
    assert ("home" in step.before) is shown
    assert step.after == {}


def test_a_user_who_is_gone_takes_nothing_but_a_home_that_shall_go_too():
    gone = look(users={}, accounts={}, homes=frozenset(["bob"]))
    assert roster.plan([row(state="absent")], gone) == []
    assert only([row(state="absent", home="remove")], gone).before == {"home": "present"}


def refusals(rows, seen):
    return roster.refusals(roster.plan(rows, seen), seen)


@pytest.mark.parametrize("fields", [{"state": "absent"}, {"admin": False}, {"authorized": False}])
def test_the_last_admin_stays(fields):
    seen = look(users={"boss": ADMIN, "bob": USER}, accounts={"boss": ACCOUNT, "bob": ACCOUNT})
    (line,) = refusals([row("boss", **fields)], seen)
    assert "without an admin" in line
    assert refusals([row("boss", **fields), row("bob", admin=True)], seen) == []


def test_an_admin_who_cannot_log_in_does_not_count():
    seen = look(users={"boss": ADMIN, "bob": ADMIN}, accounts={"boss": ACCOUNT, "bob": ACCOUNT | {"authorized": False}})
    assert len(refusals([row("boss", state="absent")], seen)) == 1


def test_who_has_signed_up_by_a_name_does_not_become_an_admin_by_it():
    seen = look(accounts={"admin": ACCOUNT, "bob": ACCOUNT | {"authorized": False}})
    (line,) = refusals([row(), row(admin=True)], seen)
    assert line.startswith("row 2 (bob): somebody has signed up by this name")
    assert refusals([row(admin=True, authorized=True)], seen) == []


def test_who_waits_for_approval_is_named():
    seen = look(accounts={"bob": ACCOUNT | {"authorized": False}})
    assert roster.waiting([row(), row("carol"), row("admin", state="absent")], seen) == ["bob"]
    assert roster.waiting([row(authorized=False)], seen) == []


def test_a_play_is_told_who_changed_and_no_password():
    steps = roster.plan([row("carol"), row(password="given", state="absent")], look())
    told = roster.told(steps)
    assert [(user["name"], user["generated"]) for user in told["users"]] == [("carol", True), ("bob", False)]
    assert told["diff"][0]["after"] == "account: present\nauthorized: True\n"
    assert "given" not in str(told)
