#!/usr/bin/python
# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

DOCUMENTATION = r"""
module: file_tree
short_description: Keep directories, once-made secrets and small files of a tree in one look
version_added: 0.1.0
description:
  - Creates what is missing of a list of directories, secrets and files, and puts owner, group, mode and content right.
  - One module run looks at them all, so that a converge that changes nothing stays cheap.
  - Never recursive, and never removes anything; what else lies in a directory is left alone.
author: The gpulab.jupyterhub contributors (@gpulab)
options:
  entries:
    description: What shall be there, parents before children.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path. A link to a directory counts as a directory.
        type: path
        required: true
      state:
        description:
          - V(directory), V(file) with O(entries[].content), or V(secret).
          - A secret is made once, of random characters, and never changed as long as it is not empty.
        type: str
        choices: [directory, file, secret]
        default: directory
      uid:
        description: Number of the owner; numbers, as containers know no names.
        type: int
        default: 0
      gid:
        description: Number of the group.
        type: int
        default: 0
      mode:
        description: Mode in octal digits, as a string.
        type: str
        required: true
      names:
        description: Makes one entry for each of these names below O(entries[].path), all else being equal.
        type: list
        elements: str
      content:
        description: What the file holds.
        type: str
      after:
        description: Files on the server whose content comes before O(entries[].content).
        type: list
        elements: path
        default: []
      validate:
        description:
          - Command that reads the file and ends with 0 when it is good. C({path}) in it stands for a draft of the file.
          - It runs only when the file would change, and before anything of the tree does. Not in check mode.
        type: list
        elements: str
        default: []
      keep_previous:
        description:
          - Whether a file that is written anew leaves what it held before beside it, with C(.previous) after its name,
            so that whoever reads it can go back.
        type: bool
        default: false
      secret:
        description: What a new secret is made of. V(password) avoids characters that people mistake.
        type: str
        choices: [hex, password]
        default: hex
      length:
        description: Characters of a new secret.
        type: int
        default: 64
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed, but never a secret.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Keep the lab's directories and its cookie secret
  gpulab.jupyterhub.file_tree:
    entries:
      - path: /srv/jupyterhub/secrets
        uid: 9000
        gid: 9000
        mode: "0700"
      - path: /srv/jupyterhub/secrets/cookie_secret
        state: secret
        uid: 9000
        gid: 9000
        mode: "0600"
"""

RETURN = r"""
digests:
  description: Digests of what files and secrets hold, by path; their readers can tell by them whether to start anew.
  returned: always
  type: dict
paths:
  description: Paths that were, or in check mode would be, created or put right.
  returned: always
  type: list
  elements: str
  sample: [/srv/jupyterhub/secrets]
previous:
  description: Files that this run wrote anew with O(entries[].keep_previous), each with the one that holds what it was.
  returned: always
  type: dict
  sample: {/srv/jupyterhub/compose.yml: /srv/jupyterhub/compose.yml.previous}
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._file_tree import Entry, Step, WrongKindError, differences, digests, make_secret, plan

_SUBOPTIONS = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["directory", "file", "secret"], "default": "directory"},
    "uid": {"type": "int", "default": 0},
    "gid": {"type": "int", "default": 0},
    "mode": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str"},
    "content": {"type": "str"},
    "after": {"type": "list", "elements": "path", "default": []},
    "validate": {"type": "list", "elements": "str", "default": []},
    "keep_previous": {"type": "bool", "default": False},
    "secret": {"type": "str", "choices": ["hex", "password"], "default": "hex", "no_log": False},
    "length": {"type": "int", "default": 64},
}


def to_entries(options: dict) -> Iterator[Entry]:
    """Yield the entries that one element of C(entries) describes.

    :raises OSError: a file whose content shall come first cannot be read.
    """
    content = options["content"]
    if content is not None:
        content = b"".join([*(Path(path).read_bytes() for path in options["after"]), content.encode()])
    for name in [""] if options["names"] is None else options["names"]:
        yield Entry(
            path=Path(options["path"], name),
            state=options["state"],
            uid=options["uid"],
            gid=options["gid"],
            mode=int(options["mode"], 8),
            content=content,
            alphabet=options["secret"],
            length=options["length"],
            validate=tuple(options["validate"]),
            keep_previous=options["keep_previous"],
        )


def check(module: AnsibleModule, step: Step) -> None:
    """Have the entry's own command read a draft of the file; end the module in words when it is refused."""
    draft = Path(module.tmpdir, step.entry.path.name)
    draft.write_bytes(step.entry.content or b"")
    command = [word.replace("{path}", str(draft)) for word in step.entry.validate]
    code, output, errors = module.run_command(command)
    draft.unlink()
    if code:
        said = (errors or output).strip()
        module.fail_json(msg=f"{step.entry.path} would not work, so it stays as it is. {command[0]} says:\n{said}")


def carry_out(step: Step) -> None:
    """Make one entry what it shall be; a file appears whole, with its final owner and mode, or not at all."""
    entry = step.entry
    if entry.state == "directory":
        if step.create:
            entry.path.mkdir(mode=0o700)
        _set_face(entry.path, entry)
    elif step.write:
        _write(entry)
    else:
        _set_face(entry.path, entry)


def denied(entry: Entry, error: PermissionError) -> str:
    """Say that root may not, of which the path alone tells nothing."""
    return (
        f"{error.filename or entry.path}: {error.strerror}. Root may not change that here, as on NFS with root_squash, "
        f"or where it is immutable (lsattr -d {entry.path}). Let it (no_root_squash, chattr -i), or do it there: "
        f"chown {entry.uid}:{entry.gid} and chmod {entry.mode:04o} {entry.path}; then run the same command again."
    )


def _write(entry: Entry) -> None:
    content = entry.content
    if entry.state == "secret":
        content = (make_secret(entry.alphabet, entry.length) + "\n").encode()
    if entry.previous and entry.path.exists():
        _put(entry.previous, entry.path.read_bytes(), entry)
    _put(entry.path, content or b"", entry)


def _put(path: Path, content: bytes, entry: Entry) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        _set_face(temporary, entry)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink()
        if isinstance(error, OSError):
            # A full disk names no file, and what people look for is not the temporary one.
            error.filename = str(path)
        raise


def _set_face(path: Path, entry: Entry) -> None:
    # The owner first, since changing it drops set-group-id bits.
    os.chown(path, entry.uid, entry.gid)
    path.chmod(entry.mode)


def run(module: AnsibleModule) -> None:
    """Look at all entries, have new files checked, then change what is needed; in check mode only look."""
    try:
        entries = [entry for options in module.params["entries"] for entry in to_entries(options)]
        steps = [step for step in map(plan, entries) if step.needed]
        if not module.check_mode:
            for step in steps:
                if step.write and step.entry.validate:
                    check(module, step)
            for step in steps:
                try:
                    carry_out(step)
                except PermissionError as error:
                    module.fail_json(msg=denied(step.entry, error))
    except WrongKindError as error:
        module.fail_json(msg=f"{error}. Nothing is removed to make room: move it away, or choose another path.")
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}.")
    module.exit_json(
        changed=bool(steps),
        paths=[str(step.entry.path) for step in steps],
        previous={str(step.entry.path): str(step.entry.previous) for step in steps if step.replaces},
        digests=digests(entries),
        diff=differences(steps),
    )


def main() -> None:
    """Run the module."""
    spec = {"entries": {"type": "list", "elements": "dict", "required": True, "options": _SUBOPTIONS}}
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True))


if __name__ == "__main__":
    main()
