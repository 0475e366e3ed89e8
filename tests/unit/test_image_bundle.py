"""image_bundle: what one server has made, another one loads, and nothing else."""

import gzip
import json
import subprocess

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _bundle
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_bundle as bundles
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_plan as plan
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._platform import architecture
from ansible_collections.gpulab.jupyterhub.tests.unit.image_play import Play, prepare


@pytest.fixture
def lab(tmp_path):
    """A server that has its images, and two plays for it: one bundles them, one loads them on a bare server."""
    place = prepare(tmp_path)
    refs = Play(place, "image_build", {"data_root": str(place / "lab")})()[0]["refs"]
    common = {"data_root": str(place / "lab"), "bundle": str(place / "bundle")}
    bundle, load = Play(place, "image_bundle", common), Play(place, "image_build", common, store="bare")
    return place, bundle, load, [refs["t/hub"], refs["t/user"]]


def stored(place):
    return sorted(path.name.replace("%", "/") for path in (place / "bare").iterdir())


def test_what_is_bundled_is_loaded_elsewhere_and_that_alone(lab):
    place, bundle, load, tops = lab
    result, _said = bundle()
    assert (result["changed"], result["saved"], result["images"]) == (True, tops, tops)
    assert list((place / "lab" / "build").glob("*.gz")) == []
    result, printed = load()
    assert (result["changed"], result["msg"]) == (True, f"loaded {', '.join(tops)}")
    assert f"images: loading {', '.join(tops)}" in printed
    assert stored(place) == tops
    assert not load()[0]["changed"]


def archives(place):
    return sorted(path.name for path in (place / "bundle" / "images").iterdir())


def test_what_is_bundled_together_shares_an_archive_and_what_comes_later_has_its_own(lab):
    place, bundle, load, _tops = lab
    bundle()
    (first,) = archives(place)
    assert first.startswith("hub-user-")
    (place / "user" / "more").write_text("new")
    Play(place, "image_build", {"data_root": str(place / "lab"), "prune": False})()
    bundle()
    assert [name.rpartition("-")[0] for name in archives(place)] == ["hub-user", "user"]
    _result, printed = load()
    assert printed.count("images: loading") == 2


def test_an_archive_of_other_images_is_refused(lab):
    place, bundle, load, (hub, user) = lab
    bundle()
    whole = _bundle.read(place / "bundle")
    name = next(iter(whole.archives(whole.images)))
    path = whole.path / name
    path.write_bytes(gzip.compress(json.dumps({hub: {"org.gpulab.jupyterhub.digest": hub[-12:]}}).encode()))
    whole.sums[name] = file_sha256(path)
    _bundle.write(whole)
    assert f"hold other images than {user}. Make the bundle anew" in load()[0]["msg"]


def test_a_bundle_for_other_processors_is_refused_before_anything_changes(lab):
    place, bundle, load, _tops = lab
    bundle()
    whole = _bundle.read(place / "bundle")
    whole.architecture = "s390x"
    _bundle.write(whole)
    told = load("--check")[0]["msg"]
    assert f"is for processors of the architecture s390x, and this server's is {architecture()}" in told
    assert "Set lab_bundle to another directory" in told
    (place / "user" / "more").write_text("new")
    Play(place, "image_build", {"data_root": str(place / "lab")})()
    assert "architecture s390x" in bundle()[0]["msg"]
    assert (stored(place), len(archives(place))) == ([], 1)


def test_a_whole_bundle_is_left_as_it_is(lab):
    place, bundle, _load, tops = lab
    bundle()
    before = (place / "bundle" / "SHA256SUMS").stat().st_mtime_ns
    result, _said = bundle()
    assert (result["changed"], result["images"]) == (False, tops)
    assert (place / "bundle" / "SHA256SUMS").stat().st_mtime_ns == before


def test_checks_tell_and_change_nothing(lab):
    place, bundle, load, tops = lab
    result, printed = bundle("--check", "--diff")
    assert (result["changed"], result["saved"]) == (True, tops)
    assert f"+{tops[0]}" in printed
    assert not (place / "bundle").exists()
    bundle()
    result, _said = load("--check")
    assert (result["changed"], result["msg"], stored(place)) == (True, f"would load {', '.join(tops)}", [])


def test_its_digests_are_those_that_sha256sum_checks(lab):
    place, bundle, _load, _tops = lab
    bundle()
    told = subprocess.check_output(["sha256sum", "--check", "SHA256SUMS"], cwd=place / "bundle", text=True)
    assert sorted(line.split(":")[0].split("/")[0] for line in told.splitlines()) == ["images", "manifest.json"]


def test_images_that_are_in_it_already_stay(lab):
    place, bundle, _load, tops = lab
    bundle()
    (place / "hub" / "more").write_text("new")
    new = Play(place, "image_build", {"data_root": str(place / "lab"), "prune": False})()[0]["refs"]["t/hub"]
    assert bundle()[0]["images"] == sorted([*tops, new])


