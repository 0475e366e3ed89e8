# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The accounts API at a real hub."""

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
        ("carol", {"pasword": PASSWORD}, "password, authorized, email"),
        ("carol", [PASSWORD], "JSON object"),
        ("Carol_1", {"password": PASSWORD}, "lower-case letters"),
        ("..%2Fcarol", {"password": PASSWORD}, "lower-case letters"),
        ("root", {"password": PASSWORD}, "reserved"),
        ("lab-other", {"password": PASSWORD}, "reserved"),
        ("100%25s", {"password": PASSWORD}, "100%s"),
    ],
)
def test_what_is_not_accepted_is_refused_in_words(hub, name, body, answer):
    refused = hub.api("PUT", f"/lab/accounts/{name}", json=body)
    assert refused.status_code == 400
    assert answer in refused.json()["message"]
    assert not hub.api("GET", f"/lab/accounts/{name}").json()["exists"]


def test_the_probe_may_have_an_account(hub):
    assert hub.api("PUT", "/lab/accounts/lab-probe", json={"password": PASSWORD}).status_code == 201
    assert hub.person().log_in("lab-probe", PASSWORD).ok


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("token", [LIMITED_TOKEN, "no-such-token"])
def test_it_takes_the_right_to_administer_users(hub, method, token):
    assert hub.api(method, BOSS, token=token, json={"authorized": False}).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_only_an_admin_changes_an_admins_account(hub, method):
    assert hub.api(method, BOSS, json={"password": PASSWORD}).status_code == 403
    assert hub.api("GET", BOSS).json()["authorized"]


def test_a_browser_needs_the_xsrf_token(hub, boss):
    url = f"{hub.url}/hub/api/lab/accounts/dora"
    boss.get("home")
    assert boss.session.put(url, json={"password": PASSWORD}, timeout=30).status_code == 403
    headers = {"X-XSRFToken": boss.session.cookies.get("_xsrf", path="/hub/")}
    assert boss.session.put(url, json={"password": PASSWORD}, headers=headers, timeout=30).status_code == 201
