"""What `make bench` makes of its measurements."""

import pytest

from bench.figures import Comparison, Crowd, Span, bytes_of, page


def start(ours, other=(4.0, 3.0, 20.0), bound=0.5):
    return Comparison("Start of a server", ours, other, "plain lab", bound)


def test_ratio_is_of_medians():
    assert start([1.0, 9.0, 2.0]).ratio == 0.5


@pytest.mark.parametrize(("ours", "kept"), [([2.0], True), ([2.1], False)])
def test_bound_is_kept_up_to_the_bound(ours, kept):
    assert start(ours).kept is kept


@pytest.mark.parametrize(
    ("text", "amount"),
    [("103.5MiB / 4GiB", 103.5 * 2**20), ("512KiB / 1GiB", 2**19), ("1.5GiB / 4GiB", 1.5 * 2**30), ("0B / 0B", 0)],
)
def test_docker_stats_are_read(text, amount):
    assert bytes_of(text) == amount


def test_memory_that_is_not_told_is_refused():
    with pytest.raises(ValueError, match="-- / --"):
        bytes_of("-- / --")


def test_page_shows_figures_ratio_and_bound():
    text = page([start([1.0, 2.0, 3.0])], [], "2 cores", "2026-01-31")
    line = next(line for line in text.splitlines() if line.startswith("| Start"))
    assert "2.00 s (1.00 to 3.00)" in line
    assert "plain lab: 4.00 s (3.00 to 20.00)" in line
    assert "**0.50**" in line
    assert "0.5, kept" in line
    assert "2026-01-31, on 2 cores" in text


def test_page_hides_no_missed_bound():
    text = page(
        [start([4.0])],
        [Crowd(30, ["ada: timeout", "bob: timeout"]), Span("A converge", 91, 90)],
        "2 cores",
        "2026-01-31",
    )
    assert "0.5, missed" in text
    assert "30 servers started at once: 2 failed; the first: ada: timeout" in text
    assert "A converge: 91 s (wanted, at most: 90 s, missed)" in text
