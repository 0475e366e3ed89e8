"""Messages that the documentation quotes are messages that people meet."""

import re


def test_what_a_page_is_quoted_with_stands_in_the_hub(root):
    text = (root / "docs/troubleshooting.md").read_text()
    table = text[text.index("| the page says |") :].split("\n\n")[0]
    told = [row.split("|")[1].strip() for row in table.splitlines()[2:]]
    # In brackets stands what people see where there is no message.
    quoted = [message for message in told if not message.startswith("(")]
    assert quoted
    source = " ".join(path.read_text() for path in (root / "files/hub/src/labhub").glob("*.py"))
    pieces = [piece.strip() for message in quoted for piece in re.split(r"\.\.\.|:", message) if piece.strip()]
    assert [piece for piece in pieces if piece not in source] == []
