"""What ansible-test overlooks: few things, each with its reason, the same with every ansible-core."""

from .conftest import ROOT

FILES = sorted((ROOT / "tests" / "sanity").glob("ignore-*.txt"))
LICENCE = "plugins/modules/{name} validate-modules:missing-gplv3-license # the collection is under Apache-2.0"


def test_every_exception_has_a_reason():
    lines = [line for path in FILES for line in path.read_text().splitlines()]
    assert lines
    assert [line for line in lines if not line.partition(" # ")[2]] == []


def test_exceptions_are_the_same_with_every_ansible_core():
    texts = {path.read_text() for path in FILES}
    assert len(texts) == 1, f"These should hold the same: {', '.join(path.name for path in FILES)}"


def test_every_module_is_excepted_from_the_gpl():
    modules = {LICENCE.format(name=path.name) for path in (ROOT / "plugins" / "modules").glob("*.py")}
    excepted = {line for line in FILES[0].read_text().splitlines() if "missing-gplv3-license" in line}
    assert excepted == modules, "Change this in each tests/sanity/ignore-*.txt:\n" + "\n".join(excepted ^ modules)
