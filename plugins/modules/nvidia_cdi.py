#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A server's CDI specification of its NVIDIA GPUs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_cdi
short_description: Keep the CDI specification by which containers get NVIDIA GPUs
version_added: 0.1.0
description:
  - Has C(nvidia-ctk) generate the specification when there is none, when it cannot be read, or when it differs from the
    cards, their slices and the driver that is loaded.
  - Names GPUs and slices by UUID, and all of them together V(all).
  - What is generated is read before it takes the place of what is there; the engine reads it by itself.
  - A server whose driver tells of no GPU keeps what it has.
author: The gpulab.jupyterhub contributors (@gpulab)
attributes:
  check_mode:
    description: Can run in C(check_mode); it generates the specification, which changes nothing, and does not write it.
    support: full
  diff_mode:
    description: Returns the specification before and after.
    support: full
options:
  path:
    description: The file.
    type: path
    default: /etc/cdi/nvidia.yaml
seealso:
  - module: gpulab.jupyterhub.nvidia_container_toolkit_info
"""

EXAMPLES = r"""
- name: Keep the CDI specification
  gpulab.jupyterhub.nvidia_cdi:
  become: true
"""

RETURN = r"""
reason:
  description: Why it had to be generated; empty if it did not.
  returned: always
  type: str
  sample: it mounts the libraries of driver 570.86.15, and 590.48.01 is loaded
devices:
  description: Names of the devices in it.
  returned: always
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import _gpu_look as gpu
from ..module_utils import _gpu_toolkit as specifications
from ..module_utils import _nvidia_toolkit as toolkit
from ..module_utils import _nvidia_toolkit_look as look

_GENERATE = ("nvidia-ctk", "cdi", "generate", "--format=json", "--device-name-strategy=uuid")


def generate(module, uuids: set[str]) -> tuple[str, list[str]]:
    """Have the toolkit write a specification, and read it; return its text and the names of its devices."""
    ran = gpu.run(_GENERATE)
    if ran.state != "ok":
        module.fail_json(
            msg=f"The CDI specification cannot be generated: {ran.err.strip() or ran.state}. Nothing was changed. "
            f"Mend: run `{ran.command}` on the server; gpulab.jupyterhub.gpu_info tells how its GPUs are."
        )
    spec = specifications.parse_spec("generated.json", ran.out, None)
    missing = sorted(uuids - {*spec["devices"]})
    if spec["error"] or missing:
        module.fail_json(
            msg=f"`{ran.command}` gave no specification of this server's GPUs, and the old one stays: "
            f"{spec['error'] or 'it does not name ' + ', '.join(missing)}. Mend: see that nvidia-smi -L and the "
            "toolkit agree; a reboot after an upgrade of the driver often does it."
        )
    return ran.out, spec["devices"]


def main() -> None:
    """Look, and generate it if it is not as it should be."""
    module = AnsibleModule(
        argument_spec={"path": {"type": "path", "default": toolkit.SPECIFICATION}}, supports_check_mode=True
    )
    path, found = module.params["path"], look.at_specifications()
    reason = toolkit.specification(found, path)
    if not reason:
        devices = [name for spec in found["specs"] if spec["path"] == path for name in spec["devices"]]
        module.exit_json(changed=False, reason="", devices=devices)
    text, devices = generate(module, toolkit.to_name(found["gpus"]))
    place = gpu.ROOT / path.lstrip("/")
    before = place.read_text(encoding="utf-8", errors="replace") if place.exists() else ""
    if not module.check_mode:
        write(module, place, text)
    diff = {"before": before, "after": text, "before_header": path, "after_header": path}
    module.exit_json(changed=True, reason=reason, devices=devices, diff=diff)


def write(module, place: Path, text: str) -> None:
    """Put a text in place in one step, as the engine reads the directory at any moment."""
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    # The engine takes files by their suffix, so that it does not read this one.
    draft = place.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    module.atomic_move(str(draft), str(place))


if __name__ == "__main__":
    main()
