"""image_store: one look tells what is missing; what is settled without making anything is settled by it."""

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._docker_cli import Answer, Docker
from ansible_collections.gpulab.jupyterhub.plugins.modules import image_store

HUB = {"ref": "gpulab/hub:new"}
USER = {"ref": "jupyter:new", "aliases": ["latest"]}


def image(number, digest, *refs):
    labels = {"org.gpulab.jupyterhub.digest": digest}
    return {"Id": f"sha256:{number}", "Size": number * 1000, "RepoTags": list(refs), "Config": {"Labels": labels}}


class Engine:
    """What the command line of Docker would answer; it keeps what it was told to do."""

    def __init__(self, *images, containers=(), refuses=()):
        self.images, self.containers, self.refuses = images, containers, refuses
        self.done = []

    def __call__(self, argv):
        words = tuple(argv[3:])
        if words[:2] == ("image", "ls"):
            return Answer("ok", "\n".join(image["Id"] for image in self.images), "")
        if words[:2] == ("container", "ls"):
            return Answer("ok", "\n".join(self.containers), "")
        if words[:2] == ("image", "inspect"):
            return Answer("ok", json.dumps(self.images), "")
        self.done.append(words[1:])
        return Answer("failed", "", "in use") if words[-1] in self.refuses else Answer("ok", "", "")


@pytest.fixture
def converge(capsys, monkeypatch):
    """Run the module on an engine, and return its result."""

    def run(engine, *images, prune=True, check=False):
        warnings = []
        monkeypatch.setattr(image_store, "Docker", lambda: Docker(run=engine))
        # Where the controller's own code is loaded too, Ansible shows warnings there and not in the result.
        monkeypatch.setattr(image_store.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
        arguments = {"images": list(images), "prune": prune, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            image_store.main()
        return json.loads(capsys.readouterr().out) | {"warnings": warnings}

    return run


def test_all_there_changes_nothing(converge):
    engine = Engine(image(1, "new", "gpulab/hub:new"), image(2, "new", "jupyter:new", "jupyter:latest"))
    result = converge(engine, HUB, USER)
    assert (result["changed"], result["missing"], engine.done) == (False, [], [])
    assert result["sizes"] == {"gpulab/hub:new": 1000, "jupyter:new": 2000}
    assert result["diff"]["before"] == result["diff"]["after"]


def test_while_one_is_missing_nothing_is_touched(converge):
    engine = Engine(image(1, "old", "gpulab/hub:old"), image(2, "new", "jupyter:new"))
    result = converge(engine, HUB, USER)
    assert (result["changed"], result["missing"], engine.done) == (False, ["gpulab/hub:new"], [])


def test_a_missing_one_that_is_not_required_holds_up_nothing(converge):
    engine = Engine(image(1, "new", "gpulab/hub:new"), image(2, "old", "gpulab/base:old"))
    result = converge(engine, {"ref": "gpulab/base:new", "required": False}, HUB)
    assert (result["missing"], result["removed"]) == (["gpulab/base:new"], ["gpulab/base:old"])


def test_a_name_follows_the_wanted_image(converge):
    engine = Engine(image(1, "old", "jupyter:old", "jupyter:latest"), image(2, "new", "jupyter:new"))
    result = converge(engine, USER, prune=False)
    assert (result["changed"], engine.done) == (True, [("tag", "jupyter:new", "jupyter:latest")])
    assert result["diff"]["before"] == "jupyter:latest (another image)\njupyter:new\njupyter:old\n"
    assert result["diff"]["after"] == "jupyter:latest\njupyter:new\njupyter:old\n"


@pytest.mark.parametrize("labels", [{"org.gpulab.jupyterhub.digest": "other"}, {}, None])
def test_another_image_under_a_wanted_name_does_not_count(converge, labels):
    moved = image(1, "", "gpulab/hub:new", "jupyter:other") | {"Config": {"Labels": labels}}
    engine = Engine(moved, image(2, "new", "jupyter:new", "jupyter:latest"))
    result = converge(engine, HUB, USER)
    assert (result["missing"], engine.done) == (["gpulab/hub:new"], [])
    assert "gpulab/hub:new" not in result["sizes"]
    assert result["diff"]["before"].startswith("gpulab/hub:new (another image)\n")
    assert "gpulab/hub:new" not in result["diff"]["after"]


@pytest.mark.parametrize("check", [True, False])
def test_superseded_images_go(converge, check):
    engine = Engine(image(1, "new", "gpulab/hub:new"), image(2, "old", "gpulab/hub:old"))
    result = converge(engine, HUB, check=check)
    assert (result["changed"], result["removed"]) == (True, ["gpulab/hub:old"])
    assert result["diff"] == {"before": "gpulab/hub:new\ngpulab/hub:old\n", "after": "gpulab/hub:new\n"}
    assert engine.done == ([] if check else [("rm", "gpulab/hub:old")])


def test_what_a_container_was_made_from_stays(converge):
    engine = Engine(
        image(1, "new", "gpulab/hub:new"),
        image(2, "old", "gpulab/hub:old"),
        image(3, "older", "gpulab/hub:older"),
        containers=["gpulab/hub:old", "sha256:3"],
    )
    assert converge(engine, HUB)["changed"] is False


def test_an_image_that_a_container_has_come_to_use_is_left_with_a_warning(converge):
    engine = Engine(image(1, "new", "gpulab/hub:new"), image(2, "old", "gpulab/hub:old"), refuses=["gpulab/hub:old"])
    result = converge(engine, HUB)
    assert result["removed"] == []
    assert "gpulab/hub:old was not removed: in use" in str(result["warnings"])


def test_a_name_that_cannot_be_given_is_told_with_the_mend(converge):
    result = converge(Engine(image(1, "new", "jupyter:new"), refuses=["jupyter:latest"]), USER)
    assert result["failed"]
    assert "jupyter:latest" in result["msg"]
    assert "in use" in result["msg"]


def test_without_an_engine_it_fails_and_says_what_mends_it(converge):
    result = converge(lambda argv: Answer("down", "", "Cannot connect"), HUB)
    assert result["failed"]
    assert "playbooks/server.yml" in result["msg"]


def test_without_an_engine_yet_a_check_finds_all_missing(converge):
    result = converge(lambda argv: Answer("missing", "", "docker: command not found"), HUB, USER, check=True)
    assert result["missing"] == ["gpulab/hub:new", "jupyter:new"]


@pytest.mark.parametrize("state", ["hung", "denied", "failed"])
def test_an_engine_that_does_not_tell_is_not_one_without_images(converge, state):
    result = converge(lambda argv: Answer(state, "", "no answer"), HUB, USER, check=True)
    assert result["failed"]
    assert "no answer" in result["msg"]


def test_a_check_claims_nothing_of_an_engine_that_was_stopped(converge):
    result = converge(lambda _argv: Answer("down", "", "no engine"), HUB, check=True)
    assert (result["changed"], result["missing"], result["removed"]) == (False, [], [])
    assert "The engine does not run" in str(result["warnings"])
