"""daemon.json as data: layers, the three-way merge, and what a running engine needs to take it over."""

import json

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_options as options
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = {
    "live_restore": True,
    "cdi": True,
    "log_max_size": "",
    "log_max_file": 3,
    "address_pools": [],
    "registry_mirrors": [],
    "http_proxy": "",
    "https_proxy": "",
    "no_proxy": "",
    "data_root": "",
    "build_cache_size": "",
    "daemon_options": {},
    "dependent_daemon_options": {},
}

KEYS = st.sampled_from(["a", "b", "c"])
SCALARS = st.booleans() | st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=2)
OPTIONS = st.dictionaries(KEYS, SCALARS | st.dictionaries(KEYS, SCALARS, max_size=3), max_size=3)


@pytest.mark.parametrize(
    ("current", "last", "wanted", "merged", "ours"),
    [
        pytest.param({}, {}, {"a": 1}, {"a": 1}, {"a": 1}, id="first write"),
        pytest.param({"h": 1}, {}, {"a": 1}, {"h": 1, "a": 1}, {"a": 1}, id="a hand-written option stays"),
        pytest.param({"a": 2}, {}, {"a": 1}, {"a": 1}, {"a": 1}, id="a setting wins over a hand-written value"),
        pytest.param({"a": 1}, {}, {"a": 1}, {"a": 1}, {}, id="the same value by hand stays theirs"),
        pytest.param({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}, id="a setting changed"),
        pytest.param({"a": 1}, {"a": 1}, {}, {}, {}, id="a setting is wanted no longer"),
        pytest.param({"a": 9}, {"a": 1}, {}, {"a": 9}, {}, id="ours, changed by hand, wanted no longer: theirs"),
        pytest.param({"a": 9}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, id="ours, changed by hand: put back"),
        pytest.param({}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, id="ours, removed by hand: put back"),
        pytest.param({}, {"a": 1}, {}, {}, {}, id="ours, removed by hand, wanted no longer"),
        pytest.param(
            {"features": {"h": True}},
            {},
            {"features": {"cdi": True}},
            {"features": {"h": True, "cdi": True}},
            {"features": {"cdi": True}},
            id="nested options merge leaf by leaf",
        ),
        pytest.param(
            {"features": {"h": True, "cdi": True}},
            {"features": {"cdi": True}},
            {},
            {"features": {"h": True}},
            {},
            id="a nested leaf goes, its neighbour stays",
        ),
        pytest.param({"f": {"x": 1}}, {"f": {"x": 1}}, {}, {}, {}, id="no empty dictionary is left behind"),
        pytest.param({"a": [1]}, {}, {"a": [2]}, {"a": [2]}, {"a": [2]}, id="a list is one value"),
        pytest.param({"a": 1}, {}, {"a": {"x": 1}}, {"a": {"x": 1}}, {"a": {"x": 1}}, id="a scalar gives way"),
    ],
)
def test_merge(current, last, wanted, merged, ours):
    assert options.merge(current, last, wanted) == (merged, ours)


@given(OPTIONS, OPTIONS, OPTIONS)
def test_what_is_wanted_is_in_the_result(current, last, wanted):
    merged = options.leaves(options.merge(current, last, wanted).options)
    for path, value in options.leaves(wanted).items():
        below = {rest: leaf for rest, leaf in merged.items() if rest[: len(path)] == path}
        assert merged.get(path) == value or (value == {} and below)


@given(OPTIONS, OPTIONS)
def test_a_hand_written_option_is_never_lost(hand_written, wanted):
    first = options.merge(hand_written, {}, wanted)
    nothing_wanted = options.merge(first.options, first.ours, {})
    ours = options.leaves(wanted)
    for path, value in options.leaves(hand_written).items():
        in_our_way = any(path[: len(mine)] == mine or mine[: len(path)] == path for mine in ours)
        if not in_our_way or ours.get(path) == value:
            assert options.leaves(first.options)[path] == value
            assert options.leaves(nothing_wanted.options)[path] == value


@given(OPTIONS, OPTIONS, OPTIONS)
def test_merging_twice_changes_nothing_more(current, last, wanted):
    once = options.merge(current, last, wanted)
    assert options.merge(once.options, once.ours, wanted) == once


@given(OPTIONS, OPTIONS, OPTIONS)
def test_merging_leaves_its_arguments_alone(current, last, wanted):
    before = json.dumps([current, last, wanted])
    options.merge(current, last, wanted).options.setdefault("a", {})
    assert json.dumps([current, last, wanted]) == before


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ({"a": 1}, {"a": 1}, ""),
        ({}, {"debug": True}, "reload"),
        ({"debug": False}, {"debug": True}, "reload"),
        ({"debug": True}, {}, "restart"),
        ({"registry-mirrors": []}, {"registry-mirrors": ["https://m"], "live-restore": True}, "reload"),
        ({}, {"data-root": "/x"}, "restart"),
        ({}, {"debug": True, "data-root": "/x"}, "restart"),
        ({}, {"features": {"cdi": True}}, "restart"),
    ],
)
def test_effect(before, after, effect):
    assert options.effect(before, after) == effect


