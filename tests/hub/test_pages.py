# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The forms for logging in, signing up and changing a password, and the page where admins decide."""

from html.parser import HTMLParser

import pytest
from hub.running import ADMIN_PASSWORD, RunningHub, alert

PASSWORD = "a password that nobody has"
FORMS = {
    "login": {"username": "username", "password": "current-password"},
    "signup": {
        "username": "username",
        "signup_password": "new-password",
        "signup_password_confirmation": "new-password",
    },
    "change-password": {
        "old_password": "current-password",
        "new_password": "new-password",
        "new_password_confirmation": "new-password",
    },
}


class Form(HTMLParser):
    """What a page asks for: inputs that people see by their names, what labels and descriptions belong to."""

    def __init__(self, page: str):
        super().__init__()
        self.inputs, self.labelled, self.ids = {}, set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids.append(attributes.get("id"))
        if tag == "label":
            self.labelled.add(attributes["for"])
        elif tag == "input" and attributes.get("type") not in ("hidden", "submit") and "hidden" not in attributes:
            self.inputs[attributes["name"]] = attributes


def sign_up(person, **fields):
    """Send the sign-up form, and get the form that comes back."""
    person.get("signup")
    passwords = {"signup_password": PASSWORD, "signup_password_confirmation": PASSWORD}
    return person.post("signup", **passwords | fields).text


@pytest.mark.parametrize("path", FORMS)
def test_every_input_has_a_label_and_is_known_to_password_managers(hub, boss, path):
    person = boss if path == "change-password" else hub.person()
    form = Form(person.get(path).text)
    assert {name: given["autocomplete"] for name, given in form.inputs.items()} == FORMS[path]
    assert {given["id"] for given in form.inputs.values()} <= form.labelled
    described = {given["aria-describedby"] for given in form.inputs.values() if "aria-describedby" in given}
    assert described <= set(form.ids)


@pytest.mark.parametrize("path", ["login", "signup"])
def test_the_warning_of_an_insecure_connection_is_left_to_the_browser(hub, path):
    page = hub.person().get(path).text
    assert 'id="insecure-login-warning" class="hidden' in page
    assert "isSecureContext" in page


def test_a_refused_login_keeps_the_name(hub):
    person = hub.person()
    form = Form(person.log_in("vera", "wrong").text)
    assert form.inputs["username"]["value"] == "vera"
    assert not form.inputs["password"].get("value")


def test_a_refused_login_still_leads_to_where_one_wanted_to_go(hub):
    hub.api("PUT", "/lab/accounts/wim", json={"password": PASSWORD})
    wim = hub.person()
    wim.get("login")
    refused = wim.post("login?next=%2Fhub%2Ftoken", username="wim", password="wrong")
    assert 'action="/hub/login?next=%2Fhub%2Ftoken"' in refused.text
    assert wim.post("login?next=%2Fhub%2Ftoken", username="wim", password=PASSWORD).url.endswith("/hub/token")


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "bad_name"},
        {"username": "boss"},
        {"username": "xenia", "signup_password": "short"},
        {"username": "xenia", "signup_password_confirmation": "another password"},
    ],
)
def test_a_refused_sign_up_keeps_the_name_and_no_password(hub, fields):
    form = Form(sign_up(hub.person(), **fields))
    assert form.inputs["username"]["value"] == fields["username"]
    assert "value" not in form.inputs["signup_password"]


def test_what_was_typed_comes_back_as_text(hub):
    page = sign_up(hub.person(), username='"><b>x')
    assert "<b>x" not in page
    assert Form(page).inputs["username"]["value"] == '"><b>x'


def test_the_rules_are_told_before_one_errs(hub):
    page = hub.person().get("signup").text
    assert "A user name has 1 to 32 characters: lower-case letters a-z" in page
    assert "A password has at least 10 characters, and is none of the most common ones." in page
    assert Form(page).inputs["signup_password"]["minlength"] == "10"


def test_after_signing_up_there_is_no_form_to_send_again(hub):
    page = sign_up(hub.person(), username="yara")
    assert Form(page).inputs == {}
    assert 'href="/hub/login"' in page


def test_the_admins_own_row_has_no_button_that_locks_them_out(hub, boss):
    hub.api("PUT", "/lab/accounts/zoe", json={"password": PASSWORD})
    rows = {row.split('"', 1)[0]: row for row in boss.get("authorize").text.split('<tr id="')[1:]}
    assert "Unauthorize" in rows["zoe"]
    assert "This is you" in rows["boss"]
    assert "<form" not in rows["boss"]


def test_what_an_operator_turns_on_is_in_the_forms(tmp_path):
    extra = """
c.LabAuthenticator.ask_email_on_signup = True
c.LabAuthenticator.allow_2fa = True
c.LabAuthenticator.tos = "I keep to the <a href='/rules'>rules</a>"
"""
    with RunningHub(tmp_path, extra).running() as hub:
        adam = hub.person()
        form = Form(adam.get("signup").text)
        assert form.inputs.keys() >= {"email", "2fa"}
        assert "tos_input" in form.labelled
        refused = sign_up(adam, username="adam", email="nobody@nowhere")
        assert "no e-mail address" in alert(refused)
        assert Form(refused).inputs["email"]["value"] == "nobody@nowhere"
        assert "authenticator app, now" in sign_up(adam, username="adam", email="adam@uni.example", **{"2fa": "2fa"})
        assert "2fa" in Form(adam.get("login").text).inputs
        assert adam.log_in("boss", ADMIN_PASSWORD).ok
        assert "Second factor" in adam.get("authorize").text


REFUSING = """
from labhub import postmortem, problems
def refuse(spawner):
    refusal = problems.SpawnProblem(postmortem.cause("gpu-refused"), "<b>x")
    refusal.say("ru")
    raise refusal
c.Spawner.options_form = "<p>choose</p>"
c.Spawner.pre_spawn_hook = refuse
"""


def test_the_form_of_a_start_speaks_its_readers_language_and_says_what_was_refused(tmp_path):
    with RunningHub(tmp_path, REFUSING).running() as hub:
        hub.api("PUT", "/lab/accounts/zoe", json={"password": PASSWORD})
        zoe, boss = hub.person(), hub.person()
        zoe.session.headers["Accept-Language"] = "ru"
        page = zoe.log_in("zoe", PASSWORD).text
        assert [word in page for word in ("<p>choose</p>", "Запустить сервер</h1>", ">Запустить</button>")] == [
            True
        ] * 3
        assert "spawn-error-msg" not in page
        refused = zoe.post("spawn").text
        assert "Запрошенный GPU вам не выделен." in refused
        assert "&lt;b&gt;x" in refused
        assert "<p>choose</p>" in refused
        boss.log_in("boss", ADMIN_PASSWORD)
        assert "The server of zoe" in boss.get("spawn/zoe").text
