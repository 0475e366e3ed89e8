# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Who gets which GPUs: rules, a choice among what is allowed, and what Docker is asked for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labhub import gpus
from labhub.gpus import ALL, NONE, Allowed

ONE, TWO = "GPU-8f5a1c0e-2b7d-4c63-9a41-d0e6b7f3a952", "GPU-17c94e6b-5d20-4f8e-b3a6-6c1f0d92e845"
SLICE = "MIG-0d2c1b3a-4e5f-5a6b-8c7d-9e0f1a2b3c4d"
RULES = [
    {"users": ["ada"], "gpus": [ONE]},
    {"groups": ["vision", "staff"], "gpus": [ONE, TWO], "choice": True},
    {"users": ["bob"], "groups": ["guests"], "gpus": []},
    {"users": [], "gpus": "all"},
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ALLOWED = st.builds(
    Allowed,
    st.sampled_from([(), (ALL,), (ONE,), (ONE, TWO), (SLICE, TWO)]),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("user", "groups", "allowed"),
    [
        ("ada", [], Allowed((ONE,))),
        # The first rule counts, and no other adds to it.
        ("ada", ["staff"], Allowed((ONE,))),
        ("eve", ["students", "vision"], Allowed((ONE, TWO), choice=True)),
        ("bob", [], Allowed()),
        ("eve", ["guests"], Allowed()),
        ("eve", [], Allowed()),
        # A group by a user's name, or a user by a group's, is another one.
        ("vision", ["ada"], Allowed()),
    ],
)
def test_the_first_rule_that_fits_counts_and_whom_none_fits_gets_nothing(user, groups, allowed):
    assert gpus.for_user(RULES, user, groups) == allowed


def test_a_rule_that_names_nobody_is_for_everybody_and_an_empty_list_for_none():
    assert gpus.for_user([*RULES, {"gpus": "all"}], "eve", []) == Allowed((ALL,))
    assert gpus.for_user([{"groups": [], "users": [], "gpus": "all"}], "eve", ["staff"]) == Allowed()


@pytest.mark.parametrize(
    ("allowed", "wish", "got"),
    [
        (Allowed((ONE, TWO)), None, (ONE, TWO)),
        (Allowed((ONE, TWO)), NONE, (ONE, TWO)),
        (Allowed((ONE, TWO)), TWO, (ONE, TWO)),
        (Allowed((ALL,)), None, (ALL,)),
        (Allowed((ONE, TWO), choice=True), None, ()),
        (Allowed((ONE, TWO), choice=True), NONE, ()),
        (Allowed((ONE, TWO), choice=True), TWO, (TWO,)),
        (Allowed((SLICE,), choice=True), SLICE, (SLICE,)),
        (Allowed((ALL,), choice=True), ALL, (ALL,)),
        (Allowed(), NONE, ()),
        (Allowed(), None, ()),
    ],
)
def test_a_server_gets_what_its_user_may_have_and_chose(allowed, wish, got):
    assert gpus.chosen(allowed, wish) == got


@pytest.mark.parametrize(
    ("allowed", "wish", "words"),
    [
        (Allowed((ONE,), choice=True), TWO, f"'{TWO}'; there is for you: none, {ONE}"),
        (Allowed((ONE,), choice=True), ALL, f"'all'; there is for you: none, {ONE}"),
        (Allowed((ALL,), choice=True), ONE, "there is for you: none, all"),
        (Allowed((ONE,)), TWO, f"there is for you: {ONE}"),
        (Allowed(), ONE, "this lab gives you no GPU"),
        (Allowed((ONE,), choice=True), "0", "'0'"),
        (Allowed((ONE,), choice=True), [ONE], "there is for you"),
        (Allowed((ONE,), choice=True), {"gpu": {"gpu": 1}}, "there is for you"),
        (Allowed((ONE,), choice=True), 0, "asked for 0;"),
        (Allowed((ONE,), choice=True), False, "asked for False;"),
        (Allowed((ONE,), choice=True), f"{ONE},{TWO}", "there is for you"),
        (Allowed((ONE,), choice=True), "", "asked for '';"),
    ],
)
def test_what_is_not_allowed_is_refused_in_words(allowed, wish, words):
    with pytest.raises(gpus.Refused, match=words.replace("(", r"\(")) as refused:
        gpus.chosen(allowed, wish)
    assert "Вы запросили" in refused.value.text.said("ru")


@given(ALLOWED, JSON | st.sampled_from([ONE, TWO, SLICE, ALL, NONE]))
def test_whatever_is_asked_for_nobody_gets_more_than_they_may(allowed, wish):
    try:
        got = gpus.chosen(allowed, wish)
    except gpus.Refused as refused:
        assert wish not in (None, NONE)
        assert len(refused.text) < 250
        return
    assert set(got) <= set(allowed.gpus)
    if allowed.choice:
        assert got == (() if wish in (None, NONE) else (wish,))
    else:
        assert got == allowed.gpus


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, "gpus must be 'all' or a list"),
        ({"gpus": 0}, "gpus must be 'all' or a list"),
        ({"gpus": ONE}, "gpus must be 'all' or a list"),
        ({"gpus": ["0"]}, "'0' is no UUID of a GPU.*nvidia-smi -L"),
        ({"gpus": [1]}, "1 is no UUID of a GPU"),
        ({"gpus": [ONE + "\n"]}, "is no UUID"),
        ({"gpus": [ONE[:-1]]}, "is no UUID"),
        ({"gpus": ["all"]}, "is no UUID"),
        ({"gpus": [ONE, ONE]}, "names a GPU twice"),
        ({"gpus": "all", "users": "ada"}, "users must be a list"),
        ({"gpus": "all", "groups": [1]}, "groups must be a list"),
        ({"gpus": "all", "users": None}, "users must be a list"),
        ({"gpus": "all", "choice": "no"}, "choice must be True or False"),
        ({"gpus": "all", "group": ["vision"]}, "unknown group .accepted"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(rule, words):
    assert re.search(words, gpus.problem(rule))


def test_rules_that_people_write_pass():
    assert [gpus.problem(rule) for rule in (*RULES, {"gpus": [SLICE]}, {"gpus": "all", "choice": True})] == [None] * 6


@pytest.mark.parametrize(
    ("given", "cdi", "legacy"),
    [
        ((), [], []),
        (
            (ONE, SLICE),
            [{"driver": "cdi", "device_ids": [f"nvidia.com/gpu={ONE}", f"nvidia.com/gpu={SLICE}"]}],
            [{"driver": "nvidia", "capabilities": [["gpu"]], "device_ids": [ONE, SLICE]}],
        ),
        (
            (ALL,),
            [{"driver": "cdi", "device_ids": ["nvidia.com/gpu=all"]}],
            [{"driver": "nvidia", "capabilities": [["gpu"]], "count": -1}],
        ),
    ],
)
def test_docker_is_asked_for_exactly_these(given, cdi, legacy):
    assert (gpus.requests(given, gpus.CDI), gpus.requests(given, gpus.LEGACY)) == (cdi, legacy)


def test_the_form_offers_what_is_allowed_and_nothing_to_those_without_a_choice():
    page = gpus.form(Allowed((ONE, TWO), choice=True), {ONE: "<A100> & co", SLICE: "not theirs"}, "en")
    assert '<option value="none" selected>No GPU</option>' in page
    assert f'<option value="{ONE}">&lt;A100&gt; &amp; co ({ONE})</option>' in page
    assert f'<option value="{TWO}">{TWO}</option>' in page
    assert "not theirs" not in page
    assert page.count("<option") == 3
    russian = gpus.form(Allowed((ALL,), choice=True), {}, "ru")
    assert [word in russian for word in ("Без GPU", '<option value="all">Все GPU', "GPU для вашего сервера:")] == [
        True
    ] * 3
    assert [gpus.form(allowed, {}, "en") for allowed in (Allowed((ONE,)), Allowed((), choice=True), Allowed())] == [
        ""
    ] * 3


@pytest.mark.parametrize(("fields", "options"), [({}, {}), ({"gpu": [ONE]}, {"gpu": ONE}), ({"gpu": []}, {})])
def test_the_form_comes_back_as_a_choice(fields, options):
    assert gpus.options(fields) == options
