# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What `labhub.probe` has a kernel look at, as code that prints ``{"ok": true}`` or what is wrong."""

HOME = """
import getpass, json, os, pathlib, uuid
home = pathlib.Path.home()
try:
    if os.getuid() == 0 or os.environ.get("USER") != arguments["user"] or home.name != arguments["user"]:
        raise OSError(f"the kernel runs as uid {os.getuid()}, {getpass.getuser()}, at home in {home}")
    path = home / f".lab-probe-{uuid.uuid4().hex}"
    path.write_text("kept")
    kept = path.read_text()
    path.unlink()
    print(json.dumps({"ok": kept == "kept", "evidence": f"read {kept!r} back"}))
except OSError as error:
    print(json.dumps({"evidence": str(error)}))
"""

MOUNT = """
import json, pathlib, uuid
path = pathlib.Path(arguments["path"])
# os.path.ismount does not see a bind mount from the same file system.
mounted = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
def look():
    if str(path).replace(" ", "\\040") not in mounted:
        return {"what": "missing", "evidence": f"nothing is mounted at {path}"}
    try:
        file = path / f".lab-probe-{uuid.uuid4().hex}"
        file.touch()
        file.unlink()
    except OSError as error:
        return {"ok": arguments["mode"] == "ro", "what": "ro", "evidence": str(error)}
    return {"ok": arguments["mode"] == "rw", "what": "rw", "evidence": f"{path} is writable and should not be"}
print(json.dumps(look()))
"""

PACKAGES = """
import importlib, json, os, pathlib, sys
directory, module = arguments["directory"], arguments["module"]
# Else the import leaves __pycache__ behind, owned by the probe's uid.
sys.dont_write_bytecode = True
def look():
    if directory not in sys.path:
        raise ImportError(f"{directory} is not in sys.path: {sys.path}")
    if not os.access(directory, os.R_OK | os.X_OK):
        raise ImportError(f"{directory} is in sys.path, and cannot be read")
    return arguments["shared_packages"] == "curated" or imported()
def imported():
    path = pathlib.Path(directory, f"{module}.py")
    try:
        path.write_text("kept = True")
        importlib.invalidate_caches()
        return importlib.import_module(module).kept
    finally:
        path.unlink(missing_ok=True)
try:
    verdict = {"ok": look()}
except (OSError, ImportError) as error:
    verdict = {"evidence": str(error)}
print(json.dumps(verdict))
"""

NO_PACKAGES = """
import json, os, pathlib, sys
directory = arguments["directory"]
mounted = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
seen = {
    "is mounted": directory in mounted,
    "is in sys.path": directory in sys.path,
    "is PIP_TARGET": os.environ.get("PIP_TARGET") == directory,
}
left = [what for what, found in seen.items() if found]
print(json.dumps({"ok": not left, "evidence": f"{directory} {' and '.join(left)}"}))
"""
