"""file_tree: what is missing or wrong is made right, once; nothing else is touched."""

import json
import os
import resource
import subprocess
import sys

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.modules import file_tree

ME = {"uid": os.getuid(), "gid": os.getgid()}


@pytest.fixture
def converge(capsys):
    """Run the module as Ansible does, and return its result."""

    def run(*entries, check=False):
        arguments = {"entries": [ME | entry for entry in entries], "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            file_tree.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def tree(tmp_path):
    """Entries of each kind below a directory that is not there yet."""
    top = tmp_path / "lab"
    return [
        {"path": str(top), "mode": "0755"},
        {"path": str(top), "names": ["a", "b"], "mode": "2770"},
        {"path": str(top / "secret"), "state": "secret", "mode": "0600"},
        {"path": str(top / "file"), "state": "file", "mode": "0644", "content": "one\n"},
    ]


def test_a_tree_is_made_once(converge, tree, tmp_path):
    first, second = converge(*tree), converge(*tree)
    assert len(first["paths"]) == 5
    assert (second["changed"], second["paths"]) == (False, [])
    assert first["digests"] == second["digests"]
    assert (tmp_path / "lab/a").stat().st_mode & 0o7777 == 0o2770
    assert len((tmp_path / "lab/secret").read_text().strip()) == 64


def test_check_mode_tells_all_and_touches_nothing(converge, tree, tmp_path):
    result = converge(*tree, check=True)
    assert result["changed"]
    assert len(result["paths"]) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("drift", ["mode", "content", "gone", "emptied secret"])
def test_drift_is_named_and_put_right(converge, tree, tmp_path, drift):
    converge(*tree)
    top = tmp_path / "lab"
    drifted = {
        "mode": top / "a",
        "content": top / "file",
        "gone": top / "file",
        "emptied secret": top / "secret",
    }[drift]
    {
        "mode": lambda: drifted.chmod(0o777),
        "content": lambda: drifted.write_text("two\n"),
        "gone": drifted.unlink,
        "emptied secret": lambda: drifted.write_text(""),
    }[drift]()
    assert converge(*tree, check=True)["paths"] == [str(drifted)]
    assert converge(*tree)["paths"] == [str(drifted)]
    assert not converge(*tree)["changed"]


def test_a_secret_is_never_shown_nor_changed(converge, tree, tmp_path):
    converge(*tree)
    secret = (tmp_path / "lab/secret").read_text()
    (tmp_path / "lab/secret").chmod(0o644)
    result = converge(*tree)
    assert (tmp_path / "lab/secret").read_text() == secret
    assert secret.strip() not in json.dumps(result)


def test_a_file_in_the_way_stays_and_is_told(converge, tree, tmp_path):
    (tmp_path / "lab").write_text("mine")
    result = converge(*tree)
    assert result["failed"]
    assert f"{tmp_path / 'lab'} is a file, where a directory belongs" in result["msg"]
    assert (tmp_path / "lab").read_text() == "mine"


def test_a_refused_file_changes_nothing_at_all(converge, tree, tmp_path):
    converge(*tree)
    refusing = tree[3] | {"content": "two\n", "validate": ["grep", "-q", "three", "{path}"]}
    result = converge({"path": str(tmp_path / "lab/new"), "mode": "0755"}, refusing)
    assert result["failed"]
    assert "would not work, so it stays as it is. grep says" in result["msg"]
    assert (tmp_path / "lab/file").read_text() == "one\n"
    assert not (tmp_path / "lab/new").exists()


def test_files_of_the_server_come_first(converge, tmp_path):
    (tmp_path / "system.pem").write_text("system\n")
    entry = {"path": str(tmp_path / "all.pem"), "state": "file", "mode": "0644"}
    converge(entry | {"after": [str(tmp_path / "system.pem")], "content": "extra\n"})
    assert (tmp_path / "all.pem").read_text() == "system\nextra\n"


def test_the_digest_follows_content_alone(converge, tree):
    before = converge(*tree)
    after = converge(*tree[:3], tree[3] | {"content": "two\n"})
    changed = {path for path, digest in after["digests"].items() if before["digests"][path] != digest}
    assert changed == {tree[3]["path"]}


def test_a_diff_names_what_nobody_would_read(converge, tmp_path):
    entry = {"path": str(tmp_path / "bundle.pem"), "state": "file", "mode": "0644", "content": "x" * 60_000}
    (part,) = converge(entry)["diff"]
    assert "(60000 characters, SHA-256 " in part["after"]
    assert len(part["after"]) < 300


# --- What a file held before ---


def test_a_file_that_is_written_anew_leaves_what_it_held(converge, tree, tmp_path):
    converge(*tree)
    tree[-1] |= {"content": "two\n", "keep_previous": True}
    result = converge(*tree)
    former = tmp_path / "lab/file.previous"
    assert result["previous"] == {str(tmp_path / "lab/file"): str(former)}
    assert former.read_text() == "one\n"
    assert former.stat().st_mode & 0o7777 == 0o644
    assert converge(*tree)["previous"] == {}


def test_a_new_file_or_another_mode_has_nothing_before_it(converge, tree, tmp_path):
    tree[-1] |= {"keep_previous": True}
    assert converge(*tree)["previous"] == {}
    (tmp_path / "lab/file").chmod(0o600)
    assert converge(*tree)["previous"] == {}
    assert not (tmp_path / "lab/file.previous").exists()


def test_a_file_that_does_not_fit_is_named_and_leaves_the_old_one(converge, tree, tmp_path):
    converge(*tree)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        result = converge(*tree[:3], tree[3] | {"content": "x" * 8192})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result["msg"] == f"{tmp_path / 'lab/file'}: File too large."
    assert (tmp_path / "lab/file").read_text() == "one\n"
    assert sorted(path.name for path in (tmp_path / "lab").iterdir()) == ["a", "b", "file", "secret"]


def test_a_file_system_on_which_root_may_not_is_told_with_what_to_type_there(tmp_path):
    (tmp_path / "home").mkdir(mode=0o711)
    os.chown(tmp_path / "home", 4242, 4242)
    entry = {"path": str(tmp_path / "home"), "mode": "0711", "uid": 0, "gid": 0}
    module = [sys.executable, "-m", file_tree.__name__]
    # Root as a file server that does not trust it sees it: without the right to give things away.
    done = subprocess.run(
        ["setpriv", "--bounding-set=-chown", *module],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"entries": [entry]}}),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)["msg"]
    assert (
        f"{tmp_path}/home: Operation not permitted. Root may not change that here, as on NFS with root_squash" in told
    )
    assert f"chown 0:0 and chmod 0711 {tmp_path}/home" in told
