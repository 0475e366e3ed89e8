# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The records of servers that failed: kept, bounded, and for admins only."""

import json

import pytest
from hub.running import LIMITED_TOKEN
from labhub.failures import Failure, FailureStore


def failure(user, number=0, **differs):
    told = {
        "server": "",
        "when": f"2026-11-24T21:00:{number:02}Z",
        "stage": "run",
        "cause": "killed",
        "text": "It was killed.",
    }
    return Failure(user=user, container=f"{user}-{number}", **told | differs)


@pytest.fixture
def store(tmp_path):
    return FailureStore(tmp_path / "failures.jsonl", per_user=2, total=5)


def test_nothing_has_failed_yet(store):
    assert store.all() == []


def test_the_newest_records_of_each_user_are_kept_and_no_user_pushes_out_another(store):
    store.add(failure("anna"))
    for number in range(9):
        assert store.add(failure("mallory", number))
    kept = [(record["user"], record["when"][-3:-1]) for record in store.all()]
    assert kept == [("anna", "00"), ("mallory", "07"), ("mallory", "08")]


def test_there_are_never_more_than_so_many(store):
    for number in range(9):
        store.add(failure(f"user-{number}"))
    assert [record["user"] for record in store.all()] == [f"user-{number}" for number in range(4, 9)]


def test_the_same_end_is_kept_once(store):
    assert store.add(failure("anna"))
    assert not store.add(failure("anna"))
    assert len(store.all()) == 1


def test_what_has_started_again_is_mended_and_no_other(store):
    for number, user in enumerate(("anna", "bert")):
        store.add(failure(user, number))
    store.mend("anna", "")
    assert [bool(record["mended"]) for record in store.all()] == [True, False]


def test_a_start_after_no_failure_writes_nothing(store):
    store.mend("anna", "")
    assert not store.path.exists()


def test_what_a_deleted_server_left_is_forgotten_and_nothing_of_others(store):
    for number, user in enumerate(("anna", "bert")):
        store.add(failure(user, number))
    store.add(failure("anna", 2, server="second"))
    store.forget("anna", "")
    assert [(record["user"], record["server"]) for record in store.all()] == [("bert", ""), ("anna", "second")]


def test_the_file_is_the_hubs_alone_and_a_broken_line_hides_no_other(store):
    store.add(failure("anna", log="one\ntwo \u2028 three"))
    assert store.path.stat().st_mode & 0o777 == 0o600
    with store.path.open("a") as file:
        file.write('{"user": \n[]\n{"user": "x", "surprise": 1}\n')
    store.add(failure("bert"))
    assert [(record["user"], record["log"]) for record in store.all()] == [
        ("anna", "one\ntwo \u2028 three"),
        ("bert", ""),
    ]
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


def test_admins_read_them_over_the_api_and_others_do_not(hub):
    record = {"user": "anna", "server": "", "when": "2026-11-24T21:00:00Z", "stage": "run", "cause": "killed"}
    (hub.directory / "server-failures.jsonl").write_text(json.dumps(record | {"text": "It was killed."}) + "\n")
    (told,) = hub.api("GET", "/lab/failures").json()["failures"]
    assert record.items() <= told.items()
    assert hub.api("GET", "/lab/failures", token=LIMITED_TOKEN).status_code == 403
