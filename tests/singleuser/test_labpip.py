"""labpip: plain pip in a folder that all users share, on the pip that the image pins."""

import fcntl
import shutil
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest
from singleuser.labpip_bench import Bench, make_python, write_wheel


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    made = make_python(tmp_path_factory.mktemp("lab"))
    own = write_wheel(tmp_path_factory.mktemp("wheels"), "labs", "5.0")
    shutil.unpack_archive(own, next(made.parents[1].glob("lib/python*/site-packages")), "zip")
    return made


@pytest.fixture
def bench(python, tmp_path):
    bench = Bench(python, tmp_path)
    bench.wheel("tool", "1.0", scripts=["tool"])
    bench.wheel("tool", "2.0", scripts=["tool"])
    return bench


def test_install_upgrade_older_and_uninstall(bench):
    bench.pip("install", "tool==1.0")
    assert "already satisfied" in bench.pip("install", "tool")
    for arguments, release in ((["-U", "tool"], "2.0"), (["tool==1.0"], "1.0"), (["tool==2.0"], "2.0")):
        assert "pyvenv.cfg" not in bench.pip("install", *arguments)
        assert bench.release("tool") == release
        assert bench.described("tool") == [f"tool-{release}.dist-info"]
    assert "tool==2.0" in bench.pip("freeze").splitlines()
    assert f"Location: {bench.packages}" in bench.pip("show", "tool")
    assert "Successfully uninstalled tool-2.0" in bench.pip("uninstall", "-y", "tool")
    assert "No module named 'tool'" in bench.release("tool")
    assert [path.name for path in bench.packages.iterdir() if path.name != "bin"] == [".pip.lock"]


def test_a_script_runs_on_the_labs_python_and_follows_the_release(bench):
    for release in ("1.0", "2.0"):
        bench.pip("install", f"tool=={release}")
        script = bench.packages / "bin/tool"
        assert script.read_text().splitlines()[0] == f"#!{bench.python}"
        assert subprocess.check_output([script], env=bench.environment, text=True) == f"tool {release}\n"


def test_what_is_installed_counts_for_what_is_asked_next(bench):
    bench.wheel("user", "1.0", requires=["tool<2", "labs>=5"])
    bench.pip("install", "tool==1.0")
    said = bench.pip("install", "user")
    assert "Successfully installed user-1.0\n" in said
    assert "user 1.0 requires tool<2, but you have tool 2.0" in bench.pip("install", "-U", "tool").replace("\n", " ")
    assert "user 1.0" in bench.pip("check", status=1)


def test_what_the_lab_has_stays_and_can_be_had_back(bench):
    bench.wheel("labs", "4.0")
    said = bench.pip("install", "labs==4.0")
    assert "all users now have labs 4.0, not the lab's own 5.0" in said
    assert "pip uninstall labs" in said
    assert bench.release("labs") == "4.0"
    bench.pip("uninstall", "-y", "labs")
    assert bench.release("labs") == "5.0"
    assert "Can't uninstall" in bench.pip("uninstall", "-y", "labs")
    assert bench.release("labs") == "5.0"


def test_pip_itself_is_the_labs_and_stays_so(bench):
    bench.wheel("pip", "99.0")
    assert "already satisfied" in bench.pip("install", "-U", "pip")
    assert "conflict" in bench.pip("install", "pip==99.0", status=1)
    assert not list(bench.packages.glob("pip*"))


def test_nothing_in_the_folder_runs_in_pip(bench):
    for name in ("sitecustomize", "json", "typing", "logging", "_distutils_hack"):
        (bench.packages / f"{name}.py").write_text("import os\nos._exit(7)\n")
    (bench.packages / "pip.conf").write_text("[global]\nfind-links = /nowhere\n")
    (bench.packages / "pip").mkdir()
    (bench.packages / "pip/__init__.py").write_text("import os\nos._exit(7)\n")
    bench.pip("install", "tool")
    bench.pip("uninstall", "-y", "tool")
    assert "/nowhere" not in bench.pip("config", "list")


def test_data_headers_and_builds_land_in_the_folder(bench):
    files = {
        "both/__init__.py": "RELEASE = '1.0'\n",
        "both-1.0.data/headers/both.h": "//\n",
        "both-1.0.data/data/share/both.txt": "text\n",
        "both-1.0.data/scripts/both": "#!python\nprint('both')\n",
    }
    bench.wheel("both", "1.0", files=files)
    bench.pip("install", "both")
    assert (bench.packages / "include/both/both.h").exists()
    assert (bench.packages / "share/both.txt").exists()
    assert (bench.packages / "bin/both").read_text().startswith(f"#!{bench.python}\n")


