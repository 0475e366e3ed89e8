"""A server that does not start, or dies: its user reads why, and so does whoever runs the lab."""

import os
import subprocess

import pytest
from e2e.labclient import LabError, wait_until
from playwright.sync_api import expect

BROKEN = 'c.ServerApp.port = "abc"\n'
SILENT = "import socket, time\nlistening = socket.create_server(('', 8888))\ntime.sleep(1000)\n"
FOUND_DEAD = 60
"""Seconds until the hub has noticed that a server is gone; it looks every 30."""


@pytest.fixture
def broken(lab, hub, guests):
    """Somebody who has worked here before, and has broken a configuration file since."""
    guest = guests.working()
    hub.stop(guest.name)
    directory = lab.home(guest.name) / ".jupyter"
    directory.mkdir(exist_ok=True)
    (directory / "jupyter_server_config.py").write_text(BROKEN)
    os.chown(directory, lab.home(guest.name).stat().st_uid, -1)
    return guest


def problem_of(guest, info):
    return [problem for problem in info()["problems"] if problem["subject"] == f"server of {guest.name}"]


def test_a_broken_dot_file_is_told_with_the_log_to_user_and_admin(lab, hub, broken, info, visitor):
    person = visitor("user")
    person.log_in(broken.name, broken.password)
    person.start_server()
    words = person.page.get_by_text("A setting of Jupyter is wrong")
    expect(words.first).to_be_visible(timeout=60_000)
    expect(person.page.get_by_text("Bad config encountered").first).to_be_visible()
    person.picture("failed")

    (problem,) = problem_of(broken, info)
    assert (problem["code"], problem["severity"]) == ("server-failed", "warning")
    assert "Bad config encountered during initialization" in problem["evidence"]
    assert f"{lab.home(broken.name)}/.jupyter" in problem["remedy"]

    (lab.home(broken.name) / ".jupyter/jupyter_server_config.py").unlink()
    hub.start(broken.name)
    assert problem_of(broken, info) == []


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desk", "phone"])
def test_a_russian_browser_is_answered_in_russian(broken, visitor, size):
    person = visitor("user", locale="ru-RU", viewport={"width": size[0], "height": size[1]})
    page = person.page
    page.goto("/hub/signup")
    expect(page.get_by_role("heading", name="Регистрация")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "ru"
    person.picture("sign-up")
    page.goto("/hub/login")
    person.picture("login")
    page.get_by_label("Имя пользователя").fill(broken.name)
    page.get_by_label("Пароль").fill(broken.password)
    page.get_by_role("button", name="Вход").click()
    page.goto(f"/hub/spawn/{broken.name}")
    expect(page.get_by_text("Ошибка в настройках Jupyter").first).to_be_visible(timeout=60_000)
    person.picture("failed")
    page.goto(f"/hub/spawn-pending/{broken.name}")
    expect(page.get_by_role("heading", name="Ваш сервер не запустился")).to_be_visible()
    person.picture("not-running")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_api_tells_the_cause_too(hub, broken):
    with pytest.raises(LabError, match="A setting of Jupyter is wrong"):
        hub.start(broken.name)


def test_a_server_that_is_killed_is_on_record_when_its_container_is_gone(hub, guests, info):
    guest = guests.working()
    subprocess.run(["docker", "kill", "--signal=KILL", f"jupyter-{guest.name}"], check=True, capture_output=True)
    wait_until(lambda: not hub.running(guest.name), "the hub has noticed", FOUND_DEAD)
    found = [failure for failure in info()["failures"] if failure["user"] == guest.name]
    assert [(failure["cause"], failure["stage"], failure["exit_code"]) for failure in found] == [("killed", "run", 137)]
    assert "ServerApp" in found[0]["log"]
    assert [problem["code"] for problem in problem_of(guest, info)] == ["server-failed"]


def failures_of(guest, info):
    return [(failure["stage"], failure["cause"]) for failure in info()["failures"] if failure["user"] == guest.name]


def test_a_container_that_somebody_removes_is_on_record_and_no_problem(hub, guests, info):
    guest = guests.working()
    subprocess.run(["docker", "rm", "--force", f"jupyter-{guest.name}"], check=True, capture_output=True)
    wait_until(lambda: not hub.running(guest.name), "the hub has noticed", FOUND_DEAD)
    assert failures_of(guest, info) == [("run", "removed")]
    assert problem_of(guest, info) == []


def test_a_server_that_listens_and_never_answers_is_on_record_with_words(lab, hub, broken, info):
    file = lab.home(broken.name) / ".jupyter/jupyter_server_config.py"
    file.write_text(SILENT)
    with pytest.raises(LabError):
        hub.start(broken.name)
    assert ("start", "timeout") in failures_of(broken, info)
    (problem,) = problem_of(broken, info)
    assert "answers no request" in problem["evidence"]
