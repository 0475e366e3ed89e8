"""Parts of the site by themselves, and a server beside others that fail."""

import pytest

MORE = """\
lab_servers:
  hosts:
    gone: {ansible_host: 127.0.0.1, ansible_port: 1}
    unfit: {ansible_host: lab, hub_stack_port: 99999}
"""


@pytest.fixture
def more(tmp_path):
    """Two servers more: one that nobody reaches, one that is set up wrongly."""
    path = tmp_path / "more.yml"
    path.write_text(MORE)
    return f"--inventory={path}"


def test_a_part_alone_puts_right_what_is_its_own(lab, converge):
    lab.check_output("rm /etc/docker/daemon.json && chmod 0777 /srv/jupyterhub/config")
    for tag, changes in {"users": 0, "verify": 0, "images": 0, "hub": 1, "engine": 1}.items():
        done = converge("--tags", tag)
        assert (done.code, done.changes["lab"]) == (0, changes), done.said
    done = converge()
    assert (done.code, done.changes["lab"]) == (0, 0), done.said


def test_servers_that_fail_do_not_stop_the_others(converge, more):
    done = converge(more)
    assert done.code != 0
    assert "unreachable=1" in done.recap["gone"]
    assert "failed=1" in done.recap["unfit"]
    assert "hub_stack_port" in done.said
    assert (done.changes["lab"], "The lab is up" in done.said) == (0, True), done.said


def test_one_server_alone_asks_nothing_of_the_others(converge, more):
    done = converge(more, "--limit=lab")
    assert (done.code, list(done.recap), done.changes["lab"]) == (0, ["lab"], 0), done.said
