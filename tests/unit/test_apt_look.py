"""What dpkg has, and whether apt's files are as they shall be."""

import os

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
