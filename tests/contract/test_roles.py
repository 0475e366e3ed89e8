"""A role's defaults, its argument spec and what it does with them say the same."""

import re

import yaml


def test_every_default_is_specified_and_every_spec_has_a_default(role):
    assert sorted(role.defaults) == sorted(role.specs["main"]["options"])


def test_public_names_begin_with_the_roles_name(role):
    assert [name for name in role.defaults if not name.startswith(f"{role.name}_")] == []


def test_a_default_stands_in_one_place(role):
    specified = [name for name, spec in role.specs["main"]["options"].items() if "default" in spec]
    assert specified == []


def test_every_variable_is_described_and_typed(role):
    poor = [name for name, spec in role.specs["main"]["options"].items() if not {"description", "type"} <= set(spec)]
    assert poor == []


def test_every_default_is_commented(role):
    """A comment stands above each default, or above the first of a group without blank lines in it."""
    blocks = re.split(r"\n\s*\n", (role.path / "defaults/main.yml").read_text())
    bare = [block for block in blocks if re.search(rf"^{role.name}_", block, re.M) and "#" not in block]
    assert bare == []


def test_every_variable_is_used(role):
    used = role.texts("tasks", "templates", "vars", "handlers", "defaults")
    unused = [name for name in role.defaults if len(re.findall(rf"\b{name}\b", used)) < 2]
    assert unused == []


def test_published_facts_are_known_to_the_check_of_settings(role, root):
    known = yaml.safe_load((root / "playbooks/lab_variables.yml").read_text())["published"]
    facts = re.findall(r"set_fact:\n((?:    +.*\n)+)", role.texts("tasks") + "\n")
    published = [name for block in facts for name in re.findall(r"^    (?:  )?  ?(\w+):", block, re.M)]
    assert [name for name in published if name.startswith(role.name) and name not in known] == []


def test_lab_wide_values_are_read_in_defaults_only(role, root):
    known = yaml.safe_load((root / "playbooks/lab_variables.yml").read_text())["options"]
    # A module may be called so.
    assert re.findall(r"(?<!jupyterhub\.)\blab_[a-z_]+\b", role.texts("tasks", "templates", "vars")) == []
    read = set(re.findall(r"\b(lab_[a-z_]+)\b *\|", role.texts("defaults")))
    assert read <= set(known)


def test_lab_wide_variables_are_read_by_some_role(root):
    known = yaml.safe_load((root / "playbooks/lab_variables.yml").read_text())["options"]
    defaults = "\n".join(path.read_text() for path in root.glob("roles/*/defaults/main.yml"))
    assert [name for name in known if name not in defaults] == []


def test_registers_and_private_variables_are_marked(role):
    names = re.findall(r"^\s+register: (\S+)", role.texts("tasks"), re.M)
    names += list(yaml.safe_load(role.texts("vars") or "{}") or {})
    assert [name for name in names if not name.startswith(f"__{role.name}_")] == []


def test_what_is_fetched_is_told_by_a_check_too(role):
    """In check mode get_url takes any file that is there for the right one, though the look before it knows better."""
    blocks = re.split(r"^\s*- name: ", role.texts("tasks"), flags=re.M)
    assert [block for block in blocks if "get_url:" in block and "changed_when: true" not in block] == []
