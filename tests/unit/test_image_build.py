"""image_build as a play runs it, with the real Ansible and a stand-in for the program docker."""

import hashlib
import tarfile

import pytest
from ansible_collections.gpulab.jupyterhub.tests.unit.image_play import Play, prepare


@pytest.fixture
def lab(tmp_path):
    """A server: its directory, its images, and the contexts of two images."""
    return prepare(tmp_path)


@pytest.fixture
def converge(lab):
    """Run the task that keeps the two images; return its result and all that was printed."""
    return Play(lab, "image_build", {"data_root": str(lab / "lab")})


def stored(lab):
    return sorted(path.name.replace("%", "/") for path in (lab / "images").iterdir())


def test_what_is_missing_is_made_once(lab, converge):
    result, printed = converge()
    assert result["changed"]
    assert stored(lab) == sorted(result["refs"].values()) == result["built"]
    assert f"[localhost] hub image: making {result['refs']['t/hub']}" in printed
    assert not list((lab / "async").iterdir())
    again, printed = converge()
    assert (again["changed"], again["built"], again["refs"]) == (False, [], result["refs"])
    assert "making" not in printed


def test_a_check_says_what_it_would_make_and_makes_nothing(lab, converge):
    result, printed = converge("--check", "--diff")
    assert result["changed"]
    assert result["msg"] == f"would build {', '.join(result['built'])}"
    assert f"+{result['refs']['t/hub']}" in printed
    assert (stored(lab), (lab / "lab").exists()) == ([], False)


def test_a_changed_input_makes_its_image_anew_and_drops_the_old_one(lab, converge):
    before, _said = converge()
    (lab / "hub" / "more").write_text("new")
    after, _said = converge()
    assert after["built"] == [after["refs"]["t/hub"]]
    assert after["removed"] == [before["refs"]["t/hub"]]
    assert stored(lab) == sorted(after["refs"].values())


def test_a_failed_build_leaves_what_was_there_and_says_what_mends_it(lab, converge):
    before, _said = converge()
    (lab / "hub" / "Dockerfile").write_text("fail\n")
    result, _said = converge()
    assert "It failed at step 1 of 1, RUN something." in result["msg"]
    assert "hub_images_user_apt_packages" in result["msg"]
    assert result["log"] == str(lab / "lab" / "build" / "hub.log")
    assert stored(lab) == sorted(before["refs"].values())


def test_a_context_that_is_not_there_is_named(lab, converge):
    (lab / "hub" / "Dockerfile").unlink()
    (lab / "hub").rmdir()
    result, _said = converge()
    assert str(lab / "hub") in result["msg"]
    assert stored(lab) == []


def test_an_archive_in_one_s_own_home_is_found(lab, monkeypatch):
    monkeypatch.setenv("HOME", str(lab))
    (lab / "etc").mkdir()
    with tarfile.open(lab / "base.tar", "w") as archive:
        archive.add(lab / "etc", "etc")
    digest = hashlib.sha256((lab / "base.tar").read_bytes()).hexdigest()
    image = {"name": "t/debian", "what": "debian", "archive": {"path": "~/base.tar", "sha256": digest}}
    result, _said = Play(lab, "image_build", {"data_root": str(lab / "lab"), "images": [image]})()
    assert stored(lab) == result.get("built"), result["msg"]
