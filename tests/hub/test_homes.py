# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Homes, in real directories with real owners: these tests run as root, as the helper container does."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labhub import homes

GID = 9100
STRANGER = 4242
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(homes.__file__).parents[1])}


@pytest.fixture
def root(tmp_path):
    """A directory of homes, which others may pass through."""
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o711)
    homes_root = tmp_path / "home"
    homes_root.mkdir(mode=0o711)
    return homes_root


def ensure(root, name="alice", directories=()):
    return homes.ensure(str(root), name, 20000, GID, directories)


def owned(path: Path):
    found = path.lstat()
    return found.st_uid, found.st_gid, f"{found.st_mode & 0o7777:o}"


def test_a_new_home_is_the_users_alone(root):
    assert ensure(root) == homes.Home(uid=20000, created=True)
    assert owned(root / "alice") == (20000, GID, "700")


def test_each_home_gets_a_uid_of_its_own(root):
    assert [ensure(root, name).uid for name in ("alice", "bob", "carol")] == [20000, 20001, 20002]


def test_a_home_that_is_there_is_left_as_it_is(root):
    ensure(root)
    (root / "alice/file").write_text("kept")
    os.chown(root / "alice/file", 0, 0)
    assert ensure(root) == homes.Home(uid=20000, created=False)
    assert owned(root / "alice/file")[:2] == (0, 0)


def test_a_home_of_the_hand_run_lab_keeps_its_owner(root):
    (root / "alice").mkdir(mode=0o755)
    os.chown(root / "alice", 1000, 1000)
    home = ensure(root)
    assert (home.uid, home.created) == (1000, False)
    assert "uid 1000" in home.note
    assert owned(root / "alice") == (1000, 1000, "700")
    assert ensure(root, "bob").uid == 20000


def test_one_home_with_the_highest_uid_leaves_the_others_to_be_given(root):
    (root / "alice").mkdir()
    os.chown(root / "alice", homes.UID_LIMIT - 1, GID)
    assert [ensure(root, name).uid for name in ("bob", "carol")] == [20000, 20001]


def test_a_home_that_is_closed_to_its_owner_is_opened(root):
    ensure(root)
    (root / "alice").chmod(0)
    ensure(root, directories=["shared"])
    assert owned(root / "alice/shared") == (20000, GID, "755")


def test_an_empty_home_of_roots_becomes_the_users(root):
    (root / "alice").mkdir()
    assert ensure(root) == homes.Home(uid=20000, created=True)
    assert owned(root / "alice") == (20000, GID, "700")


def test_a_home_of_roots_with_something_in_it_is_not_given_away(root):
    (root / "alice/work").mkdir(parents=True)
    with pytest.raises(homes.HomeProblem, match=r"belongs to root .* chown -R"):
        ensure(root)
    assert owned(root / "alice")[0] == 0


@pytest.mark.parametrize("plant", ["file", "link"])
def test_a_home_that_is_no_directory_is_refused(root, plant):
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (root / "alice").touch() if plant == "file" else (root / "alice").symlink_to(elsewhere)
    with pytest.raises(homes.HomeProblem, match="is not a directory"):
        ensure(root, directories=["shared"])
    assert list(elsewhere.iterdir()) == []


def test_mount_points_are_the_users(root):
    ensure(root, directories=["shared", "data/big"])
    for path in ("shared", "data", "data/big"):
        assert owned(root / "alice" / path) == (20000, GID, "755")


@pytest.mark.parametrize("planted", ["shared", "data"])
def test_a_link_that_a_user_planted_leads_nowhere(root, planted):
    victim = root.parent / "victim"
    victim.mkdir(mode=0o777)
    victim.chmod(0o777)
    ensure(root)
    (root / "alice" / planted).symlink_to(victim)
    with pytest.raises(homes.HomeProblem, match=f"{planted} must be a directory"):
        ensure(root, directories=["shared", "data/big"])
    assert list(victim.iterdir()) == []


def test_a_file_where_a_mount_point_belongs_is_named(root):
    ensure(root)
    (root / "alice/shared").touch()
    with pytest.raises(homes.HomeProblem, match="alice/shared must be a directory"):
        ensure(root, directories=["shared"])


