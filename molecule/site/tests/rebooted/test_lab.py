"""The server after a reboot: the lab is back by itself, with all that users had in it."""

from datetime import datetime

from e2e.labclient import WebSession, wait_until

LONGEST = 120
"""Seconds that the services may take to get well."""


def healthy(lab):
    """Tell whether both services are well."""
    told = lab.check_output("docker compose --project-directory /srv/jupyterhub ps --format '{{.Service}} {{.Health}}'")
    return sorted(told.splitlines()) == ["jupyterhub healthy", "proxy healthy"]


def test_the_containers_of_before_were_started_by_this_boot(lab):
    booted = int(lab.check_output("systemctl show --property=UserspaceTimestamp --timestamp=unix").partition("@")[2])
    for name in ("jupyterhub-jupyterhub-1", "jupyterhub-proxy-1"):
        told = lab.check_output(f"docker container inspect {name} --format '{{{{.Created}}}} {{{{.State.StartedAt}}}}'")
        created, started = (datetime.fromisoformat(text[:19] + "Z").timestamp() for text in told.split())
        assert created < booted <= started


def test_no_unit_has_failed(lab):
    assert lab.check_output("systemctl is-system-running") == "running"


def test_the_lab_is_back_by_itself(lab, hub):
    wait_until(lambda: healthy(lab), "hub and proxy are healthy", LONGEST)
    session = WebSession(hub.lab)
    assert session.get("/hub/login").ok
    assert session.log_in(hub.lab.admin, hub.lab.password)


def test_a_user_is_back_at_work(lab, hub):
    wait_until(lambda: healthy(lab), "hub and proxy are healthy", LONGEST)
    hub.start("alice")
    with hub.kernel("alice") as kernel:
        assert kernel.run("print(open('thesis.txt').read())") == "hello"


def test_a_converge_has_nothing_to_put_right(converge):
    done = converge()
    assert (done.code, done.changes["lab"]) == (0, 0), done.said
