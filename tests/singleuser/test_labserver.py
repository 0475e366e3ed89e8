"""What labserver puts in the place of modules that a user's server never uses."""
# ruff: noqa: PLC0415 - imports are what is tested

import asyncio
import importlib.util
import sys
from pathlib import Path

import aiohttp
import pytest

SOURCE = Path(__file__).resolve().parents[2] / "files/singleuser/labserver.py"


@pytest.fixture
def labserver(monkeypatch, tmp_path):
    """The module, in a world where `heavypkg.layer` is what is not used."""
    package = tmp_path / "heavypkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "layer.py").write_text("class Error(Exception): pass\nreal = 'the real one'\n")
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.util.spec_from_file_location("labserver", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "NOT_USED", {"heavypkg.layer": {"Error": KeyError}})
    yield module
    for name in ("heavypkg", "heavypkg.layer"):
        sys.modules.pop(name, None)


def test_a_name_comes_from_the_stand_in_and_nothing_is_loaded(labserver):
    with labserver.stand_ins():
        from heavypkg.layer import Error
    assert Error is KeyError
    assert "heavypkg.layer" not in sys.modules


def test_whoever_imports_the_module_later_gets_the_real_one(labserver):
    with labserver.stand_ins():
        from heavypkg.layer import Error
    from heavypkg.layer import Error as Real

    assert Real is not Error
    assert Real.__module__ == "heavypkg.layer"


@pytest.mark.parametrize("within", [True, False])
def test_a_name_that_the_stand_in_lacks_comes_from_the_real_one(labserver, within):
    with labserver.stand_ins():
        import heavypkg.layer as held

        assert isinstance(held, labserver.StandIn)
        if within:
            assert held.real == "the real one"
    assert held.real == "the real one"
    with pytest.raises(AttributeError):
        _gone = held.no_such_name


def test_a_module_that_is_there_already_stays(labserver):
    import heavypkg.layer as real

    with labserver.stand_ins():
        import heavypkg.layer as held
    assert held is real
    assert sys.modules["heavypkg.layer"] is real


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"JUPYTERHUB_SINGLEUSER_EXTENSION": "1"}, False),
        ({"JUPYTERHUB_SINGLEUSER_EXTENSION": "0"}, True),
        ({"JUPYTERHUB_SINGLEUSER_APP": "notebook"}, True),
    ],
)
def test_another_kind_of_server_is_left_to_jupyterhub(labserver, environment, asked):
    assert labserver.another_is_asked_for(environment) is asked


class Hub:
    """A hub that is away for some questions, then answers, or fails in another way."""

    def __init__(self, *ends):
        self.ends = list(ends)

    async def fetch(self, url, **options):
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return url, options, end


AWAY = aiohttp.ClientConnectorError(None, ConnectionRefusedError(111, "refused"))


def test_a_hub_that_is_away_for_a_moment_is_waited_for(labserver, monkeypatch):
    monkeypatch.setattr(labserver, "AGAIN", 0)
    hub = Hub(AWAY, AWAY, "alice")
    assert asyncio.run(labserver.patient(hub.fetch)("/user", method="GET")) == ("/user", {"method": "GET"}, "alice")


def test_a_hub_that_stays_away_is_no_longer_waited_for(labserver, monkeypatch):
    monkeypatch.setattr(labserver, "HUB_BACK", -1)
    hub = Hub(AWAY, "too late")
    with pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(labserver.patient(hub.fetch)("/user"))


def test_a_question_that_breaks_off_as_the_hub_stops_is_asked_again(labserver, monkeypatch):
    monkeypatch.setattr(labserver, "AGAIN", 0)
    hub = Hub(aiohttp.ServerDisconnectedError(), "alice")
    assert asyncio.run(labserver.patient(hub.fetch)("/user")) == ("/user", {}, "alice")


def test_what_changes_something_and_has_reached_the_hub_is_asked_once(labserver):
    hub = Hub(aiohttp.ServerDisconnectedError(), "never asked")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        asyncio.run(labserver.patient(hub.fetch)("/oauth2/token", method="POST"))
    assert hub.ends == ["never asked"]
