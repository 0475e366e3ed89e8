# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at the GPUs from inside a container, or from its server; prints JSON.

Its text is handed to whatever Python is there, so it needs nothing but the standard library, from Python 3.7 on.
"""

import ctypes
import errno
import importlib.util
import json
import os
import sys
from pathlib import Path

_LIBRARY_NOT_FOUND = 12
_ALWAYS = ("/dev/nvidiactl", "/dev/nvidia-uvm")
_MAPS = "/proc/self/maps"


def device_nodes():
    """Open each device node as a program would, and tell the name of the error."""
    found = [str(path) for pattern in ("nvidia[0-9]*", "nvidia-caps/*") for path in Path("/dev").glob(pattern)]
    nodes = ((path, open_errno(path)) for path in sorted([*_ALWAYS, *found]))
    return [{"path": path, "present": Path(path).exists(), "errno": name} for path, name in nodes]


def open_errno(path):
    """Return the name of the error that opening a node gives; empty if it opens."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    return ""


# --- NVML -------------------------------------------------------------------------------------------------------------


def nvml():
    """Ask NVML: its code, words and library, the driver's version, and the GPUs with their slices."""
    told = {"code": None, "text": "", "library": "", "driver": "", "cuda": "", "gpus": []}
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError as error:
        return dict(told, code=_LIBRARY_NOT_FOUND, text=str(error))
    told["library"] = loaded_from("libnvidia-ml")
    library.nvmlErrorString.restype = ctypes.c_char_p
    told["code"] = library.nvmlInit_v2()
    told["text"] = (library.nvmlErrorString(told["code"]) or b"").decode(errors="replace")
    if told["code"]:
        return told
    told["driver"] = words(library.nvmlSystemGetDriverVersion)
    told["cuda"] = cuda_version(library)
    count = number(library.nvmlDeviceGetCount_v2)
    told["gpus"] = [gpu(library, index) for index in range(count or 0)]
    library.nvmlShutdown()
    return told


def gpu(library, index):
    """Ask for one GPU: UUID, name and the UUIDs of its slices; an `error` instead if it does not answer."""
    handle = ctypes.c_void_p()
    code = library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle))
    if code:
        return {"index": index, "uuid": "", "name": "", "slices": [], "error": code}
    found = {"index": index, "uuid": words(library.nvmlDeviceGetUUID, handle), "error": 0}
    return dict(found, name=words(library.nvmlDeviceGetName, handle), slices=slices(library, handle))


def slices(library, handle):
    """Return the UUIDs of the slices that can be seen of a GPU."""
    current, pending = ctypes.c_uint(), ctypes.c_uint()
    if library.nvmlDeviceGetMigMode(handle, ctypes.byref(current), ctypes.byref(pending)) or not current.value:
        return []
    found = []
    for index in range(number(library.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        device = ctypes.c_void_p()
        if library.nvmlDeviceGetMigDeviceHandleByIndex(handle, index, ctypes.byref(device)) == 0:
            found.append(words(library.nvmlDeviceGetUUID, device))
    return found


def words(function, *arguments):
    """Call what fills a buffer with text."""
    buffer = ctypes.create_string_buffer(96)
    code = function(*arguments, buffer, ctypes.c_uint(len(buffer)))
    return "" if code else buffer.value.decode(errors="replace")


def number(function, *arguments):
    """Call what fills in a number; None if it fails."""
    value = ctypes.c_uint()
    return None if function(*arguments, ctypes.byref(value)) else value.value


def cuda_version(library):
    """Return the highest CUDA version that the driver serves."""
    version = number(library.nvmlSystemGetCudaDriverVersion_v2)
    return f"{version // 1000}.{version % 1000 // 10}" if version else ""


def loaded_from(name):
    """Return the file that a library of this name was loaded from."""
    try:
        maps = Path(_MAPS).read_text(errors="replace").splitlines()
        return next((line.split()[-1] for line in maps if name in line), "")
    except OSError:
        return ""


# --- Computing --------------------------------------------------------------------------------------------------------


def cuda():
    """Start CUDA; the code of cuInit, None where there is no libcuda."""
    try:
        return {"code": ctypes.CDLL("libcuda.so.1").cuInit(0)}
    except OSError:
        return {"code": None}


def computation():
    """Compute something on each GPU, where there is a torch: its version, and what went wrong."""
    sys.path += filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    if importlib.util.find_spec("torch") is None:
        return {"version": "", "error": "", "devices": 0}
    try:
        torch = importlib.import_module("torch")
        devices = torch.cuda.device_count()
        sums = [torch.ones(64, device=f"cuda:{n}").sum().item() for n in range(devices)]
        wrong = [n for n, total in enumerate(sums) if total != 64]
        return {"version": torch.__version__, "error": f"wrong sums on {wrong}" if wrong else "", "devices": devices}
    except Exception as error:
        return {"version": "?", "error": f"{type(error).__name__}: {error}", "devices": 0}


def main():
    """Look, tell."""
    compute = "no-compute" not in sys.argv
    told = {"device_nodes": device_nodes(), "nvml": nvml()}
    computes = compute and told["nvml"]["code"] == 0 and told["nvml"]["gpus"]
    told.update(cuda=cuda() if computes else {"code": None}, torch=computation() if computes else None)
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
