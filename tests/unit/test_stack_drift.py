"""What Compose overlooks: mounts that are gone from the server, and records of what was read."""

import os

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._stack_drift import (
    lost_mounts,
    of_networks,
    of_reading,
    of_settings,
    recorded,
)


@pytest.fixture
def server(tmp_path):
    """A server's directory and its file as a container sees them: below a root of its own, through a link."""
    root = tmp_path / "proc/7/root"
    for path in (root / "run", root / "var", tmp_path / "state"):
        path.mkdir(parents=True)
    (root / "var/run").symlink_to("/run")
    (root / "run/state").symlink_to(tmp_path / "state")
    (tmp_path / "token").write_text("x")
    return tmp_path


def container(server, source, destination):
    return {
        "State": {"Pid": 7},
        "Mounts": [{"Type": "bind", "Source": str(server / source), "Destination": destination}],
    }


def mount(server, source, place):
    """Make a container's root show a directory or file of the server: the same inode, as a mount does."""
    os.link(server / source, server / "proc/7/root" / place)


def test_a_socket_that_was_made_anew_is_lost_behind_a_link_too(server):
    os.mkfifo(server / "docker.sock")
    mount(server, "docker.sock", "run/docker.sock")
    there = container(server, "docker.sock", "/var/run/docker.sock")
    assert lost_mounts(there, server / "proc") == []
    (server / "docker.sock").unlink()
    assert lost_mounts(there, server / "proc") == ["/var/run/docker.sock"]
    os.mkfifo(server / "docker.sock")
    assert lost_mounts(there, server / "proc") == ["/var/run/docker.sock"]


def test_a_plain_file_that_was_made_anew_is_not_missed(server):
    mount(server, "token", "run/token")
    (server / "token").rename(server / "token.old")
    (server / "token").write_text("x")
    assert lost_mounts(container(server, "token", "/run/token"), server / "proc") == []


def test_a_directory_that_was_made_anew_is_lost(server):
    assert lost_mounts(container(server, "state", "/run"), server / "proc") == ["/run"]


def test_a_link_inside_cannot_lead_out_or_on_for_ever(server):
    (server / "proc/7/root/loop").symlink_to("loop")
    assert lost_mounts(container(server, "state", "/loop"), server / "proc") == []
    (server / "proc/7/root/up").symlink_to("../../../../../state")
    # Inside, that is no directory of the server's, and there is nothing else by that name.
    assert lost_mounts(container(server, "state", "/up"), server / "proc") == []


def test_who_does_not_run_has_no_mounts(server):
    assert lost_mounts(container(server, "state", "/run") | {"State": {"Pid": 0}}, server / "proc") == []


def host(**changed):
    found = {"RestartPolicy": {"Name": "no"}, "MemorySwap": -1, "PidsLimit": None} | changed
    return {"State": {"Status": "running"}, "HostConfig": found}


def test_limits_that_compose_sets_are_its_own_business():
    assert list(of_settings({}, host(NanoCpus=5))) == ["has a limit that compose.yml does not set (NanoCpus 5)"]
    assert list(of_settings({"cpus": 1}, host(NanoCpus=5))) == []


def test_a_policy_with_a_count_is_compared_by_its_name():
    assert list(of_settings({"restart": "on-failure:3"}, host(RestartPolicy={"Name": "on-failure"}))) == []


def test_a_container_that_never_ran_has_no_network_yet():
    made = {"NetworkSettings": {"Networks": {"lab": {"NetworkID": "", "Aliases": ["proxy"]}}}}
    assert list(of_networks("proxy", made, "lab", "net-1")) == []


@pytest.mark.parametrize(("text", "record"), [('{"a": "1"}', {"a": "1"}), ("[]", None), ("{", None), (None, None)])
def test_a_record_is_read_or_is_none(tmp_path, text, record):
    if text is not None:
        (tmp_path / "read.json").write_text(text)
    assert recorded(tmp_path / "read.json") == record


def test_whatever_differs_from_the_record_is_named():
    reads = {"/lab/b": "2", "/lab/a": "1", "/lab/c": "3"}
    assert list(of_reading(reads, {"a": "0", "c": "3", "more": "9"})) == [
        "read another /lab/a, /lab/b when it started than there is now"
    ]
