# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The accounts API at a real hub."""

import secrets
import sqlite3

import onetimepass
import pytest
from hub.running import LIMITED_TOKEN

PASSWORD = "a password that nobody has"
BOSS = "/lab/accounts/boss"


def test_an_account_is_made_changed_and_deleted(hub):
    path = "/lab/accounts/alice"
    assert hub.api("GET", path).json() == {"name": "alice", "exists": False}
    made = hub.api("PUT", path, json={"password": PASSWORD})
    account = {"name": "alice", "exists": True, "authorized": True, "has_2fa": False, "email": ""}
    assert (made.status_code, made.json()) == (201, account | {"created": True, "changed": ["password", "authorized"]})
    assert hub.api("GET", path).json() == account
    body = {"password": PASSWORD, "authorized": False, "email": "alice@uni.example"}
    changed = hub.api("PUT", path, json=body)
    assert (changed.status_code, changed.json()["changed"]) == (200, ["authorized", "email"])
    assert hub.api("PUT", path, json=body).json()["changed"] == []
    assert hub.person().log_in("alice", PASSWORD).status_code == 403
    assert hub.api("DELETE", path).status_code == 204
    assert hub.api("DELETE", path).status_code == 404


def test_the_hubs_user_outlives_the_account(hub):
    hub.api("PUT", "/lab/accounts/bob", json={"password": PASSWORD})
    assert hub.person().log_in("bob", PASSWORD).ok
    hub.api("DELETE", "/lab/accounts/bob")
    assert hub.api("GET", "/users/bob").ok
    assert hub.person().log_in("bob", PASSWORD).status_code == 403


@pytest.mark.parametrize(
    ("name", "body", "answer"),
    [
        ("carol", {"password": "short"}, "at least 10 characters"),
        ("carol", {"password": "1234567890"}, "most common"),
        ("carol", {"password": "é" * 40}, "at most 72 bytes"),
        ("carol", {"password": PASSWORD, "email": "no address"}, "name@domain"),
        ("carol", {"authorized": True}, "needs a password"),
        ("carol", {}, "needs a password"),
        ("carol", {"password": 10}, "password must be of type str"),
        ("carol", {"authorized": "yes"}, "authorized must be of type bool"),
        ("carol", {"pasword": PASSWORD}, "password, authorized, email, has_2fa"),
        ("carol", {"password": PASSWORD, "has_2fa": True}, "can only be false"),
        ("carol", [PASSWORD], "JSON object"),
        ("Carol_1", {"password": PASSWORD}, "lower-case letters"),
        ("..%2Fcarol", {"password": PASSWORD}, "lower-case letters"),
        ("root", {"password": PASSWORD}, "reserved"),
        ("lab-other", {"password": PASSWORD}, "reserved"),
        ("100%25s", {"password": PASSWORD}, "100%s"),
    ],
)
def test_what_is_not_accepted_is_refused_in_words(hub, name, body, answer):
    for method in ("POST", "PUT"):
        refused = hub.api(method, f"/lab/accounts/{name}", json=body)
        assert refused.status_code == 400
        assert answer in refused.json()["message"]
    assert not hub.api("GET", f"/lab/accounts/{name}").json()["exists"]


def test_the_probe_may_have_an_account(hub):
    assert hub.api("PUT", "/lab/accounts/lab-probe", json={"password": PASSWORD}).status_code == 201
    assert hub.person().log_in("lab-probe", PASSWORD).ok


def test_bcrypt_stretches_what_people_choose_and_not_what_the_probe_makes_up(hub):
    for name in ("henry", "lab-probe"):
        hub.api("PUT", f"/lab/accounts/{name}", json={"password": secrets.token_urlsafe(24)})
    with sqlite3.connect(hub.directory / "jupyterhub.sqlite") as db:
        stored = dict(db.execute("SELECT username, password FROM users_info"))
    assert stored["henry"].startswith(b"$2b$12$")
    assert stored["lab-probe"].startswith(b"$2b$04$")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("token", [LIMITED_TOKEN, "no-such-token"])
