"""After another version was asked for, and an older one again: the newer one stays."""

import pytest


@pytest.fixture(scope="module")
def engine(server):
    return server("engine-ce")


@pytest.mark.parametrize("package", ["docker-ce", "docker-ce-cli"])
def test_the_newer_version_is_installed(engine, package):
    assert engine.package(package).version.startswith("5:26.1.5-")


def test_the_engine_serves(engine):
    assert engine.service("docker").is_running
    assert engine.check_output("docker run --rm local/tiny echo hello") == "hello"


def test_a_container_has_outlived_the_engine_of_before(engine):
    began = engine.check_output("docker container inspect survivor --format '{{.State.StartedAt}} {{.State.Running}}'")
    assert began == f"{engine.file('/root/survivor').content_string.strip()} true"


def test_the_distributions_engine_of_another_server_is_untouched(server):
    other = server("engine-distro")
    assert other.package("docker.io").is_installed
    assert not other.package("docker-ce").is_installed
    assert not other.file("/etc/apt/sources.list.d/gpulab-docker-engine.sources").exists
    assert not other.file("/etc/docker/gpulab.jupyterhub.json").exists
    assert other.service("docker").is_running