def test_a_bundle_of_other_files_is_refused_before_anything_changes(lab):
    place, bundle, load, _tops = lab
    bundle()
    (place / "hub" / "more").write_text("new")
    result, _said = load()
    assert f"the bundle {place / 'bundle'} lacks images" in result["msg"]
    assert "another release of this collection made the bundle's (hub/more)" in result["msg"]
    assert "./run.sh bundle" in result["msg"]
    assert stored(place) == []


@pytest.mark.parametrize("name", ["manifest.json", "images"])
def test_a_damaged_file_is_named_and_made_anew_by_the_next_bundling(lab, name):
    place, bundle, load, tops = lab
    bundle()
    path = place / "bundle" / name
    path = next(path.iterdir()) if path.is_dir() else path
    path.write_bytes(path.read_bytes() + b"\n")
    result, _said = load("--check")
    assert f"{path} is not the file that was bundled; nothing was changed." in result["msg"]
    assert bundle()[0]["saved"] == tops
    assert not load("--check")[0].get("failed")


def test_a_directory_that_holds_something_else_is_left_alone(lab):
    place, bundle, load, _tops = lab
    (place / "bundle").mkdir()
    (place / "bundle" / "thesis.tex").write_text("")
    assert "holds other files, and no bundle" in bundle()[0]["msg"]
    assert "SHA256SUMS, so no bundle. Make one: ./run.sh bundle" in load()[0]["msg"]


def test_a_directory_must_be_named(lab):
    play = Play(lab[0], "image_bundle", {"data_root": "/x", "bundle": ""})
    assert "-e lab_bundle=" in play()[0]["msg"]


@pytest.fixture
def images(tmp_path):
    """Images as hub_images has them, with all settings that decide something."""
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    context = {"context": str(tmp_path), "build_args": {"REFRESH": ""}}
    return [
        {"name": "debian", "what": "debian", "bootstrap": {"suite": "trixie", "packages": ["python3"], "mirror": ""}},
        {"name": "base", "what": "base", "base": "debian", **context},
        {
            "name": "user",
            "what": "singleuser",
            "base": "base",
            "context": str(tmp_path),
            "files": {"user-packages.txt": "torch\n", "apt-packages.txt": ""},
            "inputs": {"index": "https://me:secret@pypi.example", "more": []},
        },
    ]


def bundled(path, images):
    """Return a bundle that was made of these images."""
    wanted = plan.resolve(images)
    found = {image.ref: {"made_of": bundles.made_of(image, wanted)} for image in plan.tops(wanted)}
    return _bundle.Bundle(path, images=found)


def _set(images, number, *keys, value):
    place = images[number]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value


@pytest.mark.parametrize(
    ("setting", "where", "value"),
    [
        ("hub_images_user_packages", (2, "files", "user-packages.txt"), "torch\nnumpy\n"),
        ("hub_images_user_apt_packages", (2, "files", "apt-packages.txt"), "ffmpeg\n"),
        ("hub_images_pip_index_url", (2, "inputs", "index"), "https://me:other@pypi.example"),
        ("hub_images_pip_extra_index_urls", (2, "inputs", "more"), ["https://x.example"]),
        ("hub_images_base_mirror", (0, "bootstrap", "mirror"), "http://m.example"),
    ],
)
def test_the_setting_that_differs_is_named(images, tmp_path, setting, where, value):
    bundle = bundled(tmp_path, images)
    _set(images, *where, value=value)
    wanted = plan.resolve(images)
    lines = bundles.lacking(bundle, plan.tops(wanted), wanted).splitlines()
    assert lines[1:-1] == [f"  {wanted[-1].ref}: the bundle's was made with other {setting}."]


def test_another_refresh_is_named_once(images, tmp_path):
    bundle = bundled(tmp_path, images)
    images[1]["build_args"] = {"REFRESH": "2026-11"}
    wanted = plan.resolve(images, refresh="2026-11")
    assert "made with other hub_images_refresh." in bundles.lacking(bundle, wanted[2:], wanted)


def test_another_base_is_named_and_nothing_that_follows_from_it(images, tmp_path):
    bundle = bundled(tmp_path, images)
    images[1]["base"] = "debian:trixie-slim"
    wanted = plan.resolve(images[1:])
    told = bundles.lacking(bundle, plan.tops(wanted), wanted)
    assert "made with other hub_images_base_image, hub_images_base_mirror, hub_images_base_source;" in told


def test_an_image_by_another_name_is_told(images, tmp_path):
    bundle = bundled(tmp_path, images)
    images[2]["name"] = "mine"
    wanted = plan.resolve(images)
    assert "no image of that name (hub_images_user_image names it)" in bundles.lacking(bundle, wanted[2:], wanted)


def test_the_same_settings_lack_nothing(images, tmp_path):
    wanted = plan.resolve(images)
    assert bundles.lacking(bundled(tmp_path, images), plan.tops(wanted), wanted) == ""


def test_no_password_of_an_index_is_kept(images, tmp_path):
    assert "secret" not in json.dumps(bundled(tmp_path, images).images)


def test_a_bundle_of_another_format_is_told(tmp_path):
    _bundle.write(_bundle.Bundle(tmp_path))
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 3', '"format": 1'))
    with pytest.raises(_bundle.BundleError, match="has format 1; this release reads 3"):
        _bundle.read(tmp_path)