def test_it_takes_the_right_to_administer_users(hub, method, token):
    assert hub.api(method, BOSS, token=token, json={"authorized": False}).status_code == 403


@pytest.mark.parametrize("token", [LIMITED_TOKEN, "no-such-token"])
def test_so_does_the_list(hub, token):
    assert hub.api("GET", "/lab/accounts", token=token).status_code == 403


# A check says whether a password is the account's: for an admin's, nobody else may ask.
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_an_admin_changes_an_admins_account(hub, method):
    assert hub.api(method, BOSS, json={"password": PASSWORD}).status_code == 403
    assert hub.api("GET", BOSS).json()["authorized"]


def test_a_browser_needs_the_xsrf_token(hub, boss):
    url = f"{hub.url}/hub/api/lab/accounts/dora"
    boss.get("home")
    assert boss.session.put(url, json={"password": PASSWORD}, timeout=30).status_code == 403
    headers = {"X-XSRFToken": boss.session.cookies.get("_xsrf", path="/hub/")}
    assert boss.session.put(url, json={"password": PASSWORD}, headers=headers, timeout=30).status_code == 201


def test_a_check_tells_what_would_change_and_changes_nothing(hub):
    path = "/lab/accounts/emma"
    would = hub.api("POST", path, json={"password": PASSWORD}).json()
    assert would == {"name": "emma", "exists": False, "created": True, "changed": ["password", "authorized"]}
    assert not hub.api("GET", path).json()["exists"]
    hub.api("PUT", path, json={"password": PASSWORD})
    assert hub.api("POST", path, json={"password": PASSWORD, "authorized": True}).json()["changed"] == []
    other = hub.api("POST", path, json={"password": PASSWORD + "!", "authorized": False}).json()
    assert (other["changed"], other["authorized"]) == (["password", "authorized"], True)
    assert hub.person().log_in("emma", PASSWORD).ok


def test_all_accounts_are_told_at_once_without_anything_secret(hub):
    hub.api("PUT", "/lab/accounts/finn", json={"password": PASSWORD, "email": "finn@uni.example"})
    accounts = {account["name"]: account for account in hub.api("GET", "/lab/accounts").json()}
    finn = {"name": "finn", "exists": True, "authorized": True, "has_2fa": False, "email": "finn@uni.example"}
    assert accounts["finn"] == finn
    assert accounts["boss"]["authorized"]


@pytest.fixture
def second_factor(hub):
    """The secret of a second factor that gina has, as a telephone would have it."""
    hub.api("PUT", "/lab/accounts/gina", json={"password": PASSWORD})
    with sqlite3.connect(hub.directory / "jupyterhub.sqlite") as db:
        db.execute("UPDATE users_info SET has_2fa = 1 WHERE username = 'gina'")
        return db.execute("SELECT otp_secret FROM users_info WHERE username = 'gina'").fetchone()[0]


def test_a_second_factor_is_taken_away_with_its_secret(hub, second_factor):
    def log_in(**fields):
        person = hub.person()
        person.get("login")
        return person.post("login", username="gina", password=PASSWORD, **fields).ok

    assert not log_in()
    assert log_in(**{"2fa": str(onetimepass.get_totp(second_factor)).zfill(6)})
    path, body = "/lab/accounts/gina", {"has_2fa": False}
    assert hub.api("POST", path, json=body).json()["changed"] == ["has_2fa"]
    reset = hub.api("PUT", path, json=body).json()
    assert (reset["changed"], reset["has_2fa"]) == (["has_2fa"], False)
    assert log_in()
    assert hub.api("PUT", path, json=body).json()["changed"] == []
    with sqlite3.connect(hub.directory / "jupyterhub.sqlite") as db:
        secret = db.execute("SELECT otp_secret FROM users_info WHERE username = 'gina'").fetchone()[0]
    assert secret != second_factor
