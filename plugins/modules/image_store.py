#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The images of the project that a Docker engine holds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_store
short_description: The images of the project that a Docker engine holds
version_added: 0.1.0
description:
  - Looks which of the wanted images are there. If all are, it gives them their further names, and removes images of
    the project that are neither wanted nor used by any container.
  - An image is there when what has its name carries the digest in its tag as a label; a name that somebody gave to
    another image counts as missing.
  - If one is missing it only says so. M(gpulab.jupyterhub.image_build) makes it, and calls this module again.
  - Only what the project itself made is ever removed; an image that somebody made from it is not.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Tells what it would name and remove. Where no engine runs yet, all images are missing.
    support: full
  diff_mode:
    description: Shows names that are given and images that are removed.
    support: full
options:
  images:
    description: The wanted images.
    type: list
    elements: dict
    required: true
    suboptions:
      ref:
        description: Name and tag.
        type: str
        required: true
      aliases:
        description: Further tags of the same name.
        type: list
        elements: str
        default: []
      required:
        description: Whether it has to be there; if not, it is only kept.
        type: bool
        default: true
  prune:
    description: Whether to remove superseded images.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Keep these two images, and no older ones
  gpulab.jupyterhub.image_store:
    images:
      - ref: gpulab/hub:4f0c1b2a3d4e
      - ref: jupyter-custom-gpu:0a1b2c3d4e5f
        aliases: [latest]
"""

RETURN = r"""
missing:
  description: References of wanted images that are not there, the ones that are not required included.
  returned: always
  type: list
  elements: str
present:
  description: References of all images of the project that are there.
  returned: always
  type: list
  elements: str
sizes:
  description: Size of each wanted image, in bytes, by reference.
  returned: always
  type: dict
removed:
  description: References that were removed.
  returned: always
  type: list
  elements: str
architecture:
  description: What the server's processor is, as Docker calls it.
  returned: always
  type: str
  sample: amd64
tools:
  description: Programs of the server that making a base image needs, and whether they are there.
  returned: always
  type: dict
  sample: {mmdebstrap: false}
"""

import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._docker_cli import Docker, DockerError
from ..module_utils._image_plan import DIGEST_LABEL, LABEL, superseded
from ..module_utils._platform import architecture

# What a check can say of an engine that does not run.
_UNSEEN = {
    "changed": False,
    "missing": [],
    "present": [],
    "sizes": {},
    "removed": [],
    "diff": {"before": "", "after": ""},
}
_MEND = "`docker info` on the server tells more; playbooks/server.yml installs and mends the engine."


def look(docker: Docker) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the project's images, and what containers were made from, by reference, or by id if that is no longer its.

    :raises DockerError: if no engine answers.
    """
    ids = docker.ask("image", "ls", "--quiet", "--no-trunc", "--filter", f"label={LABEL}").split()
    used = docker.ask("container", "ls", "--all", "--no-trunc", "--format", "{{.Image}}").split()
    return docker.inspect("image", *dict.fromkeys(ids)), set(used)


def names_to_give(images: list[dict[str, Any]], ids: dict[str, str]) -> list[tuple[str, str]]:
    """Return pairs of a reference and a further name that it lacks.

    :param ids: id of each image that is there, by reference.
    """
    pairs = []
    for image in images:
        for alias in image["aliases"]:
            name = f"{image['ref'].rpartition(':')[0]}:{alias}"
            if ids.get(name) != ids[image["ref"]]:
                pairs.append((image["ref"], name))
    return pairs


def is_itself(ref: str, found: dict[str, Any]) -> bool:
    """Tell whether an image is what its tag says, and not another one that somebody gave that name."""
    return (found["Config"].get("Labels") or {}).get(DIGEST_LABEL) == ref.rpartition(":")[2]


def decide(
    images: list[dict[str, Any]], present: list[dict[str, Any]], used: set[str], prune: bool
) -> tuple[dict[str, Any], list[tuple[str, str]], list[str]]:
    """Return the module's result, the names to give and the references to remove."""
    named = {ref: found for found in present for ref in found.get("RepoTags") or []}
    wanted = [image["ref"] for image in images]
    moved = {ref for ref in wanted if ref in named and not is_itself(ref, named[ref])}
    ids = {ref: found["Id"] for ref, found in named.items() if ref not in moved}
    pairs: list[tuple[str, str]] = []
    remove: list[str] = []
    if all(image["ref"] in ids for image in images if image["required"]):
        pairs = names_to_give([image for image in images if image["ref"] in ids], ids)
        # A name that moves to another image is no longer one of the image that is removed.
        moving = {name for _id, name in pairs}
        moved |= moving & named.keys()
        remove = [ref for ref in superseded(present, wanted, used) if ref not in moving] if prune else []
    after = sorted({*ids, *(name for _id, name in pairs)} - set(remove))
    result = {
        "changed": bool(pairs or remove),
        "missing": [ref for ref in wanted if ref not in ids],
        "present": sorted(ids),
        "sizes": {ref: named[ref]["Size"] for ref in wanted if ref in ids},
        "removed": remove,
        "architecture": architecture(),
        "tools": tools(),
        "diff": {
            "before": _listed([f"{ref} (another image)" if ref in moved else ref for ref in sorted(named)]),
            "after": _listed(after),
        },
    }
    return result, pairs, remove


def tools() -> dict[str, bool]:
    """Tell which of the programs that make images are there."""
    return {"mmdebstrap": shutil.which("mmdebstrap") is not None}


def _listed(refs: list[str]) -> str:
    return "".join(f"{ref}\n" for ref in refs)


def settle(module: AnsibleModule, docker: Docker, pairs: list[tuple[str, str]], remove: list[str]) -> dict[str, str]:
    """Give names and remove images; return why some could not be removed: a container has come to use them.

    Ends the module in words when a name cannot be given.
    """
    for ref, name in pairs:
        try:
            docker.ask("image", "tag", ref, name)
        except DockerError as error:
            module.fail_json(msg=f"{ref} cannot be given the name {name}: {error}\n{_MEND}")
    kept = {}
    for ref in remove:
        try:
            docker.ask("image", "rm", ref)
        except DockerError as error:
            kept[ref] = str(error)
    return kept


def main() -> None:
    """Run the module."""
    image = {
        "ref": {"type": "str", "required": True},
        "aliases": {"type": "list", "elements": "str", "default": []},
        "required": {"type": "bool", "default": True},
    }
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "dict", "required": True, "options": image},
            "prune": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    docker = Docker()
    try:
        present, used = look(docker)
    except DockerError as error:
        if not (module.check_mode and error.no_engine):
            module.fail_json(msg=f"The Docker engine does not answer: {error}\n{_MEND}")
        if error.state == "down":
            # It has whatever it had before it was stopped.
            module.warn("The engine does not run, so which images are missing can be told when it does.")
            module.exit_json(**_UNSEEN, architecture=architecture(), tools=tools())
        present, used = [], set()
    result, pairs, remove = decide(module.params["images"], present, used, module.params["prune"])
    if not module.check_mode:
        kept = settle(module, docker, pairs, remove)
        result["removed"] = [ref for ref in remove if ref not in kept]
        for ref, why in kept.items():
            module.warn(f"{ref} was not removed: {why}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
