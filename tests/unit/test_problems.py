"""_problems: one shape, the worst first, readable at 80 columns."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._problems import (
    Problem,
    as_dicts,
    at_least,
    error,
    render,
    warning,
)

MILD = warning("old", "image x", "it is old.", "./run.sh")
BAD = error("gone", "container y", "it is gone.\nlast line of its log", "docker compose up -d y")
NOTE = Problem("note", "info", "z", "so it is.", "Nothing to do.")


def test_the_worst_comes_first_in_what_modules_return():
    assert [found["code"] for found in as_dicts([NOTE, MILD, BAD])] == ["gone", "old", "note"]


def test_a_problem_survives_the_way_through_json():
    assert Problem(**BAD.as_dict()) == BAD


def test_an_unknown_severity_is_refused():
    with pytest.raises(ValueError, match="'fatal' is no severity; severities are error, warning, info"):
        Problem("x", "fatal", "s", "e", "r")


@pytest.mark.parametrize(
    ("severity", "codes"), [("error", ["gone"]), ("warning", ["old", "gone"]), ("info", ["note", "old", "gone"])]
)
def test_picking_by_severity_includes_what_is_worse(severity, codes):
    assert [found.code for found in at_least(severity, [NOTE, MILD, BAD])] == codes


def test_a_person_reads_what_was_seen_and_what_mends_it():
    assert render([MILD, BAD]).splitlines() == [
        "ERROR container y (gone)",
        "  it is gone.",
        "  last line of its log",
        "  Mend: docker compose up -d y",
        "",
        "WARNING image x (old)",
        "  it is old.",
        "  Mend: ./run.sh",
    ]


def test_lines_end_at_80_columns_but_no_path_is_torn():
    path = "/srv/a-very-long/" + "name-with-hyphens/" * 6
    lines = render([error("c", "s", "word " * 40 + path, f"rm {path}")]).splitlines()
    assert all(len(line) <= 80 or line.strip() == path for line in lines)
    assert sum(line.strip() == path for line in lines) == 2
