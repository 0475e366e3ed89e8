"""What is one's own stays one's own, seen by the neighbour."""

import pytest
from e2e.labclient import WebSession

REFUSED = (403, 404)


@pytest.fixture(scope="module")
def owner(guests, hub):
    """A person whose server runs, with a secret in the home."""
    owner = guests.working()
    with hub.kernel(owner.name) as kernel:
        kernel.run("open('diary.txt', 'w').write('secret')")
    return owner


@pytest.fixture(scope="module")
def neighbour(guests):
    return guests.working()


@pytest.fixture(scope="module")
def neighbours_kernel(hub, neighbour):
    with hub.kernel(neighbour.name) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def neighbours_browser(lab, neighbour):
    session = WebSession(lab)
    assert session.log_in(neighbour.name, neighbour.password)
    return session


def test_own_server_is_open(neighbour, neighbours_browser):
    assert neighbours_browser.get(f"/user/{neighbour.name}/lab").ok
    assert neighbours_browser.get(f"/user/{neighbour.name}/api/contents").ok


@pytest.mark.parametrize("path", ["lab", "api/contents/diary.txt", "files/diary.txt", "api/terminals"])
def test_server_of_another_is_closed(owner, neighbours_browser, path):
    neighbours_browser.get(f"/user/{owner.name}/lab")
    assert neighbours_browser.get(f"/user/{owner.name}/{path}").status_code in REFUSED


def test_home_is_its_owners_alone(lab, owner, neighbour):
    status, other = lab.home(owner.name).stat(), lab.home(neighbour.name).stat()
    assert status.st_mode & 0o777 == 0o700
    assert status.st_uid >= 20000
    assert status.st_uid != other.st_uid


def test_home_of_another_is_not_even_there(owner, neighbour, neighbours_kernel):
    homes = neighbours_kernel.run("import os; print(os.listdir('/home'))")
    assert homes == str([neighbour.name])


def test_neighbour_runs_as_no_root(neighbours_kernel, lab, neighbour):
    uid = neighbours_kernel.run("import os; print(os.getuid())")
    assert int(uid) == lab.home(neighbour.name).stat().st_uid


def test_door_from_server_to_server_is_closed(owner, neighbours_kernel):
    url = f"http://jupyter-{owner.name}:8888/user/{owner.name}/api/contents"
    assert neighbours_kernel.run(STATUS_OF.format(url=url)) == "403"


def test_proxy_takes_no_orders_from_users(neighbours_kernel):
    assert neighbours_kernel.run(STATUS_OF.format(url="http://proxy:8001/api/routes")) == "403"


def test_engine_is_out_of_reach(neighbours_kernel):
    assert neighbours_kernel.run("import os; print(os.path.exists('/var/run/docker.sock'))") == "False"


def test_secrets_are_the_hubs_alone(lab):
    held = [*(lab.data_root / "secrets").rglob("*")]
    assert len(held) > 4
    for secret in held:
        assert secret.stat().st_mode & 0o777 == (0o700 if secret.is_dir() else 0o600), secret
    assert (lab.data_root / "secrets").stat().st_mode & 0o777 == 0o700


STATUS_OF = """
import urllib.error, urllib.request
direct = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
try:
    print(direct.open({url!r}, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
"""Python that prints the HTTP status of a URL, asked without a proxy."""
