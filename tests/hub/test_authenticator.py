# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Signing up, being approved, logging in and being locked out, at a real hub."""

import time
from datetime import datetime, timedelta

import pytest
import requests
from hub.running import ADMIN_PASSWORD, RunningHub, alert
from labhub.authenticator import LabAuthenticator

PASSWORD = "a password that nobody has"


def test_a_person_signs_up_is_approved_and_logs_in(hub, boss):
    alice = hub.person()
    answer = alice.sign_up("alice", PASSWORD)
    assert answer == "Your account waits for the admin's approval. You can log in once it is approved."
    assert alert(alice.log_in("alice", PASSWORD).text) == "User alice has not been authorized by an administrator yet."
    assert "alice" in boss.get("authorize").text
    assert boss.post("authorize/alice", authorized="true").ok
    assert alice.log_in("alice", PASSWORD).ok
    assert alice.is_in()


@pytest.mark.parametrize(
    ("name", "password", "answer"),
    [
        ("Ab_cd", PASSWORD, "lower-case letters"),
        ("../x", PASSWORD, "lower-case letters"),
        ("a" * 33, PASSWORD, "1 to 32 characters"),
        ("root", PASSWORD, "reserved"),
        ("lab-probe", PASSWORD, "reserved"),
        ("boss", PASSWORD, "is taken"),
        ("carol", "short", "at least 10 characters"),
        ("carol", "1234567890", "most common"),
        ("carol", "x" * 73, "at most 72 bytes"),
    ],
)
def test_signing_up_is_refused_with_what_is_accepted(hub, name, password, answer):
    assert answer in hub.person().sign_up(name, password)


def test_signing_up_needs_the_same_password_twice(hub):
    assert "did not match" in hub.person().sign_up("carol", PASSWORD, "another password")


def test_a_name_has_one_account(hub):
    hub.person().sign_up("twice", PASSWORD)
    assert "already in use" in hub.person().sign_up("twice", "another password")


def test_signing_up_needs_the_xsrf_token(hub):
    mallory = hub.person()
    mallory.get("signup")
    assert mallory.post("signup", xsrf="wrong", username="mallory", signup_password=PASSWORD).status_code == 403
    assert hub.api("GET", "/lab/accounts/mallory").json() == {"name": "mallory", "exists": False}


@pytest.mark.parametrize("path", ["authorize/dora", "discard/dora"])
def test_a_link_approves_and_discards_nobody(hub, boss, path):
    hub.person().sign_up("dora", PASSWORD)
    assert boss.get(path).status_code == 405
    assert boss.post(path, xsrf="wrong", authorized="true").status_code == 403
    account = hub.api("GET", "/lab/accounts/dora").json()
    assert (account["exists"], account["authorized"]) == (True, False)


@pytest.mark.parametrize("path", ["authorize/erin", "discard/erin", "authorize"])
def test_only_admins_approve_and_discard(hub, path):
    hub.api("PUT", "/lab/accounts/erin", json={"password": PASSWORD})
    erin = hub.person()
    erin.log_in("erin", PASSWORD)
    answer = erin.get(path) if path == "authorize" else erin.post(path, authorized="true")
    assert answer.status_code == 403


def test_the_authorization_page_has_a_form_for_each_account(hub, boss):
    hub.person().sign_up("frida", PASSWORD)
    page = boss.get("authorize").text
    assert 'action="/hub/authorize/frida" method="post"' in page
    assert 'action="/hub/discard/frida" method="post"' in page
    assert 'href="/hub/authorize"' in page, "the menu leads there"


def test_discarding_removes_account_and_user(hub, boss):
    hub.person().sign_up("gina", PASSWORD)
    hub.api("POST", "/users/gina")
    assert boss.post("discard/gina").ok
    assert not hub.api("GET", "/lab/accounts/gina").json()["exists"]
    assert hub.api("GET", "/users/gina").status_code == 404


def test_an_authorized_account_is_not_discarded(hub, boss):
    hub.api("PUT", "/lab/accounts/hanna", json={"password": PASSWORD})
    assert boss.post("discard/hanna").status_code == 400
    assert hub.api("GET", "/lab/accounts/hanna").json()["exists"]