def test_the_users_rights_are_all_that_is_used_inside(root):
    ensure(root)
    (root / "alice/data").mkdir(mode=0o755)
    with pytest.raises(homes.HomeProblem, match="alice/data/big cannot be made"):
        ensure(root, directories=["data/big"])
    assert os.geteuid() == 0, "and root's come back"


@given(st.text(max_size=12) | st.sampled_from(["..", "/", "../..", "a/../../b", "/etc", ".", ""]))
def test_a_mount_point_never_leaves_the_home(directory):
    try:
        parts = homes.mount_point_parts(directory)
    except homes.HomeProblem:
        return
    path = os.path.normpath(Path("/home/alice", *parts))
    assert path.startswith("/home/alice/")


@pytest.mark.parametrize("name", ["../alice", "/etc", "", ".", "Alice", "root", "lab-x"])
def test_a_name_never_leaves_the_homes(root, name):
    with pytest.raises(homes.HomeProblem, match="cannot be a user name"):
        ensure(root, name)
    assert list(root.iterdir()) == []


def test_users_who_start_at_once_get_different_uids(root):
    users = [f"user{number}" for number in range(8)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.starmap(ensure, [(root, user) for user in users * 2])
    assert sorted(home.uid for home in made if home.created) == list(range(20000, 20008))
    assert len({(root / user).stat().st_uid for user in users}) == 8


def test_when_all_uids_are_gone_the_setting_is_named_and_helps(root):
    last = homes.UID_LIMIT - 1
    assert homes.ensure(str(root), "alice", last, GID).uid == last
    with pytest.raises(homes.HomeProblem, match=r"lower LabSpawner\.uid_min \(hub_config_user_uid_min\)"):
        homes.ensure(str(root), "bob", last, GID)
    assert homes.ensure(str(root), "bob", last - 1, GID).uid == last - 1


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("alice", 0, {"uid": 20000, "created": True, "note": None}),
        ("lab-probe", 0, {"uid": 20000, "created": True, "note": None}),
    ],
)
def test_the_command_prints_what_it_made(root, capsys, name, status, said):
    command = ["ensure", "--root", str(root), "--name", name, "--uid-min", "20000", "--gid", str(GID)]
    assert homes.main([*command, "--dir", "shared"]) == status
    assert json.loads(capsys.readouterr().out) == said


@pytest.mark.parametrize(("root_exists", "name"), [(True, "root"), (False, "alice")])
def test_the_command_prints_a_problem(root, capsys, root_exists, name):
    place = root if root_exists else root / "absent"
    assert homes.main(["ensure", "--root", str(place), "--name", name, "--uid-min", "20000", "--gid", "9100"]) == 1
    assert json.loads(capsys.readouterr().out).keys() == {"problem"}


@pytest.mark.parametrize(("owner", "rights"), [(0, "+setuid,+setgid"), (STRANGER, "+chown,+setuid,+setgid")])
def test_a_file_system_that_denies_root_is_told_and_nothing_half_made_is_left(root, owner, rights):
    """On NFS with root_squash, root may not give away what it makes; of a closed directory, not even look into it."""
    os.chown(root, owner, owner)
    # No right beyond those that the helper's container has, and without chown on a directory of root's.
    squashed = ["setpriv", f"--bounding-set=-all,{rights}", sys.executable, "-m", "labhub.homes"]
    words = ["ensure", "--root", str(root), "--name", "alice", "--uid-min", "20000", "--gid", str(GID)]
    told = subprocess.run([*squashed, *words], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    problem = json.loads(told.stdout)["problem"]
    assert "root may not do that there, as on NFS with root_squash" in problem
    assert "no_root_squash" in problem
    assert list(root.iterdir()) == []


def test_a_home_that_a_file_server_gave_to_nobody_is_not_nobodys(root):
    (root / "alice").mkdir(mode=0o700)
    os.chown(root / "alice", 65534, 65534)
    with pytest.raises(homes.HomeProblem, match=r"belongs to nobody.*chown it to a uid of alice's own"):
        ensure(root)


def test_the_number_of_a_home_that_was_removed_is_given_to_nobody(root):
    ensure(root)
    # What the module hub_user leaves of a home that it has removed.
    (root / "alice").rename(root / ".removed-alice-20000")
    assert ensure(root, "bob").uid == 20001
    assert ensure(root, "alice").uid == 20002
