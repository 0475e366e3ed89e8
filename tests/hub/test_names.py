# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The rule for user names."""

import posixpath
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labhub import names


@pytest.mark.parametrize("name", ["a", "alice", "a1", "anna-maria", "x-1-2", "a" * 32])
def test_names_that_people_can_have(name):
    assert names.refusal(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a.b", "a b", "a/b", "..", "a\n", "ä", "a\0", "a" * 33],
)
def test_names_that_break_the_rule(name):
    assert names.RULE in names.refusal(name)
    assert not names.may_have_account(name)


@pytest.mark.parametrize("name", ["root", "lab-probe", "lab-x"])
def test_names_kept_for_the_lab(name):
    assert names.RESERVED_RULE in names.refusal(name)


def test_of_the_reserved_names_only_the_probe_logs_in():
    assert [name for name in ("root", "lab-probe", "lab-x") if names.may_have_account(name)] == ["lab-probe"]


@given(st.text(max_size=40) | st.from_regex(names.PATTERN))
def test_a_name_that_is_accepted_stays_one_plain_component_everywhere(name):
    if names.may_have_account(name):
        assert posixpath.normpath(posixpath.join("/home", name)) == f"/home/{name}"
        assert posixpath.dirname(f"/home/{name}") == "/home"
        assert quote(name, safe="") == name == name.lower().strip()
        assert len(f"jupyter-{name}") <= 63