def test_an_approval_names_an_account_and_what_to_do(boss):
    assert boss.post("authorize/nobody", authorized="true").status_code == 404
    assert boss.post("authorize/boss", authorized="maybe").status_code == 400
    assert boss.post("authorize/boss").status_code == 400


@pytest.mark.parametrize("path", ["authorize/boss", "authorize/Boss", "discard/boss", "discard/Boss"])
def test_an_admin_cannot_lock_themselves_out(hub, boss, path):
    answer = boss.post(path, authorized="false")
    assert (answer.status_code, "you would lock yourself out" in answer.text) == (403, True)
    account = hub.api("GET", "/lab/accounts/boss").json()
    assert (account["exists"], account["authorized"]) == (True, True)


def test_who_administers_users_without_being_an_admin_cannot_touch_an_admin(tmp_path):
    role = """c.JupyterHub.load_roles += [{"name": "helper", "scopes": ["admin:users"], "users": ["uwe"]}]\n"""
    with RunningHub(tmp_path, role).running() as hub:
        hub.api("PUT", "/lab/accounts/uwe", json={"password": PASSWORD})
        uwe = hub.person()
        assert uwe.log_in("uwe", PASSWORD).ok
        uwe.get("authorize")
        form = {"authorized": "false", "new_password": PASSWORD, "new_password_confirmation": PASSWORD}
        for path in ("authorize/boss", "discard/boss", "change-password/boss"):
            answer = uwe.post(path, **form)
            assert (answer.status_code, "Only admins can change" in answer.text) == (403, True), path
        assert hub.person().log_in("boss", ADMIN_PASSWORD).ok


@pytest.mark.parametrize("name", ["ida", "name-without-account"])
def test_five_wrong_passwords_lock_a_name_out_whether_it_exists_or_not(hub, name):
    hub.api("PUT", "/lab/accounts/ida", json={"password": PASSWORD})
    guesses = [hub.person().log_in(name, "wrong") for _try in range(5)]
    assert {(guess.status_code, alert(guess.text)) for guess in guesses} == {(403, "Invalid username or password")}
    locked = hub.person().log_in(name, PASSWORD)
    assert locked.status_code == 403
    assert alert(locked.text) == "Too many failed logins for this name. Try again in 5 minutes."


@pytest.mark.parametrize(
    ("lock", "ago", "locked"),
    [
        (300, timedelta(seconds=299), True),
        (300, timedelta(seconds=301), False),
        (300, timedelta(days=1, seconds=10), False),
        (90000, timedelta(seconds=89000), True),
        (90000, timedelta(days=2), False),
    ],
)
def test_a_lock_out_ends_though_nobody_else_logs_in_meanwhile(lock, ago, locked):
    authenticator = LabAuthenticator(add_new_table=False, seconds_before_next_try=lock)
    authenticator.login_attempts = {"alice": {"count": 5, "time": datetime.now() - ago}}
    assert authenticator.is_blocked("alice") == locked


def test_a_new_password_ends_the_lock_out(hub):
    hub.api("PUT", "/lab/accounts/judy", json={"password": PASSWORD})
    for _try in range(5):
        hub.person().log_in("judy", "wrong")
    hub.api("PUT", "/lab/accounts/judy", json={"password": "another good password"})
    assert hub.person().log_in("judy", "another good password").ok


@pytest.mark.parametrize("password", ["", "x" * 1000, "\x00", "wrong"])
def test_a_wrong_password_is_refused_whatever_it_is(hub, password):
    answer = hub.person().log_in("kate", password)
    assert (answer.status_code, alert(answer.text)) == (403, "Invalid username or password")


def test_a_login_without_a_name_is_a_bad_request(hub):
    person = hub.person()
    person.get("login")
    assert person.post("login", password=PASSWORD).status_code == 400