@pytest.mark.parametrize(
    ("setting", "name", "wanted"),
    [
        ({"live_restore": False}, "live_restore", {"live-restore": False}),
        ({"cdi": False}, "cdi", {"features": {"cdi": False}}),
        (
            {"log_max_size": "5m", "log_max_file": 2},
            "log_max_size",
            {"log-driver": "json-file", "log-opts": {"max-size": "5m", "max-file": "2"}},
        ),
        (
            {"address_pools": [{"base": "10.0.0.0/8", "size": 24}]},
            "address_pools",
            {"default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]},
        ),
        ({"registry_mirrors": ["https://m"]}, "registry_mirrors", {"registry-mirrors": ["https://m"]}),
        ({"http_proxy": "http://p"}, "http_proxy", {"proxies": {"http-proxy": "http://p"}}),
        ({"no_proxy": "a,b"}, "no_proxy", {"proxies": {"no-proxy": "a,b"}}),
        ({"data_root": "/d"}, "data_root", {"data-root": "/d"}),
        (
            {"build_cache_size": "20GB"},
            "build_cache_size",
            {"builder": {"gc": {"enabled": True, "defaultKeepStorage": "20GB"}}},
        ),
        ({"daemon_options": {"dns": ["192.0.2.1"]}}, "daemon_options", {"dns": ["192.0.2.1"]}),
        (
            {"dependent_daemon_options": {"nvidia": {"default-runtime": "nvidia"}}},
            "dependent_daemon_options.nvidia",
            {"default-runtime": "nvidia"},
        ),
    ],
)
def test_each_setting_is_a_layer_under_its_own_name(setting, name, wanted):
    assert options.layers(SETTINGS | setting)[f"docker_engine_{name}"] == wanted


def test_an_empty_setting_asks_for_nothing():
    assert set(options.layers(SETTINGS)) == {"docker_engine_live_restore", "docker_engine_cdi"}


@pytest.mark.parametrize("size", ["20GB", "1.5g", "512 MiB", "2000000000", "1TB"])
def test_sizes_as_dockerd_reads_them_are_taken(size):
    assert "docker_engine_build_cache_size" in options.layers(SETTINGS | {"build_cache_size": size})


@pytest.mark.parametrize("size", ["20 gigs", "GB", "-1GB", "20GB\n", "10%"])
def test_a_size_that_would_keep_the_engine_from_starting_is_refused(size):
    with pytest.raises(options.OptionsError, match="docker_engine_build_cache_size is .* not a size such as 20GB"):
        options.layers(SETTINGS | {"build_cache_size": size})


def test_a_publisher_that_gives_no_dictionary_is_named():
    with pytest.raises(options.OptionsError, match=r"dependent_daemon_options\.nvidia is a str"):
        options.layers(SETTINGS | {"dependent_daemon_options": {"nvidia": "runc"}})


def test_layers_combine():
    combined = options.combine({"one": {"a": 1, "n": {"x": 1}}, "two": {"b": 2, "n": {"y": 2}}, "three": {"a": 1}})
    assert combined == {"a": 1, "b": 2, "n": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 2}),
        ({"n": {"x": 1}}, {"n": {"x": 2}}),
        ({"n": {"x": 1}}, {"n": 5}),
        ({"a": [1]}, {"a": [1, 2]}),
    ],
)
def test_layers_that_disagree_are_both_named(one, other):
    with pytest.raises(options.OptionsError, match=r"(a|n\.x|n): (one|other) wants .*, (one|other) wants "):
        options.combine({"one": one, "other": other})


@pytest.mark.parametrize(("text", "expected"), [("", {}), (" \n", {}), ('{"debug": true}', {"debug": True})])
def test_parse(text, expected):
    assert options.parse(text, "daemon.json") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "debug": true\n  "labels": []\n}', "daemon.json is not valid JSON at line 3, column 3: Expecting ','"),
        ("{", "not valid JSON at line 1, column 2"),
        ("[]", "holds a JSON list, not an object"),
    ],
)
def test_a_malformed_file_is_refused_with_the_place(text, said):
    with pytest.raises(options.OptionsError, match=said.replace("(", r"\(")):
        options.parse(text, "daemon.json")


@given(OPTIONS)
def test_what_is_rendered_reads_back(some_options):
    assert options.parse(options.render(some_options), "daemon.json") == some_options


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('"http://user:pw@proxy:3128"', '"http://***@proxy:3128"'),
        ('"http://proxy:3128", "a@b"', '"http://proxy:3128", "a@b"'),
    ],
)
def test_passwords_are_masked(text, shown):
    assert options.mask(text) == shown
