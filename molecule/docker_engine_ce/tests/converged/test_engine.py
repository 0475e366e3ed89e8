"""The vendor's engine, at the version that the inventory asks for, is the server's engine."""

import json

import pytest

VERSIONS = {"docker-ce": "5:26.1.4-", "docker-ce-cli": "5:26.1.4-", "containerd.io": "1.7"}
KEY = "/etc/apt/keyrings/gpulab-docker-engine.asc"


@pytest.fixture(scope="module")
def engine(server):
    return server("engine-ce")


@pytest.fixture(scope="module")
def told(engine):
    """What the engine says of itself."""
    return json.loads(engine.check_output("docker info --format '{{json .}}'"))


@pytest.mark.parametrize("package", VERSIONS)
def test_the_version_that_was_asked_for_is_installed(engine, package):
    assert engine.package(package).version.startswith(VERSIONS[package])


def test_nothing_of_the_distributions_engine_is_installed(engine):
    assert not engine.package("docker.io").is_installed


def test_a_newer_version_is_there_and_not_taken(engine):
    policy = engine.check_output("apt-cache policy docker-ce")
    assert "Candidate: 5:26.1.4-" in policy
    assert "5:26.1.5-" in policy


def test_apt_trusts_the_source_by_its_own_key_only(engine):
    source = engine.file("/etc/apt/sources.list.d/gpulab-docker-engine.sources").content_string
    assert "URIs: http://vendor-site/linux/debian\n" in source
    assert f"Signed-By: {KEY}\n" in source
    update = engine.run("apt-get update")
    assert update.succeeded
    assert "http://vendor-site/linux/debian trixie InRelease" in update.stdout
    assert "W:" not in update.stderr


@pytest.mark.parametrize("path", [KEY, "/etc/apt/preferences.d/gpulab-docker-engine", "/etc/docker/daemon.json"])
def test_files_are_roots_and_readable(engine, path):
    file = engine.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_it_runs_now_and_with_the_server(engine):
    assert engine.service("docker").is_running
    assert engine.service("docker").is_enabled


def test_it_runs_with_the_roles_options(engine, told):
    options = json.loads(engine.file("/etc/docker/daemon.json").content_string)
    assert options["features"]["cdi"] is True
    assert options["log-opts"]["max-size"] == "10m"
    assert told["CDISpecDirs"]
    assert told["LiveRestoreEnabled"]


@pytest.mark.parametrize("plugin", ["compose", "buildx"])
def test_its_plugins_answer(engine, plugin):
    assert engine.run(f"docker {plugin} version").succeeded


def test_it_runs_a_container_within_limits(engine):
    tree = "/usr/bin/echo /usr/bin/sleep $(ldd /usr/bin/echo | grep -o '/[^ ]*')"
    engine.check_output(f"tar --create --dereference --absolute-names {tree} | docker image import - local/tiny")
    assert engine.check_output("docker run --rm --memory=64m local/tiny echo hello") == "hello"
