"""What `make molecule` says last: the words of the command that failed, however much was told after it."""

import run_scenarios

FRAME = "  \x1b[2m\x1b[{colour}m└─ Return code: {code} ───\x1b[0m"
FAILED = ["  │ TASK [Look]", "  │ \x1b[31mfatal: [lab]: FAILED!\x1b[0m", FRAME.format(colour=31, code=2)]
CLEANED_UP = ["  │ TASK [Destroy]", FRAME.format(colour=32, code=0), *(f"line {number}" for number in range(80))]


def test_what_failed_is_cut_out_of_what_was_told():
    found = run_scenarios.excerpt("\n".join(["  │ before", *FAILED, *CLEANED_UP])).splitlines()
    assert found == ["  │ before", "  │ TASK [Look]", "  │ fatal: [lab]: FAILED!", "  └─ Return code: 2 ───"]


def test_without_a_command_that_failed_the_last_lines_are_told():
    assert run_scenarios.excerpt("\n".join(CLEANED_UP)).splitlines()[-1] == "line 79"


def test_an_excerpt_fits_a_screen_or_two():
    assert len(run_scenarios.excerpt("\n".join(["before"] * 500 + FAILED)).splitlines()) == 60
