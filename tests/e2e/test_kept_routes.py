"""The proxy's image by itself: what it keeps of its routes, and what it makes of a file that it cannot use."""

import json
import os
import secrets
import stat

import pytest
import requests
from e2e.labclient import wait_until
from e2e.server import docker

ROUTE = {"target": "http://127.0.0.1:1", "user": "alice", "server_name": "", "jupyterhub": True}
OWNER = 9000


class Proxy:
    """A proxy that nobody comes through, in a container of its own."""

    def __init__(self, directory, image, network):
        self.kept = directory / "kept/routes.json"
        self.kept.parent.mkdir(mode=0o700)
        (directory / "token").write_text(secrets.token_hex())
        for path in (self.kept.parent, directory / "token"):
            os.chown(path, OWNER, OWNER)
        self.headers = {"Authorization": f"token {(directory / 'token').read_text()}"}
        mounts = (f"{self.kept.parent}:/srv/proxy", f"{directory}/token:/run/secrets/proxy_auth_token:ro")
        options = [f"--volume={mount}" for mount in mounts] + [
            "--api-ip=0.0.0.0",
            "--default-target=http://127.0.0.1:1",
        ]
        options.insert(2, image)
        self.id = docker("create", "--init", "--read-only", f"--user={OWNER}", f"--network={network}", *options)

    def start(self):
        docker("start", self.id)
        address = docker("inspect", self.id, "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
        self.url = f"http://{address}:8001/api/routes"
        wait_until(lambda: self.routes() is not None, "the proxy answers", 30)

    def kill(self):
        docker("kill", self.id)

    def call(self, method, path="", **options):
        return requests.request(method, self.url + path, headers=self.headers, timeout=5, **options)

    def routes(self):
        """Ask for its routes; None while it does not answer."""
        try:
            return self.call("GET").json()
        except requests.ConnectionError:
            return None

    def said(self):
        return docker("logs", self.id)


@pytest.fixture
def proxy(tmp_path):
    running = docker("ps", "-q", "--filter", "label=com.docker.compose.service=proxy")
    made = Proxy(
        tmp_path,
        docker("inspect", running, "--format", "{{.Config.Image}}"),
        docker("inspect", running, "--format", "{{.HostConfig.NetworkMode}}"),
    )
    yield made
    docker("rm", "--force", made.id)


def test_routes_outlive_a_proxy_that_was_killed(proxy):
    proxy.start()
    for name in ("alice", "bob"):
        assert proxy.call("POST", f"/user/{name}", json=ROUTE | {"user": name}).status_code == requests.codes.created
    assert proxy.call("DELETE", "/user/bob").status_code == requests.codes.no_content
    assert (proxy.kept.stat().st_uid, stat.S_IMODE(proxy.kept.stat().st_mode)) == (OWNER, 0o600)
    assert "last_activity" not in proxy.kept.read_text()
    proxy.kill()
    proxy.start()
    assert proxy.routes()["/user/alice"] == ROUTE
    assert "/user/bob" not in proxy.routes()


def test_the_default_target_is_that_of_today(proxy):
    proxy.kept.write_text(json.dumps({"/": {"target": "http://127.0.0.1:2", "hub": True}}))
    os.chown(proxy.kept, OWNER, OWNER)
    proxy.start()
    assert proxy.routes()["/"]["target"] == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"/user/alice": {"targ',
        "null",
        '"text"',
        "[[]]",
        '{"/user/alice": null}',
        '{"/user/alice": {"target": 7}}',
    ],
)
def test_a_file_that_makes_no_sense_is_told_and_written_anew(proxy, content):
    proxy.kept.write_text(content)
    os.chown(proxy.kept, OWNER, OWNER)
    proxy.start()
    assert list(proxy.routes()) == ["/"]
    assert "The routes cannot be read in /srv/proxy/routes.json" in proxy.said()
    assert list(json.loads(proxy.kept.read_text())) == ["/"]


def test_a_directory_that_is_not_its_own_is_told_and_stops_nothing(proxy):
    os.chown(proxy.kept.parent, 0, 0)
    proxy.start()
    assert proxy.call("POST", "/user/alice", json=ROUTE).status_code == requests.codes.created
    assert proxy.routes()["/user/alice"]["target"] == ROUTE["target"]
    assert "The routes cannot be kept in /srv/proxy/routes.json" in proxy.said()


def test_a_write_that_was_cut_off_leaves_the_routes_of_before(proxy):
    proxy.kept.write_text(json.dumps({"/user/alice": ROUTE}))
    draft = proxy.kept.with_name(".routes.json")
    draft.write_text('{"/user/alice": {"targ')
    for path in (proxy.kept, draft):
        os.chown(path, OWNER, OWNER)
    proxy.start()
    assert proxy.routes()["/user/alice"] == ROUTE
    assert not draft.exists()
