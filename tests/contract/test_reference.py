"""docs/reference says what roles and plugins say of themselves."""

import make_reference
import pytest

from .conftest import ROOT


@pytest.fixture(scope="module")
def pages():
    return make_reference.pages()


@pytest.mark.parametrize("name", ["roles.md", "modules.md", "filters.md"])
def test_the_reference_is_as_make_docs_writes_it(pages, name):
    assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == pages[name], "Type: make docs"


def test_nothing_else_lies_there(pages):
    assert sorted(path.name for path in (ROOT / "docs" / "reference").iterdir()) == sorted(pages)
