"""Every problem code that the lab can give is explained in docs/troubleshooting.md, and no other."""

import ast
import itertools
import re
from collections.abc import Iterator

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_layers, _gpu_kinds, _hub_ground

from .conftest import ROOT

MAKERS = ("Problem", "error", "warning")

# The one hole that a code has: the part of the stack that it is about.
PARTS = {_hub_ground.short(service) for service in _hub_ground.SERVICES}

SOURCES = sorted(
    path
    for folder in ("plugins", "files/hub/src/labhub")
    for path in (ROOT / folder).rglob("*.py")
    if path.name not in ("_problems.py", "_gpu_problems.py")
)


def makers(tree: ast.Module) -> set[str]:
    """Name what makes problems in a file: what it takes from `_problems`, and its own class `Layer`."""
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == "Layer"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known = alias.asname or alias.name
                if alias.name == "_problems":
                    names |= {f"{known}.{maker}" for maker in MAKERS}
                elif (node.module or "").endswith("_problems") and alias.name in MAKERS:
                    names.add(known)
    return names


def codes_in(text: str) -> set[str]:
    """Collect the codes of the problems that a file makes; a variable counts within its own function or class."""
    tree = ast.parse(text)
    names = makers(tree)
    return {
        code
        for scope in tree.body
        for node in ast.walk(scope)
        for expression in places(node, names)
        for code in texts(expression, scope)
    }


def places(node: ast.AST, names: set[str]) -> Iterator[ast.expr]:
    """Yield the expressions by which a node gives a problem its code."""
    if isinstance(node, ast.Call):
        function = node.func
        called = [function.body, function.orelse] if isinstance(function, ast.IfExp) else [function]
        if any(ast.unparse(one) in names for one in called):
            yield from node.args[:1]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
    if isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if {"code", "severity"} <= {*keys}:
            yield node.values[keys.index("code")]


def texts(expression: ast.expr, scope: ast.AST) -> set[str]:
    """Tell which texts an expression can be.

    :raises NotImplementedError: for a way of making a code that this test does not know; teach it here.
    """
    match expression:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return texts(one, scope) | texts(other, scope)
        case ast.JoinedStr(values=values):
            parts = [PARTS if isinstance(value, ast.FormattedValue) else {value.value} for value in values]
            return {"".join(combination) for combination in itertools.product(*parts)}
        case ast.Name(id=name):
            found = [texts(value, scope) for value in assigned(name, scope)]
            if found:
                return set.union(*found)
        case ast.Attribute(attr="code"):
            # Copied from a problem that was counted where it was made.
            return set()
    raise NotImplementedError(f"line {expression.lineno}: {ast.unparse(expression)}")


def assigned(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    """Yield what a variable of a function is set to, alone or as the first of several."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                elif isinstance(target, ast.Tuple) and ast.unparse(target.elts[0]) == name:
                    yield from (row.elts[0] for row in rows(node.value))


def rows(expression: ast.expr) -> Iterator[ast.Tuple]:
    """Yield the tuples that an expression can be: one, or what a table of them holds, `{...}.get(key, other)`."""
    match expression:
        case ast.Tuple():
            yield expression
        case ast.Call(func=ast.Attribute(value=ast.Dict(values=values), attr="get"), args=[_key, other]):
            for value in (*values, other):
                yield from rows(value)
        case _:
            raise NotImplementedError(f"line {expression.lineno}: {ast.unparse(expression)}")


def explained(page: str) -> list[str]:
    """List what stands in the first columns of a page's tables of codes."""
    tables = re.findall(r"^\| code \|.*\n\| --- .*\n((?:\|.*\n?)+)", page, re.M)
    return [code for table in tables for row in table.splitlines() for code in re.findall("`(.+?)`", row.split("|")[1])]


@pytest.fixture(scope="module")
def given() -> set[str]:
    """The codes that the lab can give."""
    found = {code for path in SOURCES for code in codes_in(path.read_text(encoding="utf-8"))}
    # Those of GPUs are in one table, and are refused where they are not in it.
    return found | _gpu_kinds.KINDS.keys()


@pytest.fixture(scope="module")
def documented() -> set[str]:
    """The codes that the documentation explains."""
    return set(explained((ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")))


def test_every_code_is_explained(given, documented):
    assert sorted(given - documented) == []


def test_no_code_is_explained_that_cannot_be_given(given, documented):
    assert sorted(documented - given) == []


def test_whatever_the_doctor_may_say_has_its_layer():
    names = ("_hub_diagnosis.py", "_hub_ground.py", "_hub_failures.py", "_doctor_")
    files = [path for path in SOURCES if path.name.startswith(names)]
    codes = {code for path in files for code in codes_in(path.read_text(encoding="utf-8"))}
    assert len(codes) > 60
    assert {_doctor_layers.layer_of(code) for code in codes} <= set(_doctor_layers.LAYERS)


def test_codes_are_words_with_hyphens_and_those_of_gpus_with_underscores(given):
    gpus = _gpu_kinds.KINDS.keys()
    assert [code for code in sorted(given - gpus) if not re.fullmatch(r"[a-z]+(-[a-z]+)+", code)] == []
    assert [code for code in sorted(gpus) if not re.fullmatch(r"[a-z]+(_[a-z]+)+", code)] == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        pytest.param("error('a-b', 'subject')", {"a-b"}, id="by place"),
        pytest.param("warning(code='a-b')", {"a-b"}, id="by name"),
        pytest.param("(error if x else warning)('a' if x else 'b')", {"a", "b"}, id="one of two"),
        pytest.param("error(f'{name}-down')", {"hub-down", "proxy-down"}, id="for each part"),
        pytest.param("def f():\n code, _ = {1: ('a', 2)}.get(x, ('b', 3))\n error(code)", {"a", "b"}, id="table"),
        pytest.param("def f():\n code = 'a'\n error(code)\ndef g():\n code = 'b'\n print(code)", {"a"}, id="own scope"),
        pytest.param("x = {'code': 'a-b', 'severity': 'error'}", {"a-b"}, id="dictionary"),
        pytest.param("class Layer: ...\nDOOR = Layer('a-b', 'remedy')", {"a-b"}, id="layer"),
        pytest.param("log.error('no code')\nx = {'code': 'none'}", set(), id="something else"),
    ],
)
def test_codes_are_found_however_they_are_made(text, codes):
    assert codes_in(f"from ._problems import error, warning\n{text}\n") == codes


def test_a_code_that_nobody_can_foresee_is_an_error():
    with pytest.raises(NotImplementedError, match=r"line 2: input\(\)"):
        codes_in("from ._problems import error\nerror(input())")
