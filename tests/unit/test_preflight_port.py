"""_preflight_port: what is in the way of the lab's door is told with who holds it."""

import errno
import ipaddress
import os

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _preflight_port as door

EVERYWHERE = str(ipaddress.IPv4Address(0))


def codes(problems):
    return [problem.code for problem in problems]


@pytest.mark.parametrize("address", ["127.0.0.1", EVERYWHERE])
def test_a_taken_port_is_told_with_the_process_that_holds_it(listener, address):
    (problem,) = door.port(address, listener, "jupyterhub", [])
    assert (problem.code, problem.subject) == ("port-taken", "hub_stack_port")
    assert f"(process {os.getpid()})" in problem.evidence
    assert f"port {listener} of {address}" in problem.evidence


def test_a_free_port_is_fine_and_stays_free(free_port):
    assert list(door.port("127.0.0.1", free_port, "jupyterhub", [])) == []
    assert list(door.port("127.0.0.1", free_port, "jupyterhub", [])) == []


def test_a_listener_on_another_address_is_in_nobodys_way(listener):
    assert list(door.port("127.0.0.2", listener, "jupyterhub", [])) == []


def test_an_address_of_another_machine_is_named():
    (problem,) = door.port("192.0.2.1", 8000, "jupyterhub", [])
    assert (problem.code, problem.subject) == ("address-not-here", "hub_stack_bind_address")


def test_a_port_that_may_not_be_used_says_so():
    def bind(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    (problem,) = door.port(EVERYWHERE, 80, "jupyterhub", [], bind)
    assert problem.code == "port-not-usable"
    assert "Permission denied" in problem.evidence


def test_a_holder_that_cannot_be_seen_is_not_invented(tmp_path, listener):
    (problem,) = door.port("127.0.0.1", listener, "jupyterhub", [], proc=str(tmp_path))
    assert "a process that cannot be seen from here" in problem.evidence
    assert f"ss -ltnp 'sport = :{listener}'" in problem.remedy


PUBLISHED = "\n".join(
    [
        "jupyterhub-proxy-1\tjupyterhub\t/srv/jupyterhub\t0.0.0.0:8000->8000/tcp, [::]:8000->8000/tcp",
        "web\t\t\t127.0.0.1:9000-9002->80-82/tcp, 443/tcp",
        "dns\tother\t/srv/dns\t0.0.0.0:8053->53/udp",
        "quiet\t\t\t",
    ]
)


def test_the_folder_of_a_project_is_that_of_its_containers():
    assert door.parse_folders(PUBLISHED, "jupyterhub") == {"/srv/jupyterhub"}
    assert door.parse_folders(PUBLISHED, "another") == set()


@pytest.mark.parametrize(
    ("address", "port", "project", "found"),
    [
        (EVERYWHERE, 8000, "jupyterhub", []),
        ("127.0.0.1", 8000, "jupyterhub", []),
        (EVERYWHERE, 8000, "another", ["port-taken"]),
        ("::", 8000, "another", ["port-taken"]),
        (EVERYWHERE, 9001, "jupyterhub", ["port-taken"]),
        ("127.0.0.1", 9002, "jupyterhub", ["port-taken"]),
        ("10.0.0.1", 9002, "jupyterhub", []),
        (EVERYWHERE, 9003, "jupyterhub", []),
        (EVERYWHERE, 8053, "jupyterhub", []),
    ],
)
def test_containers_are_in_the_way_unless_they_are_the_lab_itself(address, port, project, found):
    published = door.parse_published(PUBLISHED)
    assert codes(door.port(address, port, project, published, bind=lambda *_: None)) == found


@pytest.mark.parametrize(
    ("one", "other", "overlapping"),
    [
        (EVERYWHERE, "10.0.0.1", True),
        ("10.0.0.1", EVERYWHERE, True),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("::", "10.0.0.1", True),
        (EVERYWHERE, "::", True),
        (EVERYWHERE, "::1", False),
        ("::1", "127.0.0.1", False),
    ],
)
def test_addresses_overlap_as_sockets_do(one, other, overlapping):
    assert door.overlap(one, other) is overlapping


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 100 0 0 10 0
"""
TABLE6 = """\
  sl  local_address                         remote_address                        st tx rx tr uid timeout inode
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4244 1 0
"""


def test_only_listening_sockets_of_the_kernels_table_count():
    assert list(door.listeners(TABLE, "little")) == [("127.0.0.1", 8080, "4242")]
    assert list(door.listeners(TABLE6, "little")) == [("::1", 8080, "4244")]
