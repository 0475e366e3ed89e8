"""Writes docs/reference/ from what roles and plugins say of themselves: `make docs`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from antsibull_docs_parser.md import to_md
from antsibull_docs_parser.parser import Context, parse

ROOT = Path(__file__).resolve().parents[1]
COLLECTION = "gpulab.jupyterhub"
NOTE = "<!-- Written by `make docs`. What to change stands in {source}. -->\n\n"

Spec = Mapping[str, Any]


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    return {"roles.md": roles_page(), "modules.md": plugins_page("module"), "filters.md": plugins_page("filter")}


# --- Roles -----------------------------------------------------------------------------------------------------------


def roles_page() -> str:
    """Return the variables of all roles, and those of the whole lab, with their defaults."""
    source = "roles/*/meta/argument_specs.yml, roles/*/defaults/main.yml and playbooks/lab_variables.yml"
    parts = [section("The whole lab", read("playbooks/lab_variables.yml"), {})]
    for role in sorted(path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml")):
        spec = read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]
        parts.append(section(role, spec, read(f"roles/{role}/defaults/main.yml")))
    return NOTE.format(source=source) + "# Variables\n\n" + "\n".join(parts)


def read(path: str) -> dict[str, Any]:
    """Read a YAML file of the collection."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def section(name: str, spec: Spec, defaults: Spec) -> str:
    """Return one role: what it is for, and a table of its variables."""
    rows = ["| variable | type | default | meaning |", "| --- | --- | --- | --- |"]
    for option, what in rows_of(spec["options"]):
        default = code(defaults[option]) if option in defaults else ""
        rows.append(f"| `{option}` | {kind(what)} | {default} | {cell(what.get('description', ''))} |")
    about = spec.get("short_description", "")
    return "\n".join([f"## {name}", "", *([f"{about}.", ""] if about else []), *rows, ""])


def rows_of(options: Spec, above: str = "") -> Iterator[tuple[str, Spec]]:
    """Yield options with their names, and below each what its value holds."""
    for name, what in options.items():
        yield above + name, what
        inside = what.get("options") or what.get("suboptions") or {}
        yield from rows_of(inside, f"{above}{name}{'[]' if what.get('type') == 'list' else ''}.")


def kind(what: Spec) -> str:
    """Return a type, of what, and which values it takes."""
    text = what.get("type", "str") + (f" of {what['elements']}" if "elements" in what else "")
    choices = ", ".join(f"`{choice}`" for choice in what.get("choices", ()))
    return text + (f": {choices}" if choices else "") + (", required" if what.get("required") else "")


# --- Modules and filters ---------------------------------------------------------------------------------------------


def plugins_page(sort: str) -> str:
    """Return what plugins of one sort say of themselves, by ansible-doc."""
    folder = "modules" if sort == "module" else sort
    names = [f"{COLLECTION}.{path.stem}" for path in sorted((ROOT / "plugins" / folder).glob("*.py"))]
    told = ansible_doc(sort, names)
    text = NOTE.format(source=f"plugins/{folder}") + f"# {folder.rstrip('s').capitalize()}s\n\n"
    return text + "\n".join(plugin(name, sort, told[name]) for name in names)


def ansible_doc(sort: str, names: list[str]) -> dict[str, Any]:
    """Ask ansible-doc for these plugins of this checkout."""
    command = [sys.executable, "-m", "ansible.cli.doc", "--type", sort, "--json", *names]
    place = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections")}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | place, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def plugin(name: str, sort: str, told: Spec) -> str:
    """Return one plugin: what it does, its options, what it returns, and examples."""
    doc = told["doc"]
    lines = [f"## {name}", "", f"{plain(doc['short_description'])}.", ""]
    lines += [f"- {plain(line)}" for line in listed(doc["description"])]
    if doc.get("options"):
        lines += ["", "| option | type | default | meaning |", "| --- | --- | --- | --- |"]
        for option, what in rows_of(doc["options"]):
            default = code(what["default"]) if what.get("default") is not None else ""
            lines.append(f"| `{option}` | {kind(what)} | {default} | {cell(what['description'])} |")
    if told.get("return"):
        lines += ["", "| returned | type | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{key}` | {kind(what)} | {cell(what['description'])} |" for key, what in told["return"].items()]
    return "\n".join([*lines, "", "```yaml", told["examples"].strip("\n"), "```", ""])


# --- Text ------------------------------------------------------------------------------------------------------------


def listed(text: str | list[str]) -> list[str]:
    """Return a description as its sentences."""
    return [text] if isinstance(text, str) else list(text)


def plain(text: str) -> str:
    """Turn Ansible's markup into Markdown, which has no need of most of the backslashes."""
    return re.sub(r"\\([^\w\s<>*_`|\[\]\\])", r"\1", to_md(parse(text, Context(), errors="exception")))


def cell(text: str | list[str]) -> str:
    """Return a description as one cell of a table."""
    return " ".join(plain(line) for line in listed(text)).replace("\n", " ").replace("|", "\\|")


def code(value: Any) -> str:
    """Return a value as YAML would have it on one line."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    (ROOT / "docs" / "reference").mkdir(exist_ok=True)
    for page, content in pages().items():
        (ROOT / "docs" / "reference" / page).write_text(content, encoding="utf-8")
