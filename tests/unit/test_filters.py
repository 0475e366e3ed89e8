"""Filters: data in, text or data out."""

import ast

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gpulab.jupyterhub.plugins.filter.apt_mend import apt_mend
from ansible_collections.gpulab.jupyterhub.plugins.filter.door_url import door_url
from ansible_collections.gpulab.jupyterhub.plugins.filter.proxy_environment import proxy_environment
from ansible_collections.gpulab.jupyterhub.plugins.filter.to_python import to_python
from hypothesis import given
from hypothesis import strategies as st

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN, st.integers(0, 20))
def test_python_reads_back_what_was_written(value, indent):
    assert ast.literal_eval(to_python(value, indent)) == value


def test_what_has_no_literal_is_refused():
    with pytest.raises(AnsibleFilterError, match="object has no Python literal"):
        to_python(object())


def test_no_proxy_no_variables():
    assert proxy_environment("", "", ["localhost"]) == {}


def test_proxies_stand_in_both_spellings():
    variables = proxy_environment("http://p:1", "", ["localhost", "", "hub"])
    assert variables == {
        "HTTP_PROXY": "http://p:1",
        "NO_PROXY": "localhost,hub",
        "http_proxy": "http://p:1",
        "no_proxy": "localhost,hub",
    }


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("lab.example.org", "http://lab.example.org:80"),
        ("::1", "http://[::1]:80"),
    ],
)
def test_a_door_has_brackets_round_colons(host, url):
    assert door_url(host, 80) == url


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7",
            "docker_engine_apt_lock_timeout",
        ),
        ("Failed to lock apt for exclusive operation: Failed to lock directory", "docker_engine_apt_lock_timeout"),
        (
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'",
            "was interrupted: `dpkg --configure -a`",
        ),
        ("dpkg: error: failed to write: No space left on device", "df -h"),
        ("Failed to update apt cache: unknown reason", "lab_http_proxy"),
        ("E: Failed to fetch http://m.example/x.deb  Temporary failure resolving", "/etc/resolv.conf"),
        ("E: Failed to fetch http://m.example/x.deb  Connection refused", "/etc/apt/sources.list.d"),
        ("E: Release file for http://m.example/InRelease is not valid yet (invalid for another 3h 2min)", "set-ntp"),
        ("E: Release file for http://m.example/InRelease is expired (invalid since 9d)", "the mirror is old"),
        ("something new", "tells more"),
    ],
)
def test_what_apt_refuses_is_told_with_its_mend(words, mend):
    told = apt_mend(words)
    assert words in told
    assert mend in told.partition("\nMend: ")[2]


def test_the_setting_of_the_role_whose_packages_they_are_is_named():
    told = apt_mend("E: Could not get lock /var/lib/dpkg/lock-frontend", "nvidia_driver")
    assert told.startswith("The driver's packages could not be installed: ")
    assert "nvidia_driver_apt_lock_timeout" in told
