"""_doctor_server: inodes, memory and clock."""

import time
from types import SimpleNamespace

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_server as server

TOTAL = {"total_mb": 24000, "swap_mb": 0, "swap_free_mb": 0}


@pytest.mark.parametrize(
    ("total", "free", "codes"),
    [
        (1000, 51, []),
        (1000, 49, ["inodes-nearly-full"]),
        (1000, 4, ["inodes-full"]),
        (0, 0, []),
    ],
)
def test_inodes_run_out(total, free, codes):
    found = server.inodes([{"path": "/srv", "total": total, "free": free}])
    assert [problem.code for problem in found] == codes


def test_a_file_system_is_counted_once_and_a_directory_that_is_not_there_never(tmp_path):
    (tmp_path / "home").mkdir()
    places = [str(tmp_path), str(tmp_path / "home"), str(tmp_path / "none"), ""]
    numbers = SimpleNamespace(f_files=10, f_favail=3)
    assert server.at_inodes(places, lambda _path: numbers) == [{"path": str(tmp_path), "total": 10, "free": 3}]


@pytest.mark.parametrize(
    ("total", "available", "codes"), [(24000, 1300, []), (24000, 1100, ["memory-low"]), (2000, 200, ["memory-low"])]
)
def test_memory_runs_out(total, available, codes):
    found = server.memory(TOTAL | {"total_mb": total, "available_mb": available})
    assert [problem.code for problem in found] == codes


def test_memory_is_read_from_the_kernel(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 24683520 kB\nMemAvailable: 2048 kB\nHugePages_Total: 0\n")
    assert server.at_memory(str(tmp_path)) == TOTAL | {"total_mb": 24105, "available_mb": 2}


def clock(**differs):
    return {"now": 1795554180.0, "ahead": None, "kept": True} | differs


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        (clock(), []),
        (clock(ahead=59.0), []),
        (clock(ahead=-61.0), ["clock-differs"]),
        (clock(now=0.0, ahead=-1795554180.0), ["clock-wrong"]),
        (clock(kept=False), []),
    ],
)
def test_a_clock_that_is_wrong(found, codes):
    assert [problem.code for problem in server.clock(found)] == codes


def test_which_way_the_clock_is_off():
    (problem,) = server.clock(clock(ahead=-120.0))
    assert "120 s behind" in problem.evidence


def test_what_cannot_be_known_of_a_clock_is_not_called_well():
    assert server.clock_told(clock())[0] == "2026-11-24 21:03 UTC, kept by a time service"
    assert server.clock_told(clock(kept=None, ahead=0.2))[0].endswith("as on the machine that asks")
    known, unknown = server.clock_told(clock(kept=False))
    assert (known, "nothing here tells whether that is right" in unknown) == ("", True)


def test_the_clock_is_compared_with_that_of_who_asks():
    found = server.at_clock(time.time() - 500)
    assert 499 < found["ahead"] < 510
    assert server.at_clock(0)["ahead"] is None
