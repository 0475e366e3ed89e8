"""Rosters: every wrong row is told by number and user, and no password ever."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _roster_rules as rules

GOOD = "correct horse battery"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"name": "Bob"}, "'Bob' cannot name a user"),
        ({"name": "bob_1"}, "cannot name a user"),
        ({"name": "b" * 33}, "cannot name a user"),
        ({"name": "../etc"}, "cannot name a user"),
        ({"name": ""}, "cannot name a user"),
        ({"name": 12}, "12 cannot name a user; write a name, in quotes"),
        ({"name": True}, "True cannot name a user"),
        ({"name": "root"}, "is reserved"),
        ({"name": "lab-probe"}, "is reserved"),
        ({"name": "admin", "state": "absent"}, "is the lab's administrator (lab_admin_name), so state: absent"),
        ({"name": "admin", "admin": False}, "so admin: false cannot be"),
        ({"name": "admin", "authorized": "no"}, "so authorized: false cannot be"),
        ({"name": "bob", "home": "remove"}, "home goes with state: absent only"),
        ({"name": "bob", "email": "bob"}, "is not an e-mail address"),
        ({"name": "bob", "groups": ["vision", "Two Words"]}, "'Two Words' cannot name a group"),
        ({"name": "bob", "password": 12345678901}, "password is not a string; write it in quotes"),
        ({"name": "bob", "password": ["a long enough one"]}, "password is not a string"),
        ({"name": "bob", "password": "sh0rt"}, "needs at least 10 characters (hub_config_password_length)"),
        ({"name": "bob", "password": ""}, "too short"),
        ({"name": "bob", "password": "é" * 40}, "at most 72 bytes"),
        ({"name": "bob", "password": "aaaaaaaaaaaa"}, "guessers try first"),
        ({"name": "bob", "password": "9876543210"}, "guessers try first"),
        ({"name": "bob", "password": "qwertyuiop"}, "guessers try first"),
        ({"name": "bob", "password": "Password2026!"}, "guessers try first"),
        ({"name": "charlotte", "password": "charlotte1"}, "guessers try first"),
        ({"name": "bobbi", "password": "bobbibobbi"}, "guessers try first"),
    ],
)
def test_what_cannot_be_is_told(row, told):
    (line,) = rules.check({"hub_stack_users": [row]})
    assert line.startswith("hub_stack_users, row 1 (")
    assert told in line
    assert "password" not in row or str(row["password"]) not in line or row["password"] == ""


def test_every_wrong_row_is_told_in_one_go():
    rows = [
        {"name": "bob", "password": GOOD},
        {"name": "Eve!"},
        {"name": "carol", "password": "short", "email": "none"},
        {"name": "bob"},
        "no row at all",
        {"password": GOOD},  # The argument spec tells this one and the one above.
    ]
    lines = rules.check({"hub_stack_users": rows})
    assert [line.partition(": ")[0] for line in lines] == [
        "hub_stack_users, row 2 (Eve!)",
        "hub_stack_users, row 3 (carol)",
        "hub_stack_users, row 3 (carol)",
        "hub_stack_users, row 4 (bob)",
    ]
    assert "stands in row 1 already" in lines[3]


def test_settings_beside_the_roster_count():
    row = {"name": "teacher", "state": "absent"}
    assert rules.check({"hub_stack_users": [row]}) == []
    assert "administrator" in rules.check({"hub_stack_users": [row], "lab_admin_name": "teacher"})[0]
    short = {"hub_stack_users": [{"name": "bob", "password": "sixteen letters!"}]}
    assert rules.check(short) == []
    assert "at least 20" in rules.check(short | {"hub_config_password_length": 20})[0]


def test_what_people_write_passes():
    rows = [
        {"name": "admin", "password": GOOD, "admin": True, "groups": ["staff"]},
        {"name": "alice-b2", "groups": [], "email": "", "authorized": "yes", "second_factor": "reset"},
        {"name": "bob", "password": "bob is not enough", "email": "bob.b@cs.uni.example"},
        {"name": "carol", "state": "absent", "home": "remove", "password": "left over from before"},
    ]
    assert rules.check({"hub_stack_users": rows}) == []
    assert rules.check({}) == []
