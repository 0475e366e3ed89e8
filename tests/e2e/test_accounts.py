"""Who may have an account, and who decides it."""

import pytest
from e2e.labclient import WebSession

BAD_NAMES = ["../../etc", "a/b", "two words", "foo_bar", "-dash", "dash-", "two--dashes", "1st", "a" * 33]
RESERVED_NAMES = ["root", "lab-admin", "lab-probe"]


def account_exists(hub, name):
    return hub.call("GET", f"/hub/api/lab/accounts/{name}")["exists"]


@pytest.fixture
def admin(lab):
    session = WebSession(lab)
    assert session.log_in(lab.admin, lab.password)
    return session


@pytest.fixture
def applicant(lab, guests):
    """A person who has signed up and waits for the admin."""
    guest = guests.stranger()
    WebSession(lab).sign_up(guest.name, guest.password)
    return guest


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_name_is_refused_with_the_rule(lab, name):
    page = WebSession(lab).sign_up(name, "a-long-enough-password")
    assert "cannot be a user name" in page
    assert "lower-case letters a-z, digits and single hyphens" in page


@pytest.mark.parametrize("name", RESERVED_NAMES)
def test_reserved_name_is_refused_with_the_reason(lab, hub, name):
    before = account_exists(hub, name)
    page = WebSession(lab).sign_up(name, "a-long-enough-password")
    assert "reserved for the lab itself" in page
    assert account_exists(hub, name) == before


def test_short_password_is_refused_with_the_rule(lab, hub, guests):
    guest = guests.stranger()
    assert "A password has at least 10 characters" in WebSession(lab).sign_up(guest.name, "short")
    assert not account_exists(hub, guest.name)


def test_nobody_signs_up_as_the_admin(lab):
    impostor = WebSession(lab)
    assert "is taken" in impostor.sign_up(lab.admin, "the-impostor-password")
    assert not impostor.log_in(lab.admin, "the-impostor-password")
    assert WebSession(lab).log_in(lab.admin, lab.password)


def test_nobody_signs_up_for_a_name_twice(lab, guests):
    member = guests.member()
    assert "already in use" in WebSession(lab).sign_up(member.name, "the-impostor-password")
    assert WebSession(lab).log_in(member.name, member.password)


def test_applicant_waits_for_the_admin(lab, admin, applicant):
    assert not WebSession(lab).log_in(applicant.name, applicant.password)
    admin.submit("/hub/authorize", f"/hub/authorize/{applicant.name}", authorized="true")
    assert WebSession(lab).log_in(applicant.name, applicant.password)


@pytest.mark.parametrize("action", ["authorize", "discard"])
def test_link_in_a_chat_decides_nothing(hub, admin, applicant, action):
    answer = admin.get(f"/hub/{action}/{applicant.name}")
    assert answer.status_code == 405
    account = hub.call("GET", f"/hub/api/lab/accounts/{applicant.name}")
    assert account["exists"]
    assert not account["authorized"]


def test_form_of_another_site_decides_nothing(lab, hub, admin, applicant):
    answer = admin.submit("/hub/authorize", f"/hub/authorize/{applicant.name}", authorized="true", _xsrf="forged")
    assert answer.status_code == 403
    assert not hub.call("GET", f"/hub/api/lab/accounts/{applicant.name}")["authorized"]


def test_member_decides_about_nobody(lab, hub, guests, applicant):
    member = guests.member()
    session = WebSession(lab)
    assert session.log_in(member.name, member.password)
    assert session.get("/hub/authorize").status_code == 403
    answer = session.submit("/hub/home", f"/hub/authorize/{applicant.name}", authorized="true")
    assert answer.status_code == 403
    assert not hub.call("GET", f"/hub/api/lab/accounts/{applicant.name}")["authorized"]


def test_guessing_locks_the_name(lab, guests):
    member = guests.member()
    for guess in range(5):
        assert not WebSession(lab).log_in(member.name, f"guess-number-{guess}")
    assert not WebSession(lab).log_in(member.name, member.password), "the name is not locked"
