"""_hub_api: what JupyterHub 6.1.1 answered, replayed by a real HTTP server, and every way of not answering."""

import socket
import threading

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._hub_api import HubApi, Refused, Unreachable
from ansible_collections.gpulab.jupyterhub.tests.unit.hub_door import Door


@pytest.fixture
def door():
    """Make doors that answer as recorded under a name, or as given."""
    doors = []

    def open_door(replies):
        doors.append(Door(replies))
        threading.Thread(target=doors[-1].serve_forever, args=(0.01,), daemon=True).start()
        return doors[-1]

    yield open_door
    for one in doors:
        one.shutdown()
        one.server_close()


@pytest.fixture
def talker():
    """Make servers that take a connection, send some bytes, and hang up, or with None say nothing."""
    servers, silent = [], []

    def start(sends):
        servers.append(socket.create_server(("127.0.0.1", 0)))

        def answer(server):
            connection, _address = server.accept()
            connection.recv(4096)
            if sends is not None:
                connection.sendall(sends)
                connection.close()
            else:
                silent.append(connection)

        threading.Thread(target=answer, args=(servers[-1],), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].getsockname()[1]}"

    yield start
    for one in servers + silent:
        one.close()


def test_the_token_goes_along_and_the_version_comes_back(door):
    hub = door("known")
    reply = HubApi(hub.url + "/", "s3cret").get("/health")
    assert (reply.status, reply.headers["x-jupyterhub-version"]) == (200, "6.1.1")
    (path, headers) = hub.requests[0]
    assert (path, headers["Authorization"]) == ("/hub/health", "token s3cret")


def test_without_a_token_none_is_sent(door):
    hub = door("known")
    HubApi(hub.url).get("/health")
    assert "Authorization" not in hub.requests[0][1]


def test_lists_are_read_to_their_last_page(door):
    hub = door("known")
    users = HubApi(hub.url, "t").pages("/api/users")
    assert [user["name"] for user in users] == ["teacher", "alice", "bob", "carol"]
    assert [path for path, _headers in hub.requests] == [
        "/hub/api/users?offset=0&limit=200",
        "/hub/api/users?offset=2&limit=2",
    ]


def test_routes_come_as_a_list_like_everything_else(door):
    routes = HubApi(door("known").url, "t").pages("/api/proxy")
    assert [route["routespec"] for route in routes] == ["/", "/user/alice/"]


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ("weak", r"GET /hub/api/info: 403 Action is not authorized with current scopes; requires any of \[read:hub\]"),
        ("unknown", r"GET /hub/api/info: 403 Missing or invalid credentials\."),
        ({"/api/info": {"status": 500, "headers": {}, "body": "<html>" * 999}}, "GET /hub/api/info: 500$"),
    ],
)
def test_a_refusal_is_told_in_the_hubs_words_but_never_as_a_page(door, replies, message):
    with pytest.raises(Refused, match=message):
        HubApi(door(replies).url, "t").fetch("/api/info")


def test_the_token_follows_no_redirect(door):
    elsewhere = door("known")
    moved = {"status": 302, "headers": {"Location": f"{elsewhere.url}/hub/health"}, "body": ""}
    assert HubApi(door({"/health": moved}).url, "s3cret").get("/health").status == 302
    assert elsewhere.requests == []


def test_a_proxy_in_the_environment_is_not_asked_for_the_servers_own_door(door, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert HubApi(door("known").url).get("/health").status == 200


def test_nobody_there_is_told_as_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}: Connection refused") as failure:
        HubApi(f"http://127.0.0.1:{port}").get("/health")
    assert failure.value.state == "refused"


@pytest.mark.parametrize(
    ("scheme", "sends", "state"),
    [
        ("http", None, "timeout"),
        ("http", b"SSH-2.0-OpenSSH_9.2\r\n", "failed"),
        ("http", b"", "failed"),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", "failed"),
        ("http", b"HTTP/1.1 503 Away\r\nContent-Length: 99\r\n\r\nhalf", "failed"),
        ("https", b"HTTP/1.0 400 Bad Request\r\n\r\n", "tls"),
    ],
)
def test_what_is_no_whole_answer_is_told_as_such(talker, scheme, sends, state):
    url = talker(sends).replace("http", scheme, 1)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:\d+: .") as failure:
        HubApi(url, timeout=0.5).get("/health")
    assert failure.value.state == state


@pytest.mark.parametrize(("url", "state"), [("http://no-such-host.invalid", "unknown-name"), ("nonsense", "failed")])
def test_an_address_that_leads_nowhere_is_told(url, state):
    with pytest.raises(Unreachable) as failure:
        HubApi(url).get("/health")
    assert failure.value.state == state
