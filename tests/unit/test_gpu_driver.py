"""_gpu_driver: the driver as /proc, modinfo, DKMS, EFI and the kernel's log tell of it."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_driver as driver

OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)"
CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue Jun  6 22:20:39 UTC 2023\nGCC version: 12.2.0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OPEN, ("580.65.06", "open")),
        (CLOSED, ("535.54.03", "proprietary")),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  595.80  Release Build", ("595.80", "open")),
        ("GCC version: 12.2.0", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_loaded_module(text, expected):
    assert driver.parse_proc_version(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("filename: /lib/x.ko\nversion:        550.163.01\nlicense:        NVIDIA\n", ("550.163.01", "proprietary")),
        ("license:        Dual MIT/GPL\nversion:        580.65.06\nsrcversion: A1\n", ("580.65.06", "open")),
        ("modinfo: ERROR: Module nvidia not found.", ("", "")),
        ("license: GPL\n", ("", "")),
    ],
)
def test_the_installed_module(text, expected):
    assert driver.parse_modinfo(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "nvidia/550.163.01, 6.1.0-30-amd64, x86_64: installed",
            ("nvidia", "550.163.01", "6.1.0-30-amd64", "installed"),
        ),
        (
            "nvidia, 470.82.01, 5.4.0-90-generic, x86_64: installed",
            ("nvidia", "470.82.01", "5.4.0-90-generic", "installed"),
        ),
        (
            "nvidia-current-open/535.247.01, 6.1.0-30-amd64, x86_64: built (WARNING! Diff between built and installed)",
            ("nvidia-current-open", "535.247.01", "6.1.0-30-amd64", "built"),
        ),
        ("nvidia/550.163.01: added", ("nvidia", "550.163.01", "", "added")),
        ("zfs/2.1.11, 6.1.0-30-amd64, x86_64: installed", None),
        ("Error! nvidia", None),
    ],
)
def test_dkms_of_old_and_new_versions(text, expected):
    found = [(e["module"], e["version"], e["kernel"], e["state"]) for e in driver.parse_dkms(f"{text}\n")]
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("variable", "expected"),
    [(None, None), (b"", None), (b"\x06\0\0\0", None), (b"\x06\0\0\0\x01", True), (b"\x06\0\0\0\x00", False)],
)
def test_secure_boot(variable, expected):
    assert driver.secure_boot(variable) is expected


def test_the_log_is_read_without_time_stamps():
    log = (
        "[    5.1] NVRM: loading\n[    5.2] eth0: up\nJul 1 h kernel: nvidia-nvlink: Nvlink Core is being initialized\n"
    )
    assert driver.of_the_driver(log) == ["NVRM: loading", "nvidia-nvlink: Nvlink Core is being initialized"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "NVRM: Xid (PCI:0000:23:00): 79, GPU has fallen off the bus.",
            ("0000:23:00", 79, "GPU has fallen off the bus."),
        ),
        ("NVRM: Xid (PCI:0000:0F:00): 31, pid=7, name=exe, Ch 0", ("0000:0f:00", 31, "pid=7, name=exe, Ch 0")),
        (
            "NVRM: Xid (PCI:0000:00:06): 154, GPU recovery action changed",
            ("0000:00:06", 154, "GPU recovery action changed"),
        ),
        ("NVRM: Xid of another shape", None),
    ],
)
def test_errors_that_cards_report(line, expected):
    assert [tuple(xid) for xid in driver.parse_xids([line])] == ([expected] if expected else [])


KERNEL = "6.1.0-31-amd64"
SIX = {"module": "nvidia", "version": "550.163.01", "kernel": "6.1.0-30-amd64", "arch": "x86_64", "state": "installed"}
HERE = SIX | {"kernel": KERNEL}
FINE = {"log": [], "kernel": KERNEL, "dkms": [HERE], "installed_version": "550.163.01", "secure_boot": False}
FINE |= {"nouveau_loaded": False, "holders": []}
WANTS_OPEN = "NVRM: installed in this system requires use of the NVIDIA open kernel modules."
WANTS_CLOSED = "NVRM: installed in this system is not supported by open nvidia.ko"
NOT_PROBED = "NVRM: The NVIDIA probe routine was not called for 1 device(s)."
LEGACY = "NVRM: The NVIDIA GeForce GT 710 GPU installed is supported through the NVIDIA 470.xx Legacy drivers."
REJECTED = "modprobe: ERROR: could not insert 'nvidia': Key was rejected by service"


@pytest.mark.parametrize(
    ("change", "text", "command", "reboot"),
    [
        pytest.param(
            {"log": [WANTS_OPEN]}, "requires use of", "apt-get install nvidia-kernel-open-dkms", False, id="open"
        ),
        pytest.param(
            {"log": [WANTS_CLOSED]}, "open nvidia.ko", "apt-get install nvidia-kernel-dkms", False, id="closed"
        ),
        pytest.param({"log": [LEGACY]}, "470.xx Legacy", None, False, id="branch"),
        pytest.param({"log": [REJECTED]}, "Key was rejected", "mokutil --import /var/lib/dkms/mok.pub", True, id="key"),
        pytest.param(
            {"log": [NOT_PROBED], "nouveau_loaded": True}, NOT_PROBED, "update-initramfs -u", True, id="nouveau"
        ),
        pytest.param({"nouveau_loaded": True}, "the module nouveau", "update-initramfs -u", True, id="nouveau, no log"),
        pytest.param({"log": [NOT_PROBED], "holders": ["vfio-pci"]}, "Held by vfio-pci", None, True, id="held"),
        pytest.param({"dkms": [SIX]}, "no nvidia for the running", f"dkms autoinstall -k {KERNEL}", False, id="dkms"),
        pytest.param({"dkms": [], "installed_version": ""}, "there is no module", "dkms status", False, id="no module"),
        pytest.param(
            {"secure_boot": True}, "Secure Boot is on", "mokutil --import /var/lib/dkms/mok.pub", True, id="boot"
        ),
    ],
)
def test_why_it_is_not_loaded(change, text, command, reboot):
    cause = driver.why_not_loaded(FINE | change)
    assert text in cause.text
    assert command in cause.commands if command else cause.remedy
    assert cause.reboot is reboot


def test_without_evidence_no_cause_is_made_up():
    assert driver.why_not_loaded(FINE) is None


def test_the_log_counts_for_more_than_what_is_on_the_server():
    cause = driver.why_not_loaded(FINE | {"log": [REJECTED], "dkms": [SIX], "nouveau_loaded": True})
    assert cause.text == REJECTED
