"""_doctor_layers: every code has its layer, and one cause is one problem."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _doctor_layers as layers
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._problems import Problem, error, warning


@pytest.mark.parametrize(
    ("code", "layer"),
    [
        ("docker-missing", "engine"),
        ("daemon-json-malformed", "engine"),
        ("user-image-missing", "images"),
        ("stack-image-missing", "images"),
        ("stack-absent", "stack"),
        ("off-network", "stack"),
        ("hub-away", "hub"),
        ("door-refused", "proxy"),
        ("server-without-route", "proxy"),
        ("server-without-container", "servers"),
        ("data-root-not-writable", "disk"),
        ("driver_hung", "gpus"),
    ],
)
def test_a_code_belongs_where_one_would_look(code, layer):
    assert layers.layer_of(code) == layer


def test_a_code_of_no_layer_is_a_mistake_and_not_lost():
    with pytest.raises(LookupError, match="teapot-empty"):
        layers.layer_of("teapot-empty")


def left(*problems):
    return [problem.code for problem in layers.without_effects(problems)]


def test_what_follows_from_something_else_is_not_told():
    cause, effect, other = (error(code, "", "", "") for code in ("off-network", "hub-away", "database-damaged"))
    assert left(cause, effect, other) == ["off-network", "database-damaged"]
    assert left(effect) == ["hub-away"]


def test_a_warning_explains_no_error():
    assert left(warning("database-locked", "", "", ""), error("hub-down", "", "", "")) == [
        "database-locked",
        "hub-down",
    ]


def test_a_layer_is_as_bad_as_its_worst_and_what_was_not_seen_is_not_well():
    problems = [
        Problem("driver_hung", "info", "", "", ""),
        warning("disk-nearly-full", "", "", ""),
        error("disk-full", "", "", ""),
    ]
    table = {row["layer"]: row for row in layers.rows(problems, {"hub": "answers"}, {"clock": "nobody knows"})}
    assert table["disk"] == {"layer": "disk", "state": "error", "words": "disk-nearly-full, disk-full"}
    assert table["gpus"]["state"] == "info"
    assert table["hub"] == {"layer": "hub", "state": "ok", "words": "answers"}
    assert table["clock"] == {"layer": "clock", "state": "unknown", "words": "nobody knows"}
