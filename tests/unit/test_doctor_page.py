"""_doctor_page: what a tired person reads, at 80 columns; and the same as files."""

import json
import stat
import tarfile

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_files as files
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_page as page
from hypothesis import given
from hypothesis import strategies as st

NOW = 1795554180.0
CHECKS = [
    {"layer": "engine", "state": "ok", "words": "Docker 26.1.5, Compose 2.26.1"},
    {"layer": "hub", "state": "error", "words": "hub-down"},
    {"layer": "clock", "state": "unknown", "words": "nobody knows"},
]
DOWN = {
    "code": "hub-down",
    "severity": "error",
    "subject": "container jupyterhub-jupyterhub-1",
    "evidence": "it ended with exit code 1. The end of its log:\n" + "\n".join(f"line {n}" for n in range(1, 9)),
    "remedy": "docker compose -f /srv/jupyterhub/compose.yml up -d jupyterhub; if it ends again, its log tells why.",
    "layer": "hub",
    "since": "2026-11-24 20:03 UTC",
    "since_seconds": NOW - 3600,
}
ILL = {"healthy": False, "problems": [DOWN], "checks": CHECKS}
WELL = {"healthy": True, "problems": [], "checks": CHECKS[:1]}
LOST = {"msg": "Failed to connect to the host via ssh: No route to host"}

EXPECTED = """\
The lab, 2026-11-24 21:03 UTC, 3 servers: 1 server could not be examined, 1
error.

== lab1 ========================================================================
ERROR container jupyterhub-jupyterhub-1 (hub-down)
  it ended with exit code 1. The end of its log:
    ... 3 lines more in the report as JSON
    line 4
    line 5
    line 6
    line 7
    line 8
  Since: 2026-11-24 20:03 UTC (1 hour ago)
  Mend:  docker compose -f /srv/jupyterhub/compose.yml up -d jupyterhub; if it
         ends again, its log tells why.

  engine        Docker 26.1.5, Compose 2.26.1
  hub           ERROR hub-down
  clock         not known: nobody knows

== lab2 ========================================================================
  engine        Docker 26.1.5, Compose 2.26.1

== lab3 ========================================================================
ERROR this server could not be examined
  Failed to connect to the host via ssh: No route to host
  Mend:  ansible lab3 -m ansible.builtin.ping, with the same inventory

Nothing was changed."""


def test_the_page_says_what_is_wrong_since_when_and_what_to_type():
    assert page.page({"lab1": ILL, "lab2": WELL, "lab3": LOST}, NOW) == EXPECTED


def test_a_lab_that_is_well_is_said_to_be_in_the_first_line():
    text = page.page({"lab1": WELL}, NOW)
    assert text.splitlines()[0] == "The lab, 2026-11-24 21:03 UTC, 1 server: Everything is well."


@pytest.mark.parametrize(
    ("number", "full", "rest"), [(4, 4, ""), (5, 3, "... and 2 more of hub-down: server 4, server 5")]
)
def test_many_of_a_kind_do_not_fill_the_page(number, full, rest):
    problems = [DOWN | {"subject": f"server {n}"} for n in range(1, number + 1)]
    text = page.page({"lab1": ILL | {"problems": problems}}, NOW)
    assert text.count("ERROR server ") == full
    assert rest in text
    assert "more of" not in text or rest


@pytest.mark.parametrize(
    ("reports", "well"),
    [({"a": WELL}, True), ({"a": WELL, "b": ILL}, False), ({"a": WELL, "b": LOST}, False), ({}, True)],
)
def test_all_is_well_only_where_every_server_was_seen_to_be(reports, well):
    assert page.all_well(reports) is well


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (-5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (200_000, "2 days ago")],
)
def test_how_long_ago_is_said_as_people_say_it(seconds, words):
    assert page._ago(seconds) == words


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40)
TEXTS = st.lists(st.lists(WORDS, max_size=20).map(" ".join), min_size=1, max_size=9).map("\n".join)


@given(evidence=TEXTS, remedy=TEXTS, subject=TEXTS)
def test_no_line_is_wider_than_a_terminal_unless_one_word_is(evidence, remedy, subject):
    problem = DOWN | {"evidence": evidence, "remedy": remedy, "subject": subject.replace("\n", " ")}
    text = page.page({"lab1": ILL | {"problems": [problem]}}, NOW)
    assert max(map(len, text.splitlines())) <= 80


@given(msg=TEXTS)
def test_whatever_ansible_says_of_a_lost_server_fits(msg):
    assert max(map(len, page.page({"lab3": {"msg": msg}}, NOW).splitlines())) <= 80


def test_the_same_as_json(tmp_path):
    path = tmp_path / "lab.json"
    path.write_text("what was before")
    assert files.write_json(str(path), {"lab1": ILL | {"evidence": {"x": "y"}}, "lab3": LOST}, NOW) == [
        f"JSON:   {path}"
    ]
    report = json.loads(path.read_text())
    assert (report["examined"], report["healthy"]) == ("2026-11-24T21:03:00Z", False)
    assert report["verdict"] == "1 server could not be examined, 1 error."
    assert report["hosts"]["lab1"] == {"examined": True, **ILL}
    assert report["hosts"]["lab3"]["msg"] == LOST["msg"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["lab.json"]


def test_a_bundle_holds_page_report_and_each_servers_texts(tmp_path):
    reports = {"../lab 1": ILL | {"evidence": {"compose.yml": "name: jupyterhub\n"}}, "lab3": LOST}
    (line,) = files.write_bundle(str(tmp_path), reports, "the page", NOW)
    path = tmp_path / "lab-doctor-20261124T210300Z.tar.gz"
    assert line == f"Bundle: {path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        top = "lab-doctor-20261124T210300Z"
        assert archive.getnames() == [f"{top}/page.txt", f"{top}/report.json", f"{top}/_lab_1/compose.yml"]
        assert archive.extractfile(f"{top}/_lab_1/compose.yml").read() == b"name: jupyterhub\n"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "lab.json").mkdir()
    with pytest.raises(OSError, match=r"lab\.json"):
        files.write_json(str(tmp_path / "lab.json"), {}, NOW)
    assert [entry.name for entry in tmp_path.iterdir()] == ["lab.json"]
