"""A converged lab at ``LAB_URL``, people in it, and a browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e import wheels
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
