# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The server of one user: JupyterHub's server extension, without the parts of the hub that come with it.

`jupyterhub.singleuser` imports the hub's database layer (SQLAlchemy, Alembic), its pages, and an older kind of
server, for a handful of names that a user's server never uses: nearly half of the time and of the memory of a start.
Here, while the extension is imported, stand-ins take the place of those modules. Afterwards the stand-ins are gone:
whoever imports such a module gets the real one, and a name that a stand-in lacks comes from the real one too.
"""

import asyncio
import gc
import importlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

MIXINS = "jupyterhub.singleuser.mixins"
NOT_USED: dict[str, dict[str, Any]] = {
    "sqlalchemy": {},
    # jupyterhub.utils catches it, around changes of the hub's database.
    "sqlalchemy.exc": {"SQLAlchemyError": type("SQLAlchemyError", (Exception,), {})},
    "jupyterhub.orm": {},
    "jupyterhub.roles": {},
    # jupyterhub.log logs requests for the hub's health page, which no user's server has, more quietly.
    "jupyterhub.handlers.pages": {"HealthCheckHandler": type("HealthCheckHandler", (), {})},
    # The server before there were extensions; jupyterhub.singleuser only passes these names on.
    MIXINS: {"HubAuthenticatedHandler": None, "make_singleuser_app": None},
}
"""Modules that the extension imports and never uses: name -> what it takes from them by name."""
KERNELS = "IPython.paths"
"""The server asks it where kernels lay ten years ago; all of IPython would come with the answer."""

HUB_BACK = 30.0
"""Seconds within which a hub that is made anew is back."""
AGAIN = 0.2
"""Seconds between two attempts to reach it."""


class StandIn(ModuleType):
    """A module that has a few names of a real one, and imports that as soon as another name is asked for."""

    def __init__(self, name: str, contents: Mapping[str, Any]):
        super().__init__(name)
        vars(self).update(contents)

    def __getattr__(self, name: str) -> Any:
        if name == "__path__":
            # Every `from module import name` asks for it, to learn whether the module is a package.
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Put the stand-ins in place for the length of a ``with``; a module that is there already stays."""
    placed = {name: StandIn(name, contents) for name, contents in NOT_USED.items() if name not in sys.modules}
    sys.modules.update(placed)
    try:
        yield
    finally:
        for name, module in placed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def extension() -> type:
    """Import JupyterHub's server extension.

    :returns: ``jupyterhub.singleuser.extension.JupyterHubSingleUser``.
    """
    with stand_ins():
        module = importlib.import_module("jupyterhub.singleuser.extension")
    _give_back_mixins(sys.modules["jupyterhub.singleuser"])
    return module.JupyterHubSingleUser


def _give_back_mixins(package: ModuleType) -> None:
    """Let `jupyterhub.singleuser` fetch the names of its mixins for whoever asks for them."""

    def fetch(name: str) -> Any:
        if name in NOT_USED[MIXINS]:
            return getattr(importlib.import_module(MIXINS), name)
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")

    for name in NOT_USED[MIXINS]:
        vars(package).pop(name, None)
    package.__getattr__ = fetch


def ipython_dir() -> str:
    """Say which directory is IPython's, without making it, as a kernel does."""
    return os.environ.get("IPYTHONDIR") or str(Path("~/.ipython").expanduser())


def spare_ipython() -> None:
    """Answer the one question that the server has for IPython; whoever asks for more gets the real module."""
    sys.modules.setdefault(KERNELS, StandIn(KERNELS, {"get_ipython_dir": ipython_dir}))


def patient(fetch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wait for a hub that is just being made anew, rather than fail whoever it has to vouch for.

    :param fetch: ``jupyterhub.httpclient.fetch``.
    :returns: the same, but that it asks again as long as nobody is there to be asked, or a question broke off that
        changes nothing.
    """
    # Of JupyterHub's client, which has imported it by now.
    client = sys.modules["aiohttp"]

    async def ask(url: str, **options: Any) -> Any:
        end = time.monotonic() + HUB_BACK
        only_asks = options.get("method", "GET") == "GET"
        away = client.ClientConnectionError if only_asks else client.ClientConnectorError
        while True:
            try:
                return await fetch(url, **options)
            except away:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(AGAIN)

    return ask


def another_is_asked_for(environment: Mapping[str, str]) -> bool:
    """Tell whether JupyterHub's own variables ask for another kind of server than its extension."""
    as_extension = environment.get("JUPYTERHUB_SINGLEUSER_EXTENSION") != "0"
    return bool(environment.get("JUPYTERHUB_SINGLEUSER_APP")) or not as_extension


def main() -> None:
    """Start the server; returns when it has been stopped."""
    if another_is_asked_for(os.environ):
        importlib.import_module("jupyterhub.singleuser").main()
        return
    # What is imported stays: to look for garbage among it costs time, and is in vain.
    gc.disable()
    server = extension()
    judge = sys.modules["jupyterhub.services.auth"]
    judge.fetch = patient(judge.fetch)
    spare_ipython()
    gc.freeze()
    gc.enable()
    server.launch_instance()


if __name__ == "__main__":
    main()
