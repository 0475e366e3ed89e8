"""Facts that two parts must hold in common, as neither may import the other."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_rules, _name_rules
from hypothesis import given
from hypothesis import strategies as st
from labhub import gpus, names

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
    assert (_name_rules.user_name(name) is None) == (names.refusal(name) is None)


@given(st.text(alphabet="ab1-_./Z\n", max_size=36))
def test_they_agree_on_any_name(name):
    assert (_name_rules.user_name(name) is None) == (names.refusal(name) is None)


GPUS = st.sampled_from(
    [
        "GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952",
        "MIG-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952",
        "GPU-8F5A1C0E-2b7d-4c63-9a41-d0e6b7f3a952",
        "GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952\n",
        "GPU-8f5a1c0e",
        "0",
        "all",
        0,
    ]
)


@given(GPUS | st.none() | st.lists(GPUS, max_size=3))
def test_they_agree_on_what_can_be_given_of_gpus(given_away):
    rule = {"users": ["ada"], "gpus": given_away}
    assert (list(_gpu_rules.gpu_access([rule])) == []) == (gpus.problem(rule) is None)
