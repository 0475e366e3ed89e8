"""Homes of users who are gone, in real directories; as root, as the module runs."""

import os

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _hub_homes as homes


@pytest.fixture
def root(tmp_path):
    """Homes of bob, number 20000, with files in it, and of bob-2."""
    for number, name in enumerate(("bob", "bob-2")):
        home = tmp_path / "home" / name
        (home / "work/deep").mkdir(parents=True)
        (home / "work/deep/file").write_text("mine")
        (home / ".profile").write_text("mine")
        os.chown(home, 20000 + number, 9100)
    return tmp_path / "home"


def test_a_home_goes_and_its_number_stays(root):
    homes.remove(root, "bob")
    assert sorted(path.name for path in root.iterdir()) == [".removed-bob-20000", "bob-2"]
    rest = (root / ".removed-bob-20000").stat()
    assert (rest.st_uid, rest.st_mode & 0o777) == (20000, 0)
    assert list((root / ".removed-bob-20000").iterdir()) == []
    assert homes.existing(root, ["bob", "bob-2", "carol"]) == {"bob-2"}


def test_a_link_in_a_home_leads_nowhere(root, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("not bob's")
    (root / "bob/link").symlink_to(tmp_path / "precious")
    (root / "bob/work/link").symlink_to(tmp_path / "precious")
    homes.remove(root, "bob")
    assert (tmp_path / "precious/file").read_text() == "not bob's"


def test_a_home_that_is_a_link_is_left_alone(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (root / "carol").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(homes.HomeError, match="is not a directory"):
        homes.remove(root, "carol")
    assert (root / "carol").is_symlink()


def test_what_is_mounted_in_a_home_is_not_taken_along(root, tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 2 8:1 / {root}/bob/work rw - ext4 /dev/sda1 rw\n")
    with pytest.raises(homes.HomeError, match=r"work is mounted in the home of bob: umount it"):
        homes.check(root, "bob", mounts)
    homes.check(root, "bob-2", mounts)


def test_a_removal_that_was_cut_short_goes_on(root):
    (root / "bob").rename(root / ".removed-bob-20000")
    assert homes.existing(root, ["bob"]) == {"bob"}
    homes.remove(root, "bob")
    assert list((root / ".removed-bob-20000").iterdir()) == []
    assert (root / "bob-2/work/deep/file").exists()


def test_a_name_may_come_and_go_again(root):
    homes.remove(root, "bob")
    (root / "bob").mkdir()
    os.chown(root / "bob", 20002, 9100)
    homes.remove(root, "bob")
    assert {path.name for path in root.iterdir()} == {".removed-bob-20000", ".removed-bob-20002", "bob-2"}


def test_a_removal_of_nothing_is_none(root):
    homes.remove(root, "nobody")
    assert homes.existing(root, ["nobody"]) == frozenset()
