"""What a program with a token does: the hub's API, a user's server, a kernel on it."""

from concurrent.futures import ThreadPoolExecutor

import requests
from e2e.labclient import START_TIMEOUT, wait_until


def test_users_are_created_listed_and_deleted(hub, guests):
    name = guests.stranger().name
    assert hub.call("POST", f"/hub/api/users/{name}")["name"] == name
    assert name in [user["name"] for user in hub.call("GET", "/hub/api/users?limit=200")]
    hub.call("DELETE", f"/hub/api/users/{name}")
    assert hub.user(name) is None


def test_server_starts_serves_and_stops(hub, guests):
    name = guests.stranger().name
    hub.call("POST", f"/hub/api/users/{name}")
    hub.start(name)
    assert "version" in hub.server_api(name)
    assert hub.user(name)["servers"][""]["ready"]
    hub.stop(name)
    assert hub.user(name)["servers"] == {}


def test_a_start_tells_what_it_is_doing(hub, guests):
    name = guests.stranger().name
    hub.call("POST", f"/hub/api/users/{name}")
    with ThreadPoolExecutor() as others:
        start = others.submit(hub.call, "POST", f"/hub/api/users/{name}/server")
        wait_until(lambda: hub.running(name), "the start has begun", START_TIMEOUT)
        told = [event["message"] for event in hub.progress(name)]
        start.result()
    assert any("your home" in message for message in told), told


def test_kernel_computes_and_remembers(hub, guests):
    worker = guests.working()
    with hub.kernel(worker.name) as kernel:
        kernel.run("answer = 6 * 7")
        assert kernel.run("print(answer)") == "42"


def test_files_are_written_and_read(hub, guests, lab):
    worker = guests.working()
    model = {"type": "file", "format": "text", "content": "kept"}
    hub.server_api(worker.name, "/contents/note.txt", "PUT", json=model)
    assert hub.server_api(worker.name, "/contents/note.txt")["content"] == "kept"
    assert (lab.home(worker.name) / "note.txt").read_text() == "kept"


def test_home_outlives_its_server(hub, guests):
    worker = guests.working()
    with hub.kernel(worker.name) as kernel:
        kernel.run("open('kept.txt', 'w').write('kept')")
    hub.stop(worker.name)
    hub.start(worker.name)
    assert hub.server_api(worker.name, "/contents/kept.txt")["content"] == "kept"


def test_nobody_without_a_token_gets_in(lab):
    for path in ("/hub/api/users", f"/hub/api/users/{lab.admin}", f"/hub/api/lab/accounts/{lab.admin}"):
        for headers in ({}, {"Authorization": "token not-a-token"}):
            answer = requests.get(f"{lab.url}{path}", headers=headers, timeout=30)
            assert answer.status_code == requests.codes.forbidden, path
