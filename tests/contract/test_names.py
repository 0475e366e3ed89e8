"""Facts that two parts must hold in common, as neither may import the other."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _lab_rules
from hypothesis import given
from hypothesis import strategies as st
from labhub import names

CASES = [
    "ada",
    "ada-l2",
    "Ada",
    "a_b",
    "a--b",
    "-a",
    "a-",
    "1a",
    "a" * 32,
    "a" * 33,
    "root",
    "lab-probe",
    "",
    "../etc",
]


@pytest.mark.parametrize("name", CASES)
def test_ansible_and_the_hub_agree_on_user_names(name):
    assert (_lab_rules.user_name(name) is None) == (names.refusal(name) is None)


@given(st.text(alphabet="ab1-_./Z\n", max_size=36))
def test_they_agree_on_any_name(name):
    assert (_lab_rules.user_name(name) is None) == (names.refusal(name) is None)
