"""nvidia_driver_info: what a server lacks of the driver."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_look as driver_look
from ansible_collections.gpulab.jupyterhub.plugins.modules import (
    nvidia_driver_info,
)
from ansible_collections.gpulab.jupyterhub.tests.unit.gpu_server import VERSION

DEBIAN = {"release": ["Debian", "13"], "codename": "trixie"}


def test_somebody_elses_driver_is_left_alone(run):
    result = run(nvidia_driver_info, **DEBIAN)
    assert (result["plan"]["hands_off"], result["refusal"], result["changed"]) == (True, "", False)
    assert (len(result["cards"]), result["driver"]["kernel_version"]) == (2, VERSION)


def test_a_bare_server_is_told_what_it_shall_have(server, run):
    server.remove_driver()
    server.drifted = [driver_look.files.SOURCES, driver_look.files.KEY]
    result = run(nvidia_driver_info, **DEBIAN)
    assert result["choice"]["flavor"] == "open"
    assert result["plan"]["packages"][:2] == ["nvidia-kernel-open-dkms", "nvidia-driver-cuda"]
    source, key = result["plan"]["files"]
    assert f"Signed-By: {key['path']}\n" in source["content"]
    assert key["content"] is None
    assert result["repository_key"].endswith("/debian13/x86_64/8793F200.pub")
    assert result["plan"]["installs"] is True


@pytest.mark.parametrize(
    ("theirs", "written"), [("main", True), ("main non-free-firmware", True), ("main non-free", False)]
)
def test_debians_own_driver_comes_from_the_servers_mirror(server, run, theirs, written):
    server.remove_driver()
    text = f"Types: deb\nURIs: http://m/debian\nSuites: trixie\nComponents: {theirs}\n"
    server.sources = {"/etc/apt/sources.list.d/debian.sources": text}
    server.drifted = [driver_look.files.SOURCES]
    (file,) = run(nvidia_driver_info, source="distro", **DEBIAN)["plan"]["files"]
    assert ("URIs: http://m/debian\nSuites: trixie\nComponents: contrib" in file["content"]) is written


def test_who_would_lose_the_gpus_is_asked_of_the_engine(server, run):
    server.dpkg("nvidia-kernel-open-dkms\tinstall\tinstalled\t590.48.01-1\n")
    assert run(nvidia_driver_info, **DEBIAN)["plan"]["hands_off"] is True
    server.write(driver_look.files.NOUVEAU.lstrip("/"), "")
    server.user_servers = ["jupyter-ada"]
    result = run(nvidia_driver_info, **DEBIAN)
    assert "jupyter-ada" in result["refusal"]
    server.engine = False
    assert run(nvidia_driver_info, **DEBIAN)["refusal"] == ""


def test_debians_own_module_is_known_by_the_name_of_its_file(server, run):
    server.command("modinfo", **{"nvidia-current-open": f"version: {VERSION}\nlicense: Dual MIT/GPL\n"})
    (server.root / "sys/module/nvidia/version").unlink()
    server.write(driver_look.files.NOUVEAU.lstrip("/"), "")
    server.dpkg("nvidia-open-kernel-dkms\tinstall\tinstalled\t550.163.01-2\n")
    assert run(nvidia_driver_info, source="distro", **DEBIAN)["plan"]["load"] is True


def test_an_old_kernel_without_headers_is_left_alone(server, run):
    server.command("dkms", status="nvidia/590.48.01, 6.12.3-amd64, x86_64: installed\n")
    server.write(driver_look.files.NOUVEAU.lstrip("/"), "")
    for kernel, headers in (("6.12.1-amd64", False), ("6.12.2-amd64", True), ("6.12.3-amd64", True)):
        server.write(f"boot/vmlinuz-{kernel}", "")
        server.write(f"lib/modules/{kernel}/{'build/Makefile' if headers else 'modules.dep'}", "")
    assert run(nvidia_driver_info, **DEBIAN)["plan"]["kernels"] == ["6.12.2-amd64"]


def test_the_key_is_fetched_again_where_the_source_names_another(server, run):
    server.remove_driver()
    server.drifted = [driver_look.files.SOURCES]
    (source,) = run(nvidia_driver_info, **DEBIAN)["plan"]["files"]
    server.sources = {source["path"]: source["content"].replace("Suites: /", "Suites: /other")}
    assert run(nvidia_driver_info, **DEBIAN)["plan"]["files"] == [source]
    server.sources = {source["path"]: source["content"].replace("debian13", "debian12")}
    assert run(nvidia_driver_info, **DEBIAN)["plan"]["files"] == [
        source,
        {"path": driver_look.files.KEY, "content": None},
    ]


def test_from_a_bundle_the_driver_has_no_source(server, run):
    server.remove_driver()
    server.drifted = [*driver_look.files.OURS]
    texts = {
        file["path"]: file["content"] for file in run(nvidia_driver_info, from_bundle=True, **DEBIAN)["plan"]["files"]
    }
    assert (texts[driver_look.files.SOURCES], texts[driver_look.files.KEY]) == ("", "")
    assert texts[driver_look.files.LOAD] != ""


def test_a_server_without_a_card_tells_what_a_bundle_shall_have(server, run):
    server.remove_cards()
    found = run(nvidia_driver_info, branch=580, from_bundle=True, **DEBIAN)
    assert found["to_bundle"]["packages"][0] == "nvidia-kernel-open-dkms=580.*"
    paths = [file["path"] for file in found["to_bundle"]["files"]]
    files = driver_look.files
    assert paths == [files.SOURCES, files.KEY, files.PREFERENCES, files.UNATTENDED]
    assert found["to_bundle"]["files"][0]["content"] != ""
    assert found["repository_key"].endswith(".pub")
    assert run(nvidia_driver_info, **DEBIAN)["to_bundle"] == {"packages": [], "files": []}
