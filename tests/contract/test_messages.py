"""What the documentation says that people meet is what they meet."""

import re

from labhub.postmortem import CAUSES


def test_every_cause_of_a_failed_server_is_explained_and_no_other(root):
    text = (root / "docs/troubleshooting.md").read_text()
    table = text[text.index("| `cause` |") :].split("\n\n")[0]
    explained = [cause for row in table.splitlines()[2:] for cause in re.findall("`(.+?)`", row.split("|")[1])]
    assert sorted(explained) == sorted(CAUSES)


def test_what_a_page_is_quoted_with_stands_in_the_hub(root):
    text = (root / "docs/troubleshooting.md").read_text()
    table = text[text.index("| what people see |") :].split("\n\n")[0]
    quoted = [message for row in table.splitlines()[2:] for message in re.findall(r"\*(.+?)\*", row.split("|")[1])]
    assert quoted
    source = " ".join(path.read_text() for path in (root / "files/hub/src/labhub").glob("*.py"))

    assert [message for message in quoted if message not in source] == []
