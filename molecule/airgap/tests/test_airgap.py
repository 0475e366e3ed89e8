"""The server of this scenario: nothing outside can be reached from it, and it looks as if nothing had been needed."""

import pytest

OUTSIDE = "192.0.2.1"
"""An address that is kept for documentation: no machine has it, and a server with a way out has a route to it."""


@pytest.fixture(scope="module")
def lab(server):
    """The server without a way out, as root."""
    return server("lab")


def test_a_connection_to_outside_fails_at_once(lab):
    tried = lab.run(f"python3 -c 'import socket; socket.create_connection((\"{OUTSIDE}\", 443), timeout=5)'")
    assert (tried.rc, tried.stderr.splitlines()[-1]) == (1, "OSError: [Errno 101] Network is unreachable")


def test_only_the_server_that_made_the_bundle_has_a_route(has_way_out):
    assert (has_way_out("connected"), has_way_out("lab")) == (True, False)


def test_the_mirror_is_out_of_reach(lab):
    assert lab.run("apt-get update --error-on=any").rc != 0


@pytest.mark.parametrize("name", ["docker.io", "docker-cli", "docker-compose", "docker-buildx"])
def test_the_engine_came_from_the_bundle(lab, name):
    assert lab.package(name).is_installed


def test_apt_knows_nothing_of_the_bundle_any_more(lab):
    assert lab.run("grep --recursive --ignore-case gpulab /etc/apt /var/lib/apt/lists").stdout == ""
    assert not lab.file("/var/cache/gpulab-docker-engine").exists
    assert lab.run("apt-get check").rc == 0


def test_the_server_that_made_the_bundle_is_as_it_was(server):
    assert not server("connected").package("docker.io").is_installed
    assert server("connected").run("find /var/tmp /var/lib/apt/lists -name '*gpulab*' -o -name '*.deb'").stdout == ""