def test_two_at_once_both_get_what_they_ask_for(bench):
    for number in range(2):
        bench.wheel(f"only{number}", "1.0", requires=["tool"])
    options = {"env": bench.environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    # A third one is at work until both have come to wait, so that they do meet.
    with (bench.packages / ".pip.lock").open("w") as third:
        fcntl.flock(third, fcntl.LOCK_EX)
        started = [subprocess.Popen(bench.command("install", f"only{number}"), **options) for number in range(2)]
        waiting = [next((line for line in process.stdout if "waiting for it" in line), None) for process in started]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert all(waiting), said
    assert [bench.release(name) for name in ("only0", "only1", "tool")] == ["1.0", "1.0", "2.0"]


def test_what_pip_with_a_target_left_is_told_apart_by_the_code_that_is_there(bench):
    bench.pip("install", "tool==1.0")
    stale = bench.packages / "tool-2.0.dist-info"
    with zipfile.ZipFile(bench.wheels / "tool-2.0-py3-none-any.whl") as archive:
        archive.extractall(bench.packages, [name for name in archive.namelist() if name.startswith(stale.name)])
    assert "the code that lies there is that of tool-1.0" in bench.pip("install", "-U", "tool")
    assert (bench.release("tool"), bench.described("tool")) == ("2.0", ["tool-2.0.dist-info"])


def test_an_installation_that_was_killed_can_be_done_again(bench):
    bench.pip("install", "tool==1.0")
    (bench.packages / "tool-1.0.dist-info/RECORD").unlink()
    (bench.packages / "~ool").mkdir()
    assert "did not come to its end" in bench.pip("install", "tool==2.0")
    assert (bench.release("tool"), bench.described("tool")) == ("2.0", ["tool-2.0.dist-info"])
    assert not (bench.packages / "~ool").exists()


MEND_AND_TELL_WHAT_IT_OPENS = """import sys
from pathlib import Path
from labpip.mend import mend
sys.addaudithook(lambda event, values: print(values[0]) if event == "open" else None)
mend(Path(sys.argv[1]))
"""


def test_code_is_read_only_where_two_descriptions_claim_it(bench):
    bench.pip("install", "tool==1.0")
    command = [bench.python, "-I", "-c", MEND_AND_TELL_WHAT_IT_OPENS, bench.packages]
    code = str(bench.packages / "tool/__init__.py")
    assert code not in subprocess.check_output(command, text=True).splitlines()
    shutil.copytree(bench.packages / "tool-1.0.dist-info", bench.packages / "tool-0.9.dist-info")
    assert code in subprocess.check_output(command, text=True).splitlines()


@pytest.fixture
def large(bench):
    """A package of so many files that it takes a while to install, in two releases."""
    modules = {f"large/m{number:04}.py": f"NUMBER = {number}\n" for number in range(2000)}
    for version in ("1.0", "2.0"):
        release = {"large/__init__.py": f"RELEASE = '{version}'\n"}
        bench.wheel("large", version, files=release | modules, scripts=["large"])
    return "large"


@pytest.mark.parametrize("before", [None, "1.0"])
def test_ctrl_c_while_pip_installs_leaves_what_was_there(bench, large, before):
    if before:
        bench.pip("install", f"{large}=={before}")
    options = {"env": bench.environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(bench.command("install", f"{large}==2.0"), **options) as pip:
        while not (bench.packages / large / "m0100.py").exists() or bench.described(large):
            assert pip.poll() is None, pip.stdout.read()
        pip.send_signal(signal.SIGINT)
        assert "Interrupted: what was being installed is not" in pip.stdout.read()
    assert pip.returncode == 1
    if before:
        assert (bench.release(large), bench.described(large)) == (before, [f"{large}-{before}.dist-info"])
    else:
        assert [path.name for path in bench.packages.rglob("*") if path.is_file()] == [".pip.lock"]
        assert not (bench.packages / large).exists()
    assert "waiting" not in bench.pip("install", f"{large}==2.0")
    assert bench.release(large) == "2.0"


def test_an_installation_that_fails_leaves_nothing_of_its_own(bench, large):
    theirs = bench.packages / large / "m1999.py"
    theirs.mkdir(parents=True)
    assert "Is a directory" in bench.pip("install", large, status=1)
    assert list((bench.packages / large).iterdir()) == [theirs]
    assert bench.described(large) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["install", "no-such-package"], {}, "pip index versions"),
        (["install", "--user", "tool"], {}, "There is no --user here"),
        (["install", "-e", "."], {}, "works in an environment of your own only"),
    ],
)
def test_what_cannot_be_is_told_with_what_to_do(bench, arguments, environment, words):
    assert words in bench.pip(*arguments, status=1, **environment)
    assert not list(bench.packages.glob("*.dist-info"))


def test_a_lab_without_shared_packages_shows_the_way_to_a_venv(bench):
    bench.packages = Path("/nowhere")
    said = bench.pip("install", "tool", status=1)
    assert "This lab has no shared packages" in said
    assert "python -m venv ~/venv" in said


def test_a_lock_that_cannot_be_opened_is_told_with_the_mend(bench):
    lock = bench.packages / ".pip.lock"
    lock.symlink_to("/nowhere")
    said = bench.pip("install", "tool", status=1)
    assert said.startswith(f"ERROR: {lock} cannot be opened: ")
    assert f"rm {lock}" in said
    assert "Traceback" not in said
    assert lock.is_symlink()


def test_what_others_may_mend_is_theirs_to_write(bench):
    bench.pip("install", "tool")
    closed = [path for path in bench.packages.rglob("*") if not path.stat().st_mode & 0o020]
    assert not closed
