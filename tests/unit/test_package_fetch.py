"""Packages for a bundle: fetched by the real apt from a repository of two, and served to it again."""

import os
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _package_fetch as packages
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._package_source import place_repository


def build(folder, name, version, depends=""):
    """Make a Debian package with nothing in it."""
    control = folder / name / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    fields = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "none <none@example.org>"}
    fields |= {"Description": "nothing"} | ({"Depends": depends} if depends else {})
    control.write_text("".join(f"{field}: {value}\n" for field, value in fields.items()))
    subprocess.run(["dpkg-deb", "--build", str(folder / name), str(folder)], check=True, capture_output=True)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A repository with two packages, one of which needs the other, as the only source of this machine's apt."""
    folder = tmp_path / "mirror"
    build(folder, "lab-top", "2:1.5-1", "lab-below (>= 3)")
    build(folder, "lab-below", "3.1")
    packages._index(folder.glob("*.deb"), folder)
    etc = tmp_path / "etc"
    (etc / "sources.list.d").mkdir(parents=True)
    monkeypatch.setattr(packages, "_ETC", etc)
    text = f"Types: deb\nURIs: file:{folder}\nSuites: ./\nTrusted: yes\n"
    return {"path": str(etc / "sources.list.d" / "lab.sources"), "content": text}


@pytest.fixture
def fetched(mirror, tmp_path):
    """An archive of both packages, and what was told of them."""
    place = tmp_path / "place"
    place.mkdir()
    packages.configure([mirror], "", place)
    versions = packages.fetch(["lab-top"], place, recommends=False)
    packages.pack(place / "repository", tmp_path / "packages.tar")
    return tmp_path / "packages.tar", versions


def test_what_a_package_needs_comes_with_it(fetched):
    assert fetched[1] == {"lab-top": "2:1.5-1", "lab-below": "3.1"}


def test_apt_takes_them_from_there_alone(fetched, tmp_path):
    place = tmp_path / "served"
    place_repository(fetched[0], place)
    environment = os.environ | {"APT_CONFIG": str(place / "apt.conf"), "LC_ALL": "C"}

    def apt(*words):
        options = ["-o", "APT::Sandbox::User=root", "-o", f"Dir::State::status={tmp_path}/none"]
        return subprocess.run([*words, *options], env=environment, capture_output=True, text=True, check=True).stdout

    (tmp_path / "none").touch()
    apt("apt-get", "update", "--error-on=any")
    assert "Candidate: 2:1.5-1" in apt("apt-cache", "policy", "lab-top")
    assert sorted(apt("apt-cache", "pkgnames").split()) == ["lab-below", "lab-top"]
    told = apt("apt-get", "--simulate", "install", "lab-top")
    assert [line.split()[1] for line in told.splitlines() if line.startswith("Inst")] == ["lab-below", "lab-top"]


def test_a_package_that_is_nowhere_is_told_in_words_of_apt(mirror, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(packages.FetchError, match=r"(?s)`apt-get install` failed:.*Unable to locate package lab-none"):
        packages.configure([mirror], "", place)
        packages.fetch(["lab-none"], place, recommends=False)


# --- The sources of a role --------------------------------------------------------------------------------------------

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"


@pytest.fixture
def site(tmp_path):
    """A web server with a key, and a page where a key is due; return its address."""
    pages = tmp_path / "site"
    pages.mkdir()
    (pages / "key.asc").write_text(KEY)
    (pages / "portal").write_text("<html>Sign in</html>\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=pages)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def configured(mirror, tmp_path):
    """Have the places of apt made with a source that names the key of a role, by its content or by an address."""
    etc = mirror["path"].partition("/sources.list.d")[0]
    source = {"path": mirror["path"], "content": f"URIs: http://m/\nSigned-By: {etc}/keyrings/lab.asc\n"}
    place = tmp_path / "place"

    def configured(content, key=""):
        packages.configure([source, {"path": f"{etc}/keyrings/lab.asc", "content": content}], key, place)
        return place / "etc/keyrings/lab.asc", (place / "etc/sources.list.d/lab.sources").read_text()

    return configured


@pytest.mark.parametrize("content", [KEY, None])
def test_a_source_trusts_the_key_that_came_along_and_no_file_of_the_server(configured, site, content):
    key, source = configured(content, f"{site}/key.asc")
    assert key.read_text() == KEY
    assert f"Signed-By: {key}\n" in source


@pytest.mark.parametrize(("page", "told"), [("none.asc", "404"), ("portal", "is no key")])
def test_a_key_that_is_none_is_told_with_what_mends_it(configured, site, page, told):
    with pytest.raises(packages.FetchError, match=f"(?s){site}/{page}.*{told}.*lab_https_proxy"):
        configured(None, f"{site}/{page}")


def test_a_file_that_shall_not_be_does_not_count(mirror, tmp_path):
    there = tmp_path / "etc/sources.list.d/old.sources"
    there.write_text("URIs: http://gone/\n")
    packages.configure([{"path": str(there), "content": ""}], "", tmp_path / "place")
    assert [*(tmp_path / "place/etc/sources.list.d").iterdir()] == []
    assert there.exists()
