"""What the playbook manages on the lab's server, as the roles themselves say it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from e2e.runs import ROOT
from jinja2.nativetypes import NativeEnvironment

FACTS = {"__hub_config_service_tokens": []}
"""What the local inventory makes of variables that name further objects."""


@dataclass(frozen=True)
class Managed:
    """A path with its owner and mode."""

    path: Path
    kind: str
    mode: int
    uid: int
    gid: int


def _load(file: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / file).read_text())


def _value(template: Any, variables: dict[str, Any]) -> Any:
    """Fill in a variable's own text until nothing is left to fill in."""
    while isinstance(template, str) and "{{" in template:
        template = NativeEnvironment().from_string(template.strip()).render(variables)
    return template


def managed(data_root: Path) -> list[Managed]:
    """List every path that the roles keep, from the lists that they give to `file_tree`, and compose.yml."""
    variables = _load("roles/hub_config/defaults/main.yml") | FACTS | {"hub_config_data_root": str(data_root)}
    found = []
    for name, entries in _load("roles/hub_config/vars/main.yml").items():
        if isinstance(entries, list) and all(isinstance(entry, dict) and "mode" in entry for entry in entries):
            found += [one for entry in entries for one in _paths(entry, variables)]
        else:
            assert "mode:" not in str(entries), f"{name} holds entries that this test does not understand"
    return [*found, Managed(data_root / "compose.yml", "file", 0o644, 0, 0)]


def _paths(entry: dict[str, Any], variables: dict[str, Any]) -> list[Managed]:
    base = Path(_value(entry["path"], variables))
    names = _value(entry.get("names", [""]), variables)
    uid, gid = (int(_value(entry.get(key, 0), variables)) for key in ("uid", "gid"))
    return [Managed(base / name, entry.get("state", "directory"), int(entry["mode"], 8), uid, gid) for name in names]


def services() -> list[str]:
    """List the services of the stack."""
    text = (ROOT / "roles/hub_stack/templates/compose.yml.j2").read_text()
    lines = text[text.index("\nservices:\n") :].splitlines()[2:]
    end = next(number for number, line in enumerate(lines) if line and not line.startswith(" "))
    return [line.strip(" :") for line in lines[:end] if line.startswith("  ") and not line.startswith("   ")]
