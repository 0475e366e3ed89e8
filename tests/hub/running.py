# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A real JupyterHub in a process of its own, and people who use it."""

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import requests
from jupyterhub.utils import random_port

CHECKOUT = Path(__file__).parents[2]
TOKEN = "service-token-of-the-tests"
LIMITED_TOKEN = "token-without-admin-rights"
ADMIN_PASSWORD = "a password for the admin"

CONFIG = """
c = get_config()
c.JupyterHub.authenticator_class = "labhub.authenticator.LabAuthenticator"
c.JupyterHub.spawner_class = "hub.doubles.SingleUserSpawnerDouble"
c.SimpleLocalProcessSpawner.home_dir_template = "{homes}/{{username}}"
c.JupyterHub.proxy_class = "hub.doubles.DoorDouble"
c.JupyterHub.bind_url = "http://127.0.0.1:{door}"
c.JupyterHub.hub_port = {hub}
c.JupyterHub.cookie_secret = b"0" * 32
c.JupyterHub.services = [
    {{"name": "ansible", "api_token": "{token}"}},
    {{"name": "metrics", "api_token": "{limited}"}},
]
c.JupyterHub.load_roles = [
    {{"name": "ansible", "services": ["ansible"], "scopes": ["admin:users", "admin:servers"]}},
    {{"name": "metrics", "services": ["metrics"], "scopes": ["list:users"]}},
]
c.Authenticator.admin_users = {{"boss"}}
c.LabAuthenticator.bootstrap_accounts = {{"boss": "{password_file}"}}
"""


class RunningHub:
    """A hub at ``url``; ``extra`` is appended to its configuration."""

    def __init__(self, directory: Path, extra: str = ""):
        self.directory, self.url = directory, f"http://127.0.0.1:{random_port()}"
        self.packages = directory / "packages"
        self.packages.mkdir()
        password_file = directory / "boss_password"
        password_file.write_text(ADMIN_PASSWORD)
        password_file.chmod(0o600)
        settings = {
            "door": self.url.rsplit(":", 1)[1],
            "hub": random_port(),
            "password_file": password_file,
            "homes": directory / "home",
        }
        config = CONFIG.format(token=TOKEN, limited=LIMITED_TOKEN, **settings) + extra
        (directory / "jupyterhub_config.py").write_text(config)

    @contextlib.contextmanager
    def running(self):
        path = os.pathsep.join(map(str, (CHECKOUT / "files/hub/src", CHECKOUT / "tests", self.packages)))
        command = [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"]
        env = os.environ | {"PYTHONPATH": path}
        with (self.directory / "log").open("w") as log:
            hub = subprocess.Popen(command, cwd=self.directory, env=env, stdout=log, stderr=log)
            try:
                self.wait(hub)
                yield self
            finally:
                hub.terminate()
                hub.wait(20)

    def wait(self, hub: subprocess.Popen):
        for _try in range(300):
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{self.url}/hub/api/", timeout=5).ok:
                    return
            assert hub.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(self.log())

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def api(self, method: str, path: str, token: str = TOKEN, **kwargs) -> requests.Response:
        headers = {"Authorization": f"token {token}"}
        return requests.request(method, f"{self.url}/hub/api{path}", headers=headers, timeout=30, **kwargs)

    def person(self) -> "Person":
        return Person(self.url)


class Person:
    """Somebody at a browser."""

    def __init__(self, url: str):
        self.url, self.session = url, requests.Session()

    def get(self, path: str) -> requests.Response:
        return utf8(self.session.get(f"{self.url}/hub/{path}", timeout=30))

    def post(self, path: str, xsrf: str | None = None, **fields: str) -> requests.Response:
        """Send a form; the XSRF token is that of the browser's cookie unless another is given."""
        token = self.session.cookies.get("_xsrf", path="/hub/") if xsrf is None else xsrf
        return utf8(self.session.post(f"{self.url}/hub/{path}", data=fields | {"_xsrf": token}, timeout=30))

    def sign_up(self, username: str, password: str, confirmation: str | None = None) -> str:
        """Sign up, and read what the page answers."""
        self.get("signup")
        confirmation = password if confirmation is None else confirmation
        answer = self.post(
            "signup", username=username, signup_password=password, signup_password_confirmation=confirmation
        )
        assert answer.status_code == 200, answer.text
        return alert(answer.text)

    def log_in(self, username: str, password: str) -> requests.Response:
        self.get("login")
        return self.post("login", username=username, password=password)

    def is_in(self) -> bool:
        return self.get("home").url.endswith("/hub/home")


def utf8(answer: requests.Response) -> requests.Response:
    """Read a page as its own `meta` says; `requests` looks at the header alone."""
    answer.encoding = "utf-8"
    return answer


def alert(page: str) -> str:
    """The text of the page's alert or login error."""
    found = re.search(r'(?:role="alert">\s*<p>|class="login_error">)(.*?)</p>', page, re.DOTALL)
    assert found, page
    return " ".join(found.group(1).replace("&#39;", "'").split())
