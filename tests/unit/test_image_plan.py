"""Which images are made, which are removed, and what decides a tag."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_plan as plan

DEBIAN, BASE, HUB, USER = "gpulab/debian", "gpulab/base", "gpulab/hub", "jupyter-custom-gpu"


@pytest.fixture
def images(tmp_path):
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    context = {"what": "x", "context": str(tmp_path)}
    return [
        {"name": DEBIAN, "what": "debian", "bootstrap": {"suite": "trixie", "packages": ["python3"], "mirror": ""}},
        {"name": BASE, "base": DEBIAN, **context},
        {"name": HUB, "base": BASE, **context},
        {"name": USER, "base": BASE, "aliases": ["latest"], "files": {"user-packages.txt": ""}, **context},
    ]


def refs(images, **how):
    return {image.name: image.ref for image in plan.resolve(images, **how)}


def changed(images, before):
    after = refs(images)
    return {name for name in after if after[name] != before[name]}


def test_the_same_inputs_give_the_same_tags(images):
    assert refs(images) == refs(images)


def test_one_image_changes_alone(images):
    before = refs(images)
    images[3]["files"] = {"user-packages.txt": "torch\n"}
    assert changed(images, before) == {USER}


def test_what_is_below_changes_all_above(images):
    before = refs(images)
    images[0]["bootstrap"]["packages"] = ["python3", "nano"]
    assert changed(images, before) == {DEBIAN, BASE, HUB, USER}


def test_other_inputs_count(images):
    before = refs(images)
    images[2]["inputs"] = {"index": "https://pypi.example"}
    assert changed(images, before) == {HUB}


def test_refresh_changes_all(images):
    assert not set(refs(images).values()) & set(refs(images, refresh="2026-11").values())


def test_where_an_archive_lies_does_not_count():
    tags = {
        refs([{"name": DEBIAN, "what": "debian", "archive": {"path": path, "sha256": sha}}])[DEBIAN]
        for path, sha in (("/a", "1"), ("/b", "1"), ("/a", "2"))
    }
    assert len(tags) == 2


def test_an_image_of_a_registry_is_named_and_not_ours(images):
    images[1]["base"] = "debian:trixie-slim"
    base = plan.resolve(images[1:])[0]
    assert (base.below, base.inner, base.short) == ("debian:trixie-slim", False, "base")


@pytest.mark.parametrize(
    ("missing", "made"),
    [
        ([], []),
        ([HUB], [HUB]),
        ([DEBIAN], []),
        ([DEBIAN, HUB], [HUB]),
        ([BASE], []),
        ([BASE, USER], [BASE, USER]),
        ([DEBIAN, BASE, HUB, USER], [DEBIAN, BASE, HUB, USER]),
    ],
)
def test_what_must_be_made(images, missing, made):
    wanted = plan.resolve(images)
    names = {image.name: image.ref for image in wanted}
    jobs = plan.to_make(wanted, [names[name] for name in missing])
    assert [job.name for job in jobs] == made


def image(number, *tags, digest="old"):
    return {"Id": f"sha256:{number}", "RepoTags": list(tags), "Config": {"Labels": {plan.DIGEST_LABEL: digest}}}


@pytest.mark.parametrize(
    ("present", "removed"),
    [
        (image(1, "gpulab/hub:old"), ["gpulab/hub:old"]),
        (image(1, "gpulab/hub:new", digest="new"), []),
        (image(7, "gpulab/hub:old"), []),
        (image(1, "gpulab/hub:used", digest="used"), []),
        (image(1, "renamed:old", "renamed:latest"), ["renamed:latest", "renamed:old"]),
        (image(1, "gpulab/hub:old", "mine:kept"), ["gpulab/hub:old"]),
        (image(1, "made-from-ours:v1"), []),
        (image(1), []),
        ({"Id": "sha256:1", "RepoTags": None, "Config": {"Labels": None}}, []),
    ],
)
def test_what_is_removed(present, removed):
    used = ["sha256:7", "gpulab/hub:used"]
    assert plan.superseded([present], keep=["gpulab/hub:new"], used=used) == removed


def test_pip_configuration():
    assert plan.pip_config("", []) == "[global]\n"
    told = plan.pip_config("https://pypi.example/simple", ["https://a.example", "https://b.example"])
    assert told == (
        "[global]\nindex-url = https://pypi.example/simple\n"
        "extra-index-url =\n    https://a.example\n    https://b.example\n"
    )


def test_npm_configuration():
    assert plan.npm_config("") == ""
    assert plan.npm_config("https://npm.example") == "registry=https://npm.example\n"
