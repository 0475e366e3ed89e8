"""The lab of this scenario: nothing is reached from its server but through the proxy, and everything through it."""

import re

import pytest
from e2e.labclient import Guests, HubClient


@pytest.fixture(scope="module")
def lab(server):
    """The server behind the proxy, as root."""
    return server("lab")


@pytest.fixture(scope="module")
def hub(lab_server):
    """The hub, through its door."""
    return HubClient(lab_server("lab").lab)


@pytest.fixture
def passed(server):
    """Tell what the proxy has been asked for since: words of HTTP, and hosts."""
    log = "/var/log/tinyproxy/tinyproxy.log"
    before = int(server("gate").check_output(f"wc --lines <{log}"))

    def hosts(since=before + 1):
        text = server("gate").check_output(f"tail --lines=+{since} {log}")
        return set(re.findall(r"Request .*: (CONNECT|GET) (?:http://)?([^:/ ]+)", text))

    return hosts


def test_there_is_no_way_out_but_the_proxy(has_way_out):
    assert (has_way_out("gate"), has_way_out("lab")) == (True, False)


def test_packages_and_what_images_are_made_of_came_through_it(passed):
    # Debian's packages by plain HTTP, Python's and Node's by HTTPS.
    assert {word for word, _host in passed(since=1)} == {"GET", "CONNECT"}


def test_images_were_made_on_the_server(lab):
    names = lab.check_output("docker image ls --format '{{.Repository}}'").split()
    assert {"gpulab/debian", "gpulab/base", "gpulab/hub", "gpulab/proxy", "jupyter-custom-gpu"} <= set(names)


def test_the_engine_has_it_for_its_pulls(lab):
    proxy = lab.check_output("docker info --format '{{.HTTPProxy}} {{.HTTPSProxy}}'").split()
    assert [re.fullmatch(r"http://[\d.]+:8888", url) is not None for url in proxy] == [True, True]


@pytest.fixture
def worker(hub):
    """Somebody whose server runs."""
    guests = Guests(hub)
    yield guests.working()
    guests.remove_all()


def test_a_user_installs_a_package_through_it(hub, worker, passed):
    with hub.kernel(worker.name) as kernel:
        said = kernel.run(
            "%pip install --force-reinstall peppercorn==0.6\nimport peppercorn; print(peppercorn.__file__)"
        )
    assert "/opt/packages/peppercorn/__init__.py" in said
    assert {word for word, _host in passed()} == {"CONNECT"}


def test_hub_and_proxy_speak_to_each_other_without_it(passed, hub):
    assert hub.call("GET", "/hub/api/info")["version"]
    assert {"proxy", "jupyterhub", "127.0.0.1", "localhost"} & {host for _word, host in passed(since=1)} == set()
