"""image_make: the commands that make an image, and what becomes of archives that are not what was meant."""

import hashlib
import io
import json
import socket
import stat
import tarfile
import threading

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_make as make
from ansible_collections.gpulab.jupyterhub.plugins.modules import image_make

LABELS = {"org.gpulab.jupyterhub": "debian", "org.gpulab.jupyterhub.digest": "1"}


def archive(path, **files):
    """Write a tar archive, its members by name."""
    with tarfile.open(path, "w:gz") as opened:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(text)
            opened.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A program called docker that notes how it was called, and knows no image."""
    notes = tmp_path / "notes"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {notes}\n[ "$4" != inspect ] || exit 1\necho Loaded image ID: sha256:7\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return lambda: [line.split(" ", 2)[2] for line in notes.read_text().splitlines()]


@pytest.fixture
def run(tmp_path, capsys):
    """Run the module as Ansible does, and return its result."""

    def run(**given):
        arguments = {"ref": "x/y:1", "short": "y", "folder": str(tmp_path / "build"), "labels": LABELS, **given}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            image_make.main()
        return json.loads(capsys.readouterr().out)

    return run


def described(path, sha256=None):
    digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": str(path), "sha256": digest, "origin": "base.tar"}


def test_a_build_gets_secrets_by_file_and_proxies_by_environment(tmp_path):
    words = make.build("x:1", {"l": "v"}, {"BASE": "b"}, {"ca": tmp_path / "ca"}, ["HTTP_PROXY"], pull=True)
    assert " ".join(words) == (
        "buildx build --builder default --load --progress plain --tag x:1 --label l=v --build-arg BASE=b "
        f"--build-arg HTTP_PROXY --secret id=ca,src={tmp_path}/ca --pull -"
    )


def test_proxies_in_both_spellings_and_only_those_that_are_set():
    told = make.proxy_environment({"http": "http://p:1", "https": "", "no": "a,b"})
    assert told == {"http_proxy": "http://p:1", "HTTP_PROXY": "http://p:1", "no_proxy": "a,b", "NO_PROXY": "a,b"}


def test_a_bootstrap_leaves_nothing_of_the_server_in_the_image(tmp_path):
    words = make.bootstrap("trixie", ["a", "b"], "", tmp_path / "ca", tmp_path / "tar")
    hook = next(word for word in words if word.startswith("--customize-hook="))
    assert all(name in hook for name in ("etc/hostname", "etc/resolv.conf", "99mmdebstrap"))
    assert "--include=a,b" in words
    assert words[-2:] == ["trixie", str(tmp_path / "tar")]


def test_a_mirror_is_named_last(tmp_path):
    assert make.bootstrap("trixie", [], "http://m", tmp_path, tmp_path)[-1] == "http://m"


def test_certificates_are_added_to_the_servers_own(tmp_path, monkeypatch):
    (tmp_path / "own.pem").write_text("OWN\n")
    monkeypatch.setattr(make, "_BUNDLES", ("/nowhere", str(tmp_path / "own.pem")))
    assert make.trusted(["MORE"]).split() == ["OWN", "MORE"]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"manifest.json": '[{"RepoTags": ["debian:x"]}]'}, ["debian:x"]),
        ({"blobs__sha256__1": "", "manifest.json": '[{"RepoTags": null}]'}, []),
        ({".__etc__passwd": "", "manifest.json": "[]"}, None),
        ({"usr__bin__sh": ""}, None),
    ],
)
def test_what_an_archive_is(tmp_path, files, names):
    assert make.saved_names(archive(tmp_path / "a.tar", **files)) == names


def test_an_archive_with_another_digest_is_refused_unseen(run, docker, tmp_path):
    path = archive(tmp_path / "a.tar", etc__passwd="")
    result = run(archive=described(path, "0" * 64))
    assert result["failed"]
    assert "0" * 64 in result["msg"]
    assert docker() == ["image inspect x/y:1"]


@pytest.mark.parametrize(
    ("sends", "told"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "hub_images_base_archive does not give a file"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "could not be made"),
        (b"HTTP/1.0 200 OK\r\n\r\nanother file", "is not the file that was meant"),
    ],
)
def test_a_download_that_fails_is_told_without_what_lets_one_in(run, docker, sends, told):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _address = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(sends)

        threading.Thread(target=answer, daemon=True).start()
        place = f"127.0.0.1:{server.getsockname()[1]}/base.tar"
        url = f"http://me:s3cret@{place}?key=s3cret"
        result = run(archive={"path": url, "sha256": "0" * 64, "origin": url})
    assert told in result["msg"]
    assert f"http://{place}" in result["msg"]
    # Newer releases of ansible-core leave it out.
    result.pop("invocation", None)
    assert "s3cret" not in json.dumps(result)


def test_a_file_that_is_no_archive_is_refused(run, docker, tmp_path):
    (tmp_path / "a.tar").write_text("no archive")
    assert "base.tar is no tar archive" in run(archive=described(tmp_path / "a.tar"))["msg"]


def test_a_root_file_system_becomes_an_image(run, docker, tmp_path):
    path = archive(tmp_path / "a.tar", etc__passwd="")
    assert run(archive=described(path))["changed"]
    changes = " ".join(f"--change LABEL {name}={value}" for name, value in LABELS.items())
    assert docker()[-1] == f"image import {changes} {path} x/y:1"


def test_a_saved_image_is_labelled_and_loses_the_name_it_came_with(run, docker, tmp_path):
    path = archive(tmp_path / "a.tar", **{"manifest.json": '[{"RepoTags": ["debian:x"]}]'})
    assert run(archive=described(path))["changed"]
    told = docker()
    assert told[2:4] == [f"image load --input {path}", "image tag debian:x x/y:1-loaded"]
    assert told[4].startswith("buildx build ")
    assert "--tag x/y:1 " in told[4]
    assert told[5:] == ["image rm x/y:1-loaded", "image rm debian:x"]


def test_a_saved_image_without_a_name(run, docker, tmp_path):
    path = archive(tmp_path / "a.tar", **{"manifest.json": "[{}]"})
    assert run(archive=described(path))["changed"]
    assert "image tag sha256:7 x/y:1-loaded" in docker()


def test_a_saved_image_that_cannot_be_labelled_tells_why_and_not_what_failed_after_it(run, docker, tmp_path):
    (tmp_path / "bin" / "docker").write_text(
        "#!/bin/sh\n"
        'case "$3 $4" in\n'
        '"image inspect") exit 1 ;;\n'
        "\"buildx build\") echo 'write: No space left on device'; exit 1 ;;\n"
        "\"image rm\") echo 'cannot remove it either' >&2; exit 1 ;;\n"
        "esac\n"
    )
    path = archive(tmp_path / "a.tar", **{"manifest.json": '[{"RepoTags": ["debian:x"]}]'})
    result = run(archive=described(path))
    assert result["failed"]
    assert "disk is full" in result["msg"]
    assert "cannot remove it either" not in result["msg"]


def test_a_failed_build_is_told_with_its_log(run, docker, tmp_path, monkeypatch):
    (tmp_path / "bin" / "docker").write_text(
        "#!/bin/sh\n[ \"$3\" = image ] || echo 'write: No space left on device'\nexit 1\n"
    )
    (tmp_path / "context.tar").write_text("")
    result = run(context=str(tmp_path / "context.tar"))
    assert result["failed"]
    assert "The image x/y:1 could not be made" in result["msg"]
    assert "disk is full" in result["msg"]
    assert result["log"] == str(tmp_path / "build" / "y.log")
    assert (tmp_path / "build" / "y.log").read_text() == "write: No space left on device\n"


def test_a_log_that_cannot_be_written_is_told_with_the_mend(run, docker, tmp_path):
    (tmp_path / "context.tar").write_text("")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "y.log").symlink_to("/dev/full")
    result = run(context=str(tmp_path / "context.tar"))
    assert result["failed"]
    assert "The image x/y:1 could not be made" in result["msg"]
    assert "disk is full" in result["msg"]


def test_nothing_private_is_left_behind(run, docker, tmp_path):
    (tmp_path / "context.tar").write_text("")
    assert run(
        context=str(tmp_path / "context.tar"), pip_config="[global]\nindex-url = https://me:secret@pypi.example"
    )["changed"]
    left = {path.name: path.read_text() for path in (tmp_path / "build").iterdir()}
    assert sorted(left) == [".y.lock", "y.log"]
    assert "secret" not in str(left)


def test_a_check_makes_nothing(run, docker, tmp_path):
    assert run(context="/context.tar", _ansible_check_mode=True)["changed"]
    assert not (tmp_path / "build").exists()
