"""_doctor_database: what SQLite says of real databases that are whole, damaged, locked, or not the hub's to write."""

import os
import sqlite3

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_database as database

UID = os.getuid()
COMPOSE = "docker compose -f /lab/compose.yml"


@pytest.fixture
def root(tmp_path):
    """A data root with the database of a hub that knows two users."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/jupyterhub_config.py").write_text("c = get_config()\n")
    (tmp_path / "state").mkdir(mode=0o700)
    with sqlite3.connect(tmp_path / "state/jupyterhub.sqlite") as base:
        base.execute("CREATE TABLE users (name TEXT, notes TEXT)")
        base.executemany("INSERT INTO users VALUES (?, ?)", [("ada", "x" * 9000), ("bob", "y" * 9000)])
    base.close()
    return tmp_path


@pytest.fixture
def file(root):
    return root / "state/jupyterhub.sqlite"


def codes(root, uid=UID, patience=0.1):
    return [problem.code for problem in database.judge(database.look(str(root), patience), uid, COMPOSE)]


def test_a_whole_database_is_well_and_told(root):
    found = database.look(str(root))
    assert (found["said"], found["users"]) == ("ok", 2)
    assert codes(root) == []
    assert database.told(found) == "jupyterhub.sqlite, 0.0 MB, 2 users"


def test_looking_changes_nothing(root, file):
    before = (file.read_bytes(), file.stat().st_mtime_ns, sorted(file.parent.iterdir()))
    database.look(str(root))
    assert (file.read_bytes(), file.stat().st_mtime_ns, sorted(file.parent.iterdir())) == before


def test_the_file_is_the_one_that_the_hub_is_set_to_use(root, file):
    file.rename(file.with_name("other.sqlite"))
    (root / "config/jupyterhub_config.py").write_text('c.JupyterHub.db_url = "sqlite:////srv/state/other.sqlite"\n')
    assert database.look(str(root))["users"] == 2


def test_a_torn_page_is_damage(root, file):
    content = bytearray(file.read_bytes())
    content[4096:8192] = os.urandom(4096)
    file.write_bytes(content)
    assert codes(root) == ["database-damaged"]


def test_what_is_no_database_is_damage(root, file):
    file.write_bytes(b"no database at all, but of some length" * 100)
    (problem,) = database.judge(database.look(str(root)), UID, COMPOSE)
    assert (problem.code, "not a database" in problem.evidence) == ("database-damaged", True)
    assert f"{COMPOSE} stop jupyterhub" in problem.remedy


def test_one_that_is_larger_than_memory_is_looked_at_all_the_same(root, file):
    file.unlink()
    file.touch()
    os.truncate(file, 2**42)
    assert codes(root) == ["database-damaged"]


@pytest.mark.parametrize("content", [None, b""])
def test_a_database_that_is_lost(root, file, content):
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert codes(root) == ["database-absent"]


def test_where_no_lab_was_ever_none_is_missed(tmp_path):
    assert codes(tmp_path) == []


def test_a_directory_in_its_place(root, file):
    file.unlink()
    file.mkdir()
    assert codes(root) == ["database-unreadable"]


@pytest.mark.parametrize(("place", "mode"), [("", 0o400), ("..", 0o500), ("..", 0o600)])
def test_one_that_the_hub_may_not_write(root, file, place, mode):
    target = file.parent if place else file
    target.chmod(mode)
    (problem,) = database.judge(database.look(str(root)), UID, COMPOSE)
    target.chmod(0o700)
    assert (problem.code, f"{mode:04o}" in problem.evidence) == ("database-not-writable", True)


def test_one_that_belongs_to_somebody_else(root, file):
    file.chmod(0o644)
    assert codes(root, uid=UID + 1) == ["database-not-writable"]


def test_a_lock_that_is_held_is_told_and_not_waited_for(root, file):
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert codes(root) == ["database-locked"]
    finally:
        other.close()


def test_one_with_a_write_ahead_log_is_not_opened_as_that_would_make_files(root, file):
    base = sqlite3.connect(file)
    base.execute("PRAGMA journal_mode=WAL")
    base.close()
    found = database.look(str(root))
    assert (found["said"], "write-ahead log" in found["why"]) == ("", True)
    assert codes(root) == []


def test_a_check_that_takes_too_long_is_given_up_and_proves_nothing(root, file):
    with sqlite3.connect(file) as base:
        base.executemany("INSERT INTO users VALUES (?, ?)", ((str(n), "z" * 50) for n in range(60_000)))
    base.close()
    found = database.look(str(root), patience=0)
    assert (found["said"], "not checked within" in found["why"]) == ("", True)
