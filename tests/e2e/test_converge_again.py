"""The same playbook again: nothing to do, nothing to tell."""

from e2e.runs import run_sh


def test_a_second_run_changes_nothing_and_says_where_the_lab_is(lab):
    run = run_sh()
    assert run.code == 0, run.output
    assert run.recap["changed"] == 0, run.output
    assert "http://127.0.0.1:8000" in run.output
    assert f"{lab.data_root}/secrets/admin_password" in run.output


def test_a_check_of_a_converged_lab_has_nothing_to_tell():
    run = run_sh("site", "--check", "--diff")
    assert run.code == 0, run.output
    assert run.recap["changed"] == 0, run.output
