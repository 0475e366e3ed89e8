"""nvidia_driver_info, nvidia_container_toolkit_info and nvidia_cdi, as Ansible runs them, on files and commands."""

import json
import os

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _apt_look as apt
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_apt as sources
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_cli as cli
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_look as look
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_look as driver_look
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_toolkit as toolkit
from ansible_collections.gpulab.jupyterhub.plugins.modules import (
    nvidia_cdi,
    nvidia_container_toolkit_info,
    nvidia_driver_info,
    nvidia_mig,
)
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes
from ansible_collections.gpulab.jupyterhub.tests.unit.gpu_server import SPEC, VERSION, Server

DEBIAN = {"release": ["Debian", "13"], "codename": "trixie"}
GENERATE = "cdi generate --format=json --device-name-strategy=uuid"
KEPT = "etc/cdi/nvidia.yaml"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server with two cards and a driver, and with apt's files where the test wants them."""
    server = Server(tmp_path).working()
    (server.root / "etc/cdi/nvidia.json").rename(server.root / KEPT)
    server.dpkg("")
    monkeypatch.setattr(look, "ROOT", server.root)
    monkeypatch.setattr(apt, "interrupted", lambda: False)
    monkeypatch.setattr(sources, "read_sources", lambda: server.sources)
    monkeypatch.setattr(apt, "drifted", lambda files: [file for file in files if file["path"] in server.drifted])
    monkeypatch.setenv("PATH", f"{server.commands}{os.pathsep}{os.environ['PATH']}")
    return server


@pytest.fixture
def run(server, capsys, monkeypatch):
    """Run a module; return its result."""

    def answer(_argv, **_how):
        return cli.Answer("ok", "\n".join(server.user_servers), "") if server.engine else cli.Answer("down", "", "gone")

    for asks in (nvidia_driver_info, nvidia_container_toolkit_info, nvidia_mig):
        monkeypatch.setattr(asks, "Docker", lambda socket: cli.Docker(socket, answer))

    def run(module, check=False, **arguments):
        arguments |= {"_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return run


# --- The driver -------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("check", [False, True])
def test_a_server_without_a_card_is_asked_for_nothing(server, run, check):
    server.remove_cards()
    for module, arguments in ((nvidia_driver_info, DEBIAN), (nvidia_container_toolkit_info, {})):
        result = run(module, check, **arguments)
        assert (result["cards"], result["refusal"], result["plan"]["installs"]) == ([], "", False)
    assert server.ran == []


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


@pytest.mark.parametrize("module", [nvidia_driver_info, nvidia_container_toolkit_info])
def test_from_a_bundle_a_source_of_somebody_else_is_in_nobodys_way(server, run, module):
    server.remove_driver()
    server.write(toolkit.SOURCES.lstrip("/"), "")
    text = f"URIs: http://m/r {toolkit.SITE}\n"
    server.sources = {"/etc/apt/sources.list.d/own.sources": text}
    wanted = DEBIAN | {"repository_url": "http://m/r"} if module is nvidia_driver_info else {}
    assert run(module, **wanted)["refusal"] != ""
    assert run(module, from_bundle=True, **wanted)["refusal"] == ""


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


# --- The toolkit ------------------------------------------------------------------------------------------------------


def test_somebody_elses_toolkit_is_left_alone_but_for_its_specification(server, run):
    server.dpkg("nvidia-container-toolkit\tinstall\tinstalled\t1.14.0-1\n")
    (server.root / KEPT).unlink()
    plan = run(nvidia_container_toolkit_info)["plan"]
    assert (plan["packages"], plan["files"], plan["specification"]) == ([], [], "there is none")


def test_a_toolkit_that_is_lacking_is_planned(server, run):
    server.write(toolkit.SOURCES.lstrip("/"), "")
    result = run(nvidia_container_toolkit_info, version="1.18")
    assert result["plan"]["packages"][0] == "nvidia-container-toolkit=1.18*"
    assert (result["version"], result["plan"]["specification"]) == ("1.18.0", "")


def test_another_source_of_the_same_repository_is_refused(server, run):
    path = "/etc/apt/sources.list.d/nvidia-container-toolkit.list"
    server.write(toolkit.SOURCES.lstrip("/"), "")
    server.sources = {
        path: "deb [signed-by=/k] https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n",
        "/etc/apt/sources.list": "# deb https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n",
    }
    assert f"rm {path}" in run(nvidia_container_toolkit_info)["refusal"]


def generated(server, text):
    server.command("nvidia-ctk", **{"--version": "CLI version 1.18.0\n", GENERATE: text})


def test_a_specification_that_is_right_stays(server, run):
    result = run(nvidia_cdi)
    assert (result["changed"], result["reason"], shapes.T4["uuid"] in result["devices"]) == (False, "", True)


def test_a_specification_is_made_anew_once_the_driver_is_another(server, run):
    old = (server.root / KEPT).read_text()
    (server.root / KEPT).write_text(old.replace(VERSION, "570.86.15"))
    generated(server, old)
    told = run(nvidia_cdi, check=True)
    assert (told["changed"], "570.86.15" in (server.root / KEPT).read_text()) == (True, True)
    made = run(nvidia_cdi)
    assert (made["changed"], made["reason"]) == (True, told["reason"])
    assert "570.86.15" in made["reason"]
    assert "570.86.15" in made["diff"]["before"]
    assert (server.root / KEPT).read_text() == old
    assert oct((server.root / KEPT).stat().st_mode)[-3:] == "644"
    assert run(nvidia_cdi)["changed"] is False


def test_a_specification_is_made_where_there_is_none(server, run):
    text = (server.root / KEPT).read_text()
    (server.root / KEPT).unlink()
    generated(server, text)
    assert run(nvidia_cdi)["reason"] == "there is none"
    assert json.loads((server.root / KEPT).read_text()) == SPEC


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "JSONDecodeError"),
        (json.dumps(SPEC | {"devices": SPEC["devices"][:2]}), f"it does not name {shapes.mig_uuid(1, 1)}"),
    ],
)
def test_what_the_toolkit_makes_is_read_before_it_counts(server, run, text, said):
    (server.root / KEPT).write_text("old: [")
    generated(server, text)
    result = run(nvidia_cdi)
    assert result["failed"] is True
    assert said in result["msg"]
    assert (server.root / KEPT).read_text() == "old: ["


