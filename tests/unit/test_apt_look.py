"""What dpkg has, and whether apt's files are as they shall be."""

import os
import subprocess
import sys

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _apt_look as look

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
ME = (os.getuid(), os.getgid())


def test_packages_that_are_only_half_there_do_not_count():
    text = (
        "docker.io\tinstall\tinstalled\t26.1\n"
        "nvidia-smi\thold\tinstalled\t580.1\n"
        "docker-cli\tdeinstall\tconfig-files\t26.1\n"
        "containerd\tunknown\tnot-installed\t\n"
        "libcuda1\thold\tconfig-files\t580.1\n"
    )
    assert look.parse(text) == ({"docker.io": "26.1", "nvidia-smi": "580.1"}, ["nvidia-smi"])


@pytest.mark.parametrize(
    ("held", "content", "drifted"),
    [
        ("a", "a", False),
        ("b", "a", True),
        (None, "a", True),
        ("a", "", True),
        (None, "", False),
        pytest.param(KEY, None, False, id="fetched"),
        pytest.param(b"\x99\x01\x0d", None, False, id="fetched, and binary"),
        pytest.param("<html>Sign in</html>", None, True, id="a portal's page in its place"),
        pytest.param(None, None, True, id="to be fetched"),
        pytest.param("", None, True, id="fetched, and empty"),
    ],
)
def test_a_file_is_compared_with_what_it_shall_hold(tmp_path, held, content, drifted):
    path = tmp_path / "file"
    if held is not None:
        path.write_bytes(held if isinstance(held, bytes) else held.encode())
        path.chmod(0o644)
    assert bool(look.drifted([{"path": str(path), "content": content}], ME)) is drifted


def test_a_file_whose_mode_is_another_is_written_again(tmp_path):
    path = tmp_path / "key"
    for key, written in ((KEY.encode(), KEY), (b"\x99\x01", None)):
        path.write_bytes(key)
        path.chmod(0o600)
        assert look.drifted([{"path": str(path), "content": None}], ME) == [{"path": str(path), "content": written}]


@pytest.fixture
def cut_off(monkeypatch, tmp_path):
    """The directory of a dpkg that was cut off."""
    monkeypatch.setattr(look, "_DPKG", tmp_path)
    (tmp_path / "updates").mkdir()
    (tmp_path / "updates" / "0001").touch()
    return tmp_path


def test_dpkg_was_interrupted_where_it_left_something_and_is_at_work_no_longer(cut_off):
    assert look.interrupted()
    (cut_off / "lock-frontend").touch()
    assert look.interrupted()
    (cut_off / "updates" / "0001").unlink()
    assert not look.interrupted()


@pytest.mark.parametrize("name", ["lock", "lock-frontend"])
def test_an_apt_that_is_at_work_is_not_taken_for_interrupted(cut_off, name):
    hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, cut_off / name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        assert not look.interrupted()
        other.communicate(b"\n")
    assert look.interrupted()
