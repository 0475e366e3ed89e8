"""labhub.start: the hub leaves on record what it read."""

import hashlib
import json
import os

import pytest
from labhub import start


@pytest.fixture
def files(tmp_path):
    """A configuration and two secrets."""
    (tmp_path / "secrets").mkdir()
    for name in ("config.py", "secrets/a", "secrets/b"):
        (tmp_path / name).write_text(f"what {name} holds\n")
    return tmp_path


def test_the_record_tells_each_file_from_any_other(files):
    paths = start.read_at_start(files / "config.py", str(files / "secrets"))
    start.record(files / "record.json", paths)
    told = json.loads((files / "record.json").read_text())
    assert list(told) == ["config.py", "a", "b"]
    assert told["a"] == hashlib.sha256(b"what secrets/a holds\n").hexdigest()


def test_a_file_that_is_not_there_is_left_out(files):
    start.record(files / "record.json", [files / "absent", files / "config.py"])
    assert list(json.loads((files / "record.json").read_text())) == ["config.py"]


def test_a_hub_starts_although_nothing_can_be_recorded(monkeypatch, capsys, tmp_path):
    became = []
    monkeypatch.setattr(os, "execvp", lambda program, argv: became.append((program, argv)))
    start.main(["--config=x"], tmp_path / "absent" / "record.json")
    assert became == [("jupyterhub", ["jupyterhub", "--config=x"])]
    assert "cannot be recorded" in capsys.readouterr().err
