"""Stands in for the program docker in tests of actions for images: images are files, named by their references.

A build whose context says `fail` does. An archive of `docker save` has the images' labels, by their references.
"""

import gzip
import json
import os
import sys
import tarfile
from pathlib import Path

STORE = Path(os.environ["DOUBLE_STORE"])


def place(ref):
    return STORE / ref.replace("/", "%")


def build(words):
    labels = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--label")
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as context:
        text = context.extractfile(context.next()).read().decode()
    print("#5 [1/1] RUN something", flush=True)
    if "fail" in text:
        print(
            "#5 0.1 E: Unable to locate package nonsense\n"
            "#5 ERROR: process x did not complete successfully: exit code: 1"
        )
        sys.exit(1)
    print("#5 DONE 0.1s")
    place(words[words.index("--tag") + 1]).write_text(json.dumps(labels))


def save(refs):
    print(json.dumps({ref: json.loads(place(ref).read_text()) for ref in refs}))


def load(path):
    for ref, labels in json.loads(gzip.decompress(Path(path).read_bytes())).items():
        place(ref).write_text(json.dumps(labels))
        print(f"Loaded image: {ref}")


def inspect(ref):
    labels = json.loads(place(ref).read_text())
    return {"Id": ref, "Size": 1, "RepoTags": [ref], "Config": {"Labels": labels}}


def main():
    words = sys.argv[3:]
    match words[:2]:
        case ["image", "ls"]:
            print("\n".join(path.name.replace("%", "/") for path in STORE.iterdir()))
        case ["container", "ls"]:
            pass
        case ["image", "inspect"]:
            if not all(place(ref).exists() for ref in words[2:]):
                sys.exit(f"No such image: {words[2:]}")
            print(json.dumps([inspect(ref) for ref in words[2:]]))
        case ["image", "save"]:
            save(words[2:])
        case ["image", "load"]:
            load(words[3])
        case ["image", "rm"]:
            place(words[2]).unlink()
        case ["image", "import"]:
            labels = [word.removeprefix("LABEL ") for word in words if word.startswith("LABEL ")]
            place(words[-1]).write_text(json.dumps(dict(label.split("=", 1) for label in labels)))
        case ["buildx", "build"]:
            build(words)
        case _:
            sys.exit(f"the double does not know {words}")


main()
