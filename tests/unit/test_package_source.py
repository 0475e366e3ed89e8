"""package_source: a bundle's packages reach a server that lacks them; what the bundle lacks is told before that."""

import tarfile

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _bundle, _package_bundle
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._image_digest import file_sha256
from ansible_collections.gpulab.jupyterhub.tests.unit.image_play import Play

VERSIONS = {"docker.io": "26.1.5+dfsg1-9", "docker-compose": "2.26.1-4"}


@pytest.fixture
def bundle(tmp_path):
    """A bundle with the packages of one release."""
    made = _bundle.Bundle(tmp_path / "bundle", "amd64")
    name = _package_bundle.file_name("debian-trixie", "docker_engine")
    path = made.path / name
    path.parent.mkdir(parents=True)
    (tmp_path / "Packages").write_text("Package: docker.io\n")
    with tarfile.open(path, "w") as opened:
        opened.add(tmp_path / "Packages", "../../Packages")
    made.packages["debian-trixie/docker_engine"] = {"file": name, "versions": VERSIONS}
    made.sums[name] = file_sha256(path)
    _bundle.write(made)
    return made


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("docker.io", ""),
        ("docker.io=26.1*", ""),
        ("docker.io=27*", "has no docker.io=27* for debian-trixie, but docker.io 26.1.5+dfsg1-9; nothing was changed."),
        ("docker-buildx", "has no docker-buildx for debian-trixie; nothing was changed."),
    ],
)
def test_what_a_bundle_lacks_is_told(bundle, wanted, told):
    assert told in _package_bundle.lacking(bundle, "debian-trixie", "docker_engine", [wanted])
    assert bool(told) == bool(_package_bundle.lacking(bundle, "debian-trixie", "docker_engine", [wanted]))


def test_a_release_that_is_not_in_it_is_told_with_those_that_are_and_what_mends_it(bundle):
    told = _package_bundle.lacking(bundle, "debian-bookworm", "docker_engine", ["docker.io"])
    assert (
        "has packages of the engine for debian-trixie, and this server is debian-bookworm, which needs docker.io"
        in told
    )
    assert "by a host of the inventory that is debian-bookworm too" in told
    assert "docker_engine_bundle: ''" in told


def test_what_is_whole_is_not_fetched_again(bundle):
    def whole(release="debian-trixie", wanted=("docker.io=26*",)):
        return _package_bundle.whole(_bundle.read(bundle.path), release, "docker_engine", wanted)

    assert whole()
    assert not whole(release="debian-bookworm")
    assert not whole(wanted=["docker.io=27*"])
    (bundle.path / "packages" / "debian-trixie-docker-engine.tar").write_text("")
    assert not whole()


@pytest.fixture
def source(bundle, tmp_path):
    """The task, on this machine."""
    return lambda **other: Play(
        tmp_path,
        "package_source",
        {
            "bundle": str(bundle.path),
            "release": "debian-trixie",
            "role": "docker_engine",
            "architecture": "amd64",
            "packages": ["docker.io"],
            "path": str(tmp_path / "cache" / "served"),
            **other,
        },
    )


def test_a_check_looks_and_sends_nothing(source, tmp_path):
    result, _said = source()("--check")
    assert (result.get("failed", False), result["changed"]) == (False, False)
    assert not (tmp_path / "cache").exists()


def test_packages_arrive_with_what_apt_needs_and_nowhere_else(source, tmp_path):
    source()()
    served = tmp_path / "cache" / "served"
    assert sorted(path.name for path in served.iterdir()) == ["Packages", "apt.conf", "lists", "sources"]
    assert f'Dir::Etc::sourceparts "{served}/sources";' in (served / "apt.conf").read_text()


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"release": "debian-bookworm"}, "this server is debian-bookworm"),
        ({"architecture": "arm64"}, "for processors of the architecture amd64, and this server's is arm64"),
    ],
)
def test_another_server_is_refused(source, tmp_path, other, told):
    result, _said = source(**other)()
    assert told in result["msg"]
    assert not (tmp_path / "cache").exists()
