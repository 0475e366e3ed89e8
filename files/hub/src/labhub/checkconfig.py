# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Load a configuration as the hub would, and say what is wrong with it.

    python -m labhub.checkconfig /etc/jupyterhub/jupyterhub_config.py

Exit status 0: the hub would start with it. 1: it would not, or would overlook a misspelt class or setting;
each problem is a line on standard error. No secret is read (`labhub.secrets.placeholders`), no port opened,
no file left.
"""

import argparse
import asyncio
import contextlib
import difflib
import logging
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets import TraitError
from traitlets.config import Config, Configurable
from traitlets.config.loader import PyFileConfigLoader

from labhub import secrets


class ConfigProblem(Exception):
    """The configuration cannot be loaded; the text says where and why."""


def load(path: Path) -> Config:
    """Execute the file.

    :raises ConfigProblem: it is absent, not Python, raises, or ends the hub; the text names the line.
    """
    try:
        return PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
    except SyntaxError as error:
        raise ConfigProblem(f"{error.filename}, line {error.lineno}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise ConfigProblem(f"{where}: {type(error).__name__}: {error}") from error


def known_classes(app: JupyterHub) -> dict[str, type[Configurable]]:
    """List what the file may configure: the hub's own classes, and those it chose, with their ancestors."""
    chosen = (type(app), app.spawner_class, app.authenticator_class, app.proxy_class, *app.classes)
    lineage = (ancestor for cls in chosen for ancestor in cls.mro())
    return {cls.__name__: cls for cls in lineage if issubclass(cls, Configurable)}


def unknown_names(config: Config, classes: dict[str, type[Configurable]]) -> Iterator[str]:
    """Find what no class would read: misspelt classes and traits, each with what was probably meant."""
    for section, values in config.items():
        cls = classes.get(section)
        if cls is None:
            yield f"c.{section}: there is no such class{_hint(section, classes)}"
            continue
        traits = cls.class_trait_names(config=True)
        for trait in values:
            if trait not in traits:
                yield f"c.{section}.{trait}: {section} has no such setting{_hint(trait, traits)}"


def _hint(name: str, known: Any) -> str:
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def ill_typed(app: JupyterHub) -> Iterator[str]:
    """Make one of each class that the file chose, to have every trait checked."""
    makers = {
        app.spawner_class: lambda: app.spawner_class(parent=app, user=SimpleNamespace(name="somebody")),
        app.authenticator_class: lambda: app.authenticator_class(parent=app, **_without_database(app)),
        app.proxy_class: lambda: app.proxy_class(parent=app, app=app),
    }
    for cls, make in makers.items():
        try:
            make()
        except (TraitError, ValueError) as error:
            yield f"{cls.__name__}: {error}"


def _without_database(app: JupyterHub) -> dict[str, bool]:
    return {"add_new_table": False} if "add_new_table" in app.authenticator_class.__init__.__code__.co_varnames else {}


@contextlib.contextmanager
def _recorded_errors(app: JupyterHub) -> Iterator[list[str]]:
    """Collect what the hub logs as an error, for it exits without another word."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())
    app.log.handlers, app.log.propagate = [handler], False
    yield errors


def initialize(path: Path, config: Config) -> Iterator[str]:
    """Bring the hub up as far as it goes without opening a port, on a database in memory: users, roles, services."""
    JupyterHub.clear_instance()
    app = JupyterHub.instance(config=config, log_level=logging.ERROR)
    with _recorded_errors(app) as errors:
        try:
            asyncio.run(app.initialize(["--config", str(path), "--db", "sqlite:///:memory:"]))
        except SystemExit:
            yield from errors or ["the hub exits while it starts"]
        except Exception as error:
            yield f"{type(error).__name__}: {error}"


def problems(path: Path) -> list[str]:
    """Find everything that is wrong with a configuration file, from the cheapest check to the dearest."""
    try:
        config = load(path)
        app = JupyterHub(config=config, log_level=logging.ERROR)
    except (ConfigProblem, TraitError) as error:
        return [str(error)]
    found = [*unknown_names(config, known_classes(app)), *ill_typed(app)]
    return found or list(initialize(path, config))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m labhub.checkconfig", description="Check a JupyterHub configuration."
    )
    parser.add_argument("file", type=Path, help="jupyterhub_config.py")
    path = parser.parse_args(argv).file.resolve()
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch), secrets.placeholders():
        found = problems(path)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