def test_without_a_driver_that_tells_of_gpus_the_specification_stays(server, run):
    (server.root / KEPT).write_text("old: [")
    server.command("nvidia-smi", rc=9)
    assert run(nvidia_cdi)["changed"] is False


def test_the_toolkits_own_words_are_told(server, run):
    (server.root / KEPT).unlink()
    server.command("nvidia-ctk", rc=1)
    assert "cannot be generated" in run(nvidia_cdi)["msg"]


# --- Slices -----------------------------------------------------------------------------------------------------------

SLICED = shapes.H100_MIG["uuid"]
AS_IT_IS = ["1g.10gb", "1g.10gb", "2g.20gb", "3g.40gb"]


def layout(*slices):
    return [{"cards": [SLICED], "slices": [*slices]}]


def sliced(server):
    """What nvidia-smi was told to do, but for questions."""
    questions = ("-q", "-L", "--query-gpu", "mig -lgip")
    asked = [line.removeprefix("nvidia-smi ") for line in server.asked if line.startswith("nvidia-smi")]
    return [words for words in asked if not words.startswith(questions)]


@pytest.fixture
def idle(server):
    """Nobody uses the card that is sliced."""
    server.smi(
        [shapes.T4, shapes.H100_MIG | {"processes": []}],
        **{f"mig -lgip -i {SLICED}": "|   0  MIG 7g.80gb   0   0/1   79.25 |\n|   0  MIG 1g.10gb  19   0/7   9.75 |\n"},
        **{f"mig {words} -i {SLICED}": "" for words in ("-dci", "-dgi", "-cgi 7g.80gb -C")},
    )
    return server


def test_cards_that_are_sliced_as_they_shall_be_are_left_alone(server, run):
    assert run(nvidia_container_toolkit_info, mig=layout(*AS_IT_IS))["plan"]["mig"] == []
    assert (run(nvidia_mig, mig=layout(*AS_IT_IS))["changed"], sliced(server)) == (False, [])


@pytest.mark.parametrize("module", [nvidia_container_toolkit_info, nvidia_mig])
def test_a_card_that_somebody_uses_is_not_sliced_anew(server, run, module):
    result = run(module, mig=layout("1g.10gb"))
    assert "process 21180 (/root/tools/memhog)" in result.get("refusal", result.get("msg"))
    assert sliced(server) == []


def test_a_card_gets_other_slices_once_the_old_ones_are_gone(idle, run):
    told = run(nvidia_mig, check=True, mig=layout("7g.80gb"))
    assert (told["changed"], told["cards"], sliced(idle)) == (True, [SLICED], [])
    assert told["diff"]["before"] == f"{SLICED}: 3g.40gb, 2g.20gb, 1g.10gb, 1g.10gb, MIG enabled\n"
    assert told["diff"]["after"] == f"{SLICED}: 7g.80gb, MIG enabled\n"
    assert run(nvidia_mig, mig=layout("7g.80gb"))["changed"]
    assert sliced(idle) == [f"mig {words} -i {SLICED}" for words in ("-dci", "-dgi", "-cgi 7g.80gb -C")]


def test_a_card_that_takes_its_mode_with_a_reset_is_said_to_wait(idle, run, monkeypatch):
    monkeypatch.setattr(AnsibleModule, "warn", lambda self, words: None)
    result = run(nvidia_mig, mig=layout())
    assert (result["changed"], result["waiting"]) == (True, [SLICED])
    assert sliced(idle)[-2:] == [f"-i {SLICED} -mig 0", f"--gpu-reset -i {SLICED}"]


def test_what_a_card_lacks_is_refused_by_its_own_word(idle, run):
    said = " ".join(run(nvidia_mig, mig=layout("2g.20gb"))["msg"].split())
    assert "has no 2g.20gb; it has 7g.80gb, 1g.10gb" in said
    assert sliced(idle) == []
