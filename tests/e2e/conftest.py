"""A converged lab at ``LAB_URL``, people in it, and a browser."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.modules import container_gpu_info
from ansible_collections.gpulab.jupyterhub.tests.unit import nvml_building
from e2e import standin_gpus, wheels
from e2e.browser import Visitor
from e2e.labclient import Guests, HubClient, Lab, LabError
from playwright.sync_api import Browser, sync_playwright

BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def lab() -> Lab:
    try:
        return Lab.from_environment()
    except LabError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def hub(lab: Lab) -> HubClient:
    return HubClient(lab)


@pytest.fixture(scope="module")
def guests(hub: HubClient) -> Iterator[Guests]:
    made = Guests(hub)
    yield made
    made.remove_all()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("LAB_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.exit("no chromium on PATH: type 'make browser', or set LAB_CHROMIUM", returncode=4)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser: Browser, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """Seats people at browsers of their own: ``visitor("alice")``, with options of Playwright's ``new_context``."""
    pictures = request.config.rootpath / "test-results" / request.node.name.removeprefix("test_")
    pictures.mkdir(parents=True, exist_ok=True)
    seated: list[Visitor] = []

    def seat(who: str, **options: Any) -> Visitor:
        seated.append(Visitor(browser, lab.url, pictures, who, **options))
        return seated[-1]

    yield seat
    for person in seated:
        person.close()


@pytest.fixture
def package(lab: Lab) -> Iterator[str]:
    """A small package that nobody in the lab is likely to need, as pip is told to install it."""
    name, version = "peppercorn", "0.6"

    def remove() -> None:
        for path in (lab.packages / name, lab.packages / f"{name}-{version}.dist-info"):
            if Path(path).exists():
                shutil.rmtree(path)

    remove()
    yield f"{name}=={version}"
    remove()


@pytest.fixture(scope="module")
def offered(lab: Lab) -> Iterator[Path]:
    """Packages made up for these tests, in everyone's ``~/shared``; see `wheels.offered`."""
    with wheels.offered(lab.data_root / "shared", lab.packages) as folder:
        yield folder


@pytest.fixture
def info(lab: Lab, request: pytest.FixtureRequest) -> Callable[[], dict[str, Any]]:
    """Asks `hub_info`, as the playbooks do."""
    root = request.config.rootpath

    def ask() -> dict[str, Any]:
        arguments = f"url={lab.url} data_root={lab.data_root} token_file={lab.data_root}/secrets/ansible_token"
        command = [f"{root}/.venv/bin/ansible", "localhost", "-m", "gpulab.jupyterhub.hub_info", "-a", arguments]
        environment = os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        said = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        return json.loads(said.split("=>", 1)[1])

    return ask


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a double of NVML's library."""
    return nvml_building.build(tmp_path_factory.mktemp("double"))


@pytest.fixture
def spec(tmp_path: Path, double: Path) -> Iterator[Callable[..., None]]:
    """Offer GPUs by CDI, for the length of a test."""
    with standin_gpus.specification(tmp_path, double) as write:
        yield write


@pytest.fixture
def look_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, double: Path
) -> Callable[..., dict[str, Any]]:
    """Run container_gpu_info as Ansible does, on a server whose own NVML tells *host*."""

    def look(host: Sequence[str] = standin_gpus.BOTH[1:], **arguments: Any) -> dict[str, Any]:
        (tmp_path / "host").write_text("\n".join(host))
        monkeypatch.setenv("NVML_DOUBLE", str(tmp_path / "host"))
        monkeypatch.setenv("LD_LIBRARY_PATH", str(double) if host else "")
        with patch_module_args(arguments), pytest.raises(SystemExit):
            container_gpu_info.main()
        return json.loads(capsys.readouterr().out)

    return look
