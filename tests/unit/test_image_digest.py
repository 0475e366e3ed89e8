"""The digest of a build context: the same for the same files anywhere, another for any difference that counts."""

import io
import os
import tarfile

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import (
    digest,
    file_sha256,
    pack,
    read_context,
)

INPUTS = {"below": "gpulab/base:0", "build_args": {"A": "1"}}


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "context"
    (folder / "src" / "__pycache__").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "src" / "lab.py").write_text("x = 1\n")
    (folder / "src" / "__pycache__" / "lab.pyc").write_bytes(b"\0")
    return folder


def names(folder, extra=None):
    return [entry.path for entry in read_context(folder, extra)]


def tag(folder, **inputs):
    return digest(read_context(folder), INPUTS | inputs)


def test_byte_code_is_never_part_of_it(context):
    assert names(context) == ["Dockerfile", "src/lab.py"]


def test_what_counts_changes_the_digest(context):
    seen = {tag(context), tag(context, below="gpulab/base:1"), tag(context, build_args={"A": "2"})}
    (context / "src" / "lab.py").chmod(0o755)
    seen.add(tag(context))
    (context / "src" / "lab.py").write_text("x = 2\n")
    seen.add(tag(context))
    (context / "src" / "lab.py").rename(context / "src" / "hub.py")
    seen.add(tag(context))
    assert len(seen) == 6


def test_what_does_not_count_leaves_it(context):
    before = tag(context)
    os.utime(context / "Dockerfile", (0, 0))
    (context / "Dockerfile").chmod(0o600)
    (context / "src" / "__pycache__" / "more.pyc").write_bytes(b"\1")
    (context / "empty").mkdir()
    assert tag(context) == before


def test_the_digest_of_known_files_is_known(context):
    """Another value here means that every lab makes all its images anew."""
    assert tag(context) == "ecd3a9af45c7"


def test_content_cannot_pass_for_a_name(context):
    before = tag(context)
    (context / "Dockerfile").write_text("FROM scratch\n10:src/lab.py1:-6:x = 1\n")
    (context / "src" / "lab.py").unlink()
    assert tag(context) != before


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("# nothing\n\n", ["Dockerfile", "a/b/c.txt", "a/d.md", "src/lab.py"]),
        ("*\n", ["Dockerfile"]),
        ("*\n!src\n", ["Dockerfile", "src/lab.py"]),
        ("**/*.txt\n", ["Dockerfile", "a/d.md", "src/lab.py"]),
        ("*.md\n", ["Dockerfile", "a/b/c.txt", "a/d.md", "src/lab.py"]),
        ("a/\n!a/d.md\n", ["Dockerfile", "a/d.md", "src/lab.py"]),
        ("/src/la?.py\n", ["Dockerfile", "a/b/c.txt", "a/d.md"]),
    ],
)
def test_dockerignore(context, rules, left):
    (context / "a" / "b").mkdir(parents=True)
    (context / "a" / "b" / "c.txt").write_text("")
    (context / "a" / "d.md").write_text("")
    (context / ".dockerignore").write_text(rules)
    assert names(context) == left


def test_given_files_replace_and_add(context):
    entries = {entry.path: entry.content for entry in read_context(context, {"Dockerfile": "FROM x", "more": "y"})}
    assert entries == {"Dockerfile": b"FROM x", "more": b"y", "src/lab.py": b"x = 1\n"}


def test_the_archive_is_the_same_each_time_and_holds_the_files(context):
    (context / "src" / "lab.py").chmod(0o755)
    packed = pack(read_context(context))
    os.utime(context / "Dockerfile", (0, 0))
    assert pack(read_context(context)) == packed
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert [(member.name, member.mode, member.mtime) for member in archive] == [
            ("Dockerfile", 0o644, 0),
            ("src/lab.py", 0o755, 0),
        ]
        assert archive.extractfile("src/lab.py").read() == b"x = 1\n"


def test_the_sha256_of_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "file") == known
