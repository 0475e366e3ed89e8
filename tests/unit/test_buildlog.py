"""What a build says while it runs, and what it failed at, from logs that BuildKit and mmdebstrap really wrote."""

from pathlib import Path

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._buildlog import BootstrapLog, BuildLog

LOGS = Path(__file__).parent / "build_logs"

TWO_STAGES_AT_ONCE = """\
#0 building with "default" instance using docker driver

#7 [builder 3/6] COPY requirements.txt /build/
#7 CACHED

#8 [stage-1 2/8] RUN --mount=type=secret,id=ca     set -eu; apt="apt-get -qy -o A::b=/c"; $apt install git
#8 0.410 Reading package lists...
#8 ...

#9 [builder 4/6] RUN --mount=type=secret,id=pip     PIP_CONFIG_FILE=/run/secrets/pip pip install jupyterlab
#9 0.537 Collecting jupyterlab
"""


def read(story, text, seconds_a_line=1.0):
    for number, line in enumerate(text.splitlines()):
        story.feed(line, number * seconds_a_line)
    return story


@pytest.fixture
def two_stages():
    return read(BuildLog(), TWO_STAGES_AT_ONCE)


def test_of_two_steps_at_once_the_older_one_is_told(two_stages):
    assert two_stages.progress(now=47.0) == "step 2 of 8, RUN $apt install git, 42 s"


def test_the_other_one_is_told_when_the_first_is_done(two_stages):
    two_stages.feed("#8 DONE 16.9s", 48.0)
    assert two_stages.progress(now=49.0) == "builder: step 4 of 6, RUN pip install jupyterlab, 40 s"


def test_a_repeated_header_is_no_new_step(two_stages):
    two_stages.feed("#8 DONE 16.9s", 48.0)
    two_stages.feed("#9 [builder 4/6] RUN --mount=type=secret,id=pip     PIP_CONFIG_FILE=/run/secrets/pip pip", 50.0)
    assert two_stages.progress(now=60.0).endswith(", 51 s")


def test_between_two_steps_the_last_one_is_told(two_stages):
    two_stages.feed("#8 DONE 16.9s", 48.0)
    two_stages.feed("#9 DONE 36.0s", 49.0)
    assert two_stages.progress(now=50.0) == "builder: step 4 of 6 done, copying what it made"


def test_a_build_that_has_said_nothing_yet_is_starting():
    assert BuildLog().progress(now=3.0) == "starting"


def test_a_long_instruction_is_cut():
    told = read(BuildLog(), f"#5 [2/3] RUN {'x' * 100}").progress(now=0.0)
    assert told == f"step 2 of 3, RUN {'x' * 53}..., 0 s"


@pytest.mark.parametrize(
    ("log", "step", "last"),
    [
        ("no_such_python_package", "step 5 of 8, RUN ", "No matching distribution found for no-such-thing-xyzzy==1"),
        ("no_network", "step 5 of 8, RUN /opt/lab/bin/python -m pip", "No matching distribution found for colorama"),
        ("no_registry", "load metadata for registry.example/library/debian:trixie-slim", "no such host"),
        ("no_such_debian_package", "step 3 of 8, RUN $apt update", "Unable to locate package no-such-deb"),
    ],
)
def test_the_step_that_failed_and_its_last_words(log, step, last):
    story = read(BuildLog(), (LOGS / f"{log}.log").read_text())
    assert story.failed_step.startswith(step)
    assert any(last in line for line in story.last_lines(2))


def test_only_the_failed_steps_own_lines_are_told():
    story = read(BuildLog(), (LOGS / "no_such_debian_package.log").read_text())
    assert story.last_lines(2) == ["E: Unable to locate package no-such-deb", "exit code: 123"]


def test_a_build_that_failed_before_its_first_step_tells_what_it_printed():
    story = read(BuildLog(), "ERROR: Cannot connect to the Docker daemon\n\n")
    assert (story.failed_step, story.last_lines(20)) == ("", ["ERROR: Cannot connect to the Docker daemon"])


def test_the_phase_of_a_bootstrap():
    story = read(BootstrapLog(), "I: automatically chosen mode: root\nI: extracting archives...\nabc")
    assert story.progress(now=13.0) == "extracting archives, 12 s"


def test_a_bootstrap_failed_in_the_phase_of_its_first_error():
    story = read(BootstrapLog(), (LOGS / "bootstrap_without_network.log").read_text())
    assert story.failed_step == "running apt-get update"
    assert story.last_lines(1) == ["E: mmdebstrap failed to run"]
