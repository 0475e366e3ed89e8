# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Secrets in files."""

import labhub
import pytest
from labhub import secrets


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv(secrets.DIRECTORY_VARIABLE, str(tmp_path))
    return tmp_path


def written(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)


def test_a_secret_is_the_files_line(directory):
    written(directory / "token", "abc\n")
    assert labhub.secret("token") == "abc"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_that_others_can_read_is_refused(directory, mode):
    written(directory / "token", "abc\n", mode)
    with pytest.raises(secrets.SecretError, match=f"chmod 600 {directory}/token"):
        labhub.secret("token")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_secret_is_refused(directory, text):
    written(directory / "token", text)
    with pytest.raises(secrets.SecretError, match="is empty"):
        labhub.secret("token")


def test_an_absent_secret_is_refused(directory):
    with pytest.raises(secrets.SecretError, match="Run the playbook again"):
        labhub.secret("token")


def test_while_checking_no_secret_is_needed(directory):
    with secrets.placeholders():
        assert len(bytes.fromhex(labhub.secret("token"))) == 32
    with pytest.raises(secrets.SecretError):
        labhub.secret("token")
