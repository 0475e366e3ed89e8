"""How tests press Ctrl-C."""

import subprocess
import sys

import pytest
from e2e.runs import press_ctrl_c

DEAF_ONCE = """
import signal, time

def lose_it(*_signal):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("lost", flush=True)

signal.signal(signal.SIGINT, lose_it)
print("runs", flush=True)
time.sleep(60)
"""


@pytest.fixture
def process():
    """A program that loses the first interrupt, as Python does when it arrives within one of its hooks."""
    command = [sys.executable, "-c", DEAF_ONCE]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as one:
        yield one
        one.kill()


def test_an_interrupt_that_was_lost_is_given_again(process):
    assert process.stdout.readline() == "runs\n"
    said = press_ctrl_c(process, patience=1)
    assert said.startswith("lost")
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode != 0
