"""_doctor_scrub: no secret comes through, whatever it is and wherever it stands."""

import base64
import json
import os
from urllib.parse import quote

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_scrub as scrub
from hypothesis import given
from hypothesis import strategies as st

SECRET = "n8J/x+Z=3 q"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----"


@given(
    secrets=st.sets(st.text(min_size=1, max_size=12), max_size=5), pieces=st.lists(st.text(max_size=20)), data=st.data()
)
def test_no_known_value_is_left_wherever_it_stands(secrets, pieces, data):
    planted = [data.draw(st.sampled_from(sorted(secrets))) for _piece in pieces] if secrets else []
    text = "".join(piece + secret for piece, secret in zip(pieces, planted or [""] * len(pieces), strict=True))
    left = scrub.scrub(text, secrets)
    assert [secret for secret in secrets if secret in left] == []


@given(st.text(max_size=60))
def test_scrubbing_twice_leaves_what_it_left(text):
    once = scrub.scrub(text, {SECRET})
    assert SECRET not in once
    assert SECRET not in scrub.scrub(once, {SECRET})


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        json.dumps({"x": SECRET}),
        f"x{SECRET}y",
    ],
)
def test_a_known_value_goes_in_every_spelling(written):
    left = scrub.scrub(f"before {written} after", {SECRET})
    assert written not in left
    assert SECRET not in left
    assert (left.startswith("before "), left.endswith(" after")) == (True, True)


def test_a_value_with_quotes_goes_as_json_writes_it():
    secret = 'a"b\\c\u00e9'
    left = scrub.scrub(json.dumps({"note": secret}), {secret})
    assert json.dumps(secret)[1:-1] not in left


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /hub?token=SECRET HTTP/1.1", "SECRET"),
        ("Authorization: token SECRET", "SECRET"),
        ("authorization: Bearer SECRET.with-a.long_value", "SECRET"),
        ("took Bearer SECRETSECRETSECRET with it", "SECRET"),
        ('{"password": "SECRET with space"}', "SECRET"),
        ("{'api_key': 'SECRET'}", "SECRET"),
        ('c.GitHubOAuthenticator.client_secret = "SECRET"', "SECRET"),
        (r'{"log": "{\"token\": \"SECRET\"}"}', "SECRET"),
        ("JUPYTERHUB_API_TOKEN=SECRET", "SECRET"),
        ("HTTPS_PROXY=http://ada:SECRET@proxy.example.org:3128/", "SECRET"),
        ("index https://lab:SEC/RET@index.example.org/simple/", "RET"),
        ("index https://lab:SEC@RET@index.example.org/simple/", "SEC"),
        ("https://SECRET@index.example.org/simple/", "SECRET"),
        ("postgresql://hub:SECRET@db/hub", "SECRET"),
        ("Cookie: jupyterhub-session-id=SECRET; _xsrf=SECRET", "SECRET"),
        ("Set-Cookie: anything=SECRET; Path=/", "SECRET"),
        ('{"Cookie": "a=SECRET; b=SECRET", "Host": "x"}', "SECRET"),
        ("jupyterhub-user-ada=SECRET", "SECRET"),
        ("_xsrf=SECRET", "SECRET"),
        (KEY, "MIIEow"),
        (KEY.partition("-----END")[0], "MIIEow"),
    ],
)
def test_what_looks_like_a_secret_goes_by_its_form(text, secret):
    assert secret not in scrub.scrub(text, ())


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/hub/health 200",
        "the token was refused",
        "ERROR container jupyterhub-jupyterhub-1 (hub-down)",
        "docker compose -f /srv/jupyterhub/compose.yml up -d jupyterhub",
        "mail ada@example.org",
    ],
)
def test_what_helps_stays(text):
    assert scrub.scrub(text, ()) == text


def test_a_structure_is_scrubbed_to_its_last_text():
    found = scrub.scrub_all({"a": [f"x {SECRET}", {"b": (SECRET,)}], "n": 1, "none": None}, {SECRET})
    assert found == {"a": ["x ***", {"b": ["***"]}], "n": 1, "none": None}


def test_secrets_are_read_whole_and_line_by_line(tmp_path):
    (tmp_path / "users").mkdir()
    (tmp_path / "one").write_text("first\n")
    (tmp_path / "users/ada").write_text("second\nthird\n")
    (tmp_path / "empty").write_text("")
    values, whole = scrub.read_secrets([str(tmp_path), str(tmp_path / "none"), str(tmp_path / "one")])
    assert (values, whole) == ({"first", "second", "third", "second\nthird"}, True)


def test_a_secret_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    (tmp_path / "one").symlink_to(tmp_path / "gone")
    assert scrub.read_secrets([str(tmp_path)]) == (set(), False)

    def refuse(_place, onerror):
        onerror(PermissionError(13, "Permission denied", str(tmp_path)))
        return iter(())

    monkeypatch.setattr(os, "walk", refuse)
    assert scrub.read_secrets([str(tmp_path)]) == (set(), False)


CONFIG = """\
c.LabSpawner.image = "x"
c.LabSpawner.environment = {
    "LICENCE": "SECRET",

    "OTHER": "SECRET",
}
# --- Programs ---
c.JupyterHub.services = []
    c.Spawner.environment["A"] = "SECRET"
c.JupyterHub.port = 1
"""


def test_users_environments_are_left_out_of_a_configuration():
    left = scrub.without_environment(CONFIG)
    assert "SECRET" not in left
    assert [line for line in left.splitlines() if not line.startswith("# (")] == [
        'c.LabSpawner.image = "x"',
        "# --- Programs ---",
        "c.JupyterHub.services = []",
        "c.JupyterHub.port = 1",
    ]


def test_a_long_text_of_one_word_takes_no_time_worth_telling():
    # A form that looked back from each letter would take hours for this.
    assert len(scrub.scrub("token" * 60_000, {SECRET})) == 300_000
    assert len(scrub.scrub("a" * 300_000, {SECRET})) == 300_000
