"""A further name of an image, such as latest, moves to the image's successor and stays there."""

from ansible_collections.gpulab.jupyterhub.plugins.modules import image_store

OLD, NEW = "jupyter-custom-gpu:aaaaaaaaaaaa", "jupyter-custom-gpu:bbbbbbbbbbbb"
LATEST = "jupyter-custom-gpu:latest"


def found(identity, digest, *refs):
    """What `docker image inspect` says of an image of the project."""
    labels = {"org.gpulab.jupyterhub": "singleuser", "org.gpulab.jupyterhub.digest": digest}
    return {"Id": identity, "RepoTags": list(refs), "Size": 1, "Config": {"Labels": labels}}


def test_a_name_that_moves_on_is_not_removed_with_the_image_that_had_it():
    present = [found("sha256:old", OLD[-12:], OLD, LATEST), found("sha256:new", NEW[-12:], NEW)]
    wanted = [{"ref": NEW, "aliases": ["latest"], "required": True}]
    result, pairs, remove = image_store.decide(wanted, present, used=set(), prune=True)
    assert pairs == [(NEW, LATEST)]
    assert remove == [OLD]
    assert result["diff"]["after"] == f"{NEW}\n{LATEST}\n"