def test_logging_in_leads_to_no_other_site(hub):
    hub.api("PUT", "/lab/accounts/lena", json={"password": PASSWORD})
    lena = hub.person()
    lena.get("login")
    fields = {"username": "lena", "password": PASSWORD, "_xsrf": lena.session.cookies.get("_xsrf")}
    url = f"{hub.url}/hub/login?next=https%3A%2F%2Fexample.org%2F"
    answer = lena.session.post(url, data=fields, allow_redirects=False, timeout=30)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/hub/")


def test_unauthorizing_ends_the_session(tmp_path):
    with RunningHub(tmp_path, "c.LabAuthenticator.auth_refresh_age = 1\n").running() as hub:
        hub.api("PUT", "/lab/accounts/mona", json={"password": PASSWORD})
        mona = hub.person()
        mona.log_in("mona", PASSWORD)
        assert mona.is_in()
        hub.api("PUT", "/lab/accounts/mona", json={"authorized": False})
        assert eventually(lambda: not mona.is_in())


def test_people_change_their_passwords(hub):
    hub.api("PUT", "/lab/accounts/nora", json={"password": PASSWORD})
    nora = hub.person()
    nora.log_in("nora", PASSWORD)
    assert "change-password" in nora.get("home").text, "the menu leads there"
    nora.get("change-password")
    for old, new, answer in [
        (PASSWORD, "short", 200),
        (PASSWORD, "x" * 73, 400),
        (PASSWORD, "a better password", 200),
    ]:
        form = {"old_password": old, "new_password": new, "new_password_confirmation": new}
        assert nora.post("change-password", **form).status_code == answer
    assert hub.person().log_in("nora", PASSWORD).status_code == 403
    assert hub.person().log_in("nora", "a better password").ok


def test_an_admin_changes_anothers_password(hub, boss):
    hub.api("PUT", "/lab/accounts/olga", json={"password": PASSWORD})
    boss.get("change-password/olga")
    form = {"new_password": "a better password", "new_password_confirmation": "a better password"}
    assert boss.post("change-password/olga", **form).ok
    assert hub.person().log_in("olga", "a better password").ok


def test_while_sign_up_is_closed_the_page_says_whom_to_ask(tmp_path):
    extra = 'c.LabAuthenticator.signup = "closed"\nc.LabAuthenticator.signup_contact = "Ms Smith <smith@uni>"\n'
    with RunningHub(tmp_path, extra).running() as hub:
        paula = hub.person()
        page = paula.get("signup")
        assert (page.status_code, "ask Ms Smith &lt;smith@uni&gt;" in page.text) == (200, True)
        assert "/hub/signup" not in paula.get("login").text
        form = {"username": "paula", "signup_password": PASSWORD, "signup_password_confirmation": PASSWORD}
        assert paula.post("signup", **form).status_code == 403
        assert not hub.api("GET", "/lab/accounts/paula").json()["exists"]


def test_while_sign_up_is_open_nobody_waits_and_nobody_takes_over_a_user(tmp_path):
    with RunningHub(tmp_path, 'c.LabAuthenticator.signup = "open"\n').running() as hub:
        assert hub.person().sign_up("rita", PASSWORD) == "Your account is ready: log in."
        assert hub.person().log_in("rita", PASSWORD).ok
        hub.api("POST", "/users/sara")
        assert "is taken" in hub.person().sign_up("sara", PASSWORD)


def test_a_bootstrap_account_keeps_the_password_that_its_owner_chose(tmp_path):
    hub = RunningHub(tmp_path)
    with hub.running():
        boss = hub.person()
        boss.log_in("boss", ADMIN_PASSWORD)
        boss.get("change-password")
        form = {"old_password": ADMIN_PASSWORD, "new_password": PASSWORD, "new_password_confirmation": PASSWORD}
        boss.post("change-password", **form)
    with hub.running():
        assert hub.person().log_in("boss", PASSWORD).ok
        assert hub.person().log_in("boss", ADMIN_PASSWORD).status_code == 403


def test_nobody_without_an_account_is_let_in(hub):
    hub.api("POST", "/users/tara")
    assert hub.person().log_in("tara", "").status_code == 403
    assert requests.get(f"{hub.url}/hub/authorize", timeout=30).status_code == 403


def eventually(condition, seconds=15):
    """Wait for a condition; returns whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
