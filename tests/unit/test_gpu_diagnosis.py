"""_gpu_diagnosis: every failure is told apart by its evidence, and nothing healthy is called ill."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_problems as problems
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_smi as smi
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._gpu_diagnosis import code_of, diagnose, stale_specs
from ansible_collections.gpulab.jupyterhub.plugins.module_utils._gpu_kinds import SERVER
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes

VERSION = "550.163.01"
KERNEL = "6.1.0-31-amd64"
DOCKER = {"version": "28.5.1", "cdi_enabled": True, "runtimes": ["runc"], "default_runtime": "runc"}
DRIVER = {"kernel_version": VERSION, "userspace_version": VERSION, "dkms": [], "secure_boot": None}
DRIVER |= {"nouveau_loaded": False, "reboot_required": False}


def on_bus(cards, driver="nvidia"):
    return [
        {"address": smi.pci_address(card["address"]), "device_id": "2684", "architecture": "Ada", "driver": driver}
        for card in cards
    ]


def at_odds():
    """Return a Volta and a Blackwell, as the bus has them."""
    first, second = on_bus(TWO)
    return [
        first | {"device_id": "1db6", "architecture": "Volta"},
        second | {"device_id": "2941", "architecture": "Blackwell"},
    ]


def spec(cards, **instead):
    names = [card["uuid"] for card in cards if not card["slices"]]
    names += [shapes.mig_uuid(n, i) for n, card in enumerate(cards) for i, _slice in enumerate(card["slices"])]
    return {"path": "/etc/cdi/nvidia.yaml", "devices": [*names, "all"], "driver_version": VERSION, "error": ""} | {
        "device_nodes": ["/dev/nvidiactl"],
        **instead,
    }


def server(cards, **changes):
    """Return the facts of a server that is well, and what a test changes of them."""
    report = smi.parse_xml(shapes.xml(cards))
    return {
        **{"expect_gpus": 0, "pci_gpus": on_bus(cards), "kernel": KERNEL, "log": ["NVRM: loading"], "report": report},
        "smi": {"command": "nvidia-smi -q -x", "state": "ok", "rc": 0, "out": "", "err": ""},
        "gpus": smi.complete(report.gpus, shapes.queried(cards), shapes.listed(cards)),
        **{"output_broken": "", "driver": DRIVER, "installed": {"installed_version": VERSION}},
        **{"control_errno": "", "uvm_errno": "", "docker": DOCKER, "nodes": frozenset({"/dev/nvidiactl"})},
        "toolkit": {"version": "1.18.0", "cdi_specs": [spec(cards)], "cdi_devices": []},
        **changes,
    }


TWO = [shapes.T4, shapes.RTX_3080]
T4, RTX = "0000:00:1e.0", "0000:0c:00.0"
NO_CARDS = server([], pci_gpus=[], smi=server([])["smi"] | {"state": "missing", "rc": None})


def mute(rc, text, errno="", **changes):
    """Return the facts of a server whose nvidia-smi tells of no GPU."""
    return server(
        TWO,
        smi={"command": "nvidia-smi -q -x", "state": "failed", "rc": rc, "out": text, "err": ""},
        **{
            "report": smi.parse_xml(text),
            "gpus": [],
            "control_errno": errno,
            "output_broken": "there is no XML",
            **changes,
        },
    )


def with_log(*lines, **changes):
    return server(TWO, log=[*lines], **changes)


def one_card_less(said="", *log):
    """Return the facts of a server whose driver tells of one of two cards."""
    facts = server([shapes.T4], pci_gpus=on_bus(TWO), log=[*log], toolkit=server(TWO)["toolkit"] | {"cdi_specs": []})
    return facts | {"smi": facts["smi"] | {"err": said}, "docker": {"version": ""}}


def driver(**changes):
    return server(TWO, driver=DRIVER | changes)


def toolkit(*specs, version="1.18.0", **docker):
    kit = {"version": version, "cdi_specs": [*specs], "cdi_devices": []}
    return server(TWO, toolkit=kit, docker=DOCKER | docker)


SICK = server([shapes.T4, shapes.RTX_3080 | {"temperature": "ERR!"}])
HANDLE = "Unable to determine the device handle for GPU0000:0C:00.0: Unknown Error"
NVML = "Failed to initialize NVML: "
COMMUNICATE = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."

# What each failure shows, and what it has to be called: code, severity, subject.
ROWS = {
    "no card": (NO_CARDS | {"expect_gpus": 1}, ("no_gpu_hardware", "error", "PCI bus")),
    "a card less than expected": (server(TWO, expect_gpus=4), ("gpus_missing", "error", "PCI bus")),
    "no nvidia-smi": (
        server(TWO, gpus=[], smi={"command": "nvidia-smi", "state": "missing", "rc": None, "out": "", "err": ""}),
        ("driver_not_installed", "error", "NVIDIA driver"),
    ),
    "cards that no driver serves together": (
        server(TWO, pci_gpus=at_odds()),
        ("cards_at_odds", "error", "PCI bus"),
    ),
    "no library": (
        mute(12, "couldn't find libnvidia-ml.so library"),
        ("driver_not_installed", "error", "NVIDIA driver"),
    ),
    "not loaded": (mute(9, COMMUNICATE, "ENOENT"), ("driver_not_loaded", "error", "NVIDIA driver")),
    "mismatch": (mute(18, f"{NVML}Driver/library version mismatch"), ("version_mismatch", "error", "NVIDIA driver")),
    "mismatch of tools": (
        mute(255, "Mismatch in versions between nvidia-smi and NVML."),
        ("version_mismatch", "error", "NVIDIA driver"),
    ),
    "permissions": (mute(4, f"{NVML}Insufficient Permissions"), ("insufficient_permissions", "error", "NVIDIA driver")),
    "blocked": (
        mute(17, f"{NVML}GPU access blocked by the operating system"),
        ("gpu_access_blocked", "error", "NVIDIA driver"),
    ),
    "nothing found": (mute(6, "No devices were found"), ("no_devices", "error", "NVIDIA driver")),
    "nothing found, rc 0": (mute(0, "No devices were found"), ("no_devices", "error", "NVIDIA driver")),
    "nvml lost": (mute(15, f"{NVML}GPU is lost"), ("gpu_lost", "error", "NVIDIA driver")),
    "lost, no answer": (mute(255, HANDLE), ("gpu_lost", "error", RTX)),
    "lost, others answer": (one_card_less(HANDLE), ("gpu_lost", "error", RTX)),
    "lost, by the log": (
        one_card_less("", "NVRM: Xid (PCI:0000:0c:00): 79, GPU has fallen off the bus."),
        ("gpu_lost", "error", RTX),
    ),
    "lost, nobody says why": (one_card_less(), ("gpu_lost", "error", RTX)),
    "not initialized": (
        one_card_less("", "NVRM: GPU 0000:0c:00.0: RmInitAdapter failed! (0x22:0x56:884)"),
        ("no_devices", "error", RTX),
    ),
    "values missing": (SICK, ("gpu_error_state", "error", RTX)),
    "serious error since the start": (
        with_log("NVRM: Xid (PCI:0000:0c:00): 48, pid=7, DBE (double bit error)"),
        ("gpu_error_state", "warning", RTX),
    ),
    "fabric, told once": (
        server([card | {"fabric": "In Progress"} for card in shapes.RTX_4090S]),
        ("fabric_not_ready", "error", "NVSwitch"),
    ),
    "slices gone with a reboot": (
        server([shapes.T4, shapes.A100_MIG | {"slices": []}]),
        ("mig_without_slices", "warning", "0000:00:04.0"),
    ),
    "inforom by rc": (
        server(TWO, smi=server(TWO)["smi"] | {"rc": 14, "state": "failed", "err": "infoROM is corrupted"}),
        ("inforom_corrupted", "warning", "GPU"),
    ),
    "hung": (
        server(TWO, gpus=[], smi={"command": "nvidia-smi", "state": "hung", "rc": None, "out": "", "err": "no answer"}),
        ("driver_hung", "error", "nvidia-smi"),
    ),
    "cut off, cards known": (
        server(TWO, output_broken="it ends early"),
        ("driver_output_broken", "warning", "nvidia-smi"),
    ),
    "cut off at once": (mute(0, "<nvidia_smi_log><gpu"), ("driver_output_broken", "error", "nvidia-smi")),
    "killed": (mute(-9, ""), ("driver_output_broken", "error", "nvidia-smi")),
    "in a container without nodes": (
        mute(255, f"{NVML}Unknown Error", "ENOENT"),
        ("not_injected", "error", "NVIDIA driver"),
    ),
    "in a container, denied": (mute(255, f"{NVML}Unknown Error", "EPERM"), ("cgroup_denied", "error", "NVIDIA driver")),
    "a node without driver": (mute(999, "", "ENXIO"), ("no_driver_behind_node", "error", "NVIDIA driver")),
    "upgraded": (driver(reboot_required=True), ("driver_upgraded", "warning", "NVIDIA driver")),
    "no uvm": (server(TWO, uvm_errno="ENOENT"), ("uvm_missing", "warning", "/dev/nvidia-uvm")),
    "no toolkit": (toolkit(version=""), ("docker_no_gpu_driver", "warning", "Docker engine")),
    "cdi off": (toolkit(spec(TWO), cdi_enabled=False), ("docker_no_cdi", "warning", "Docker engine")),
    "no specification": (toolkit(), ("cdi_unresolvable", "warning", "/etc/cdi")),
    "broken specification": (
        toolkit(spec(TWO), spec(TWO, path="/etc/cdi/b.yaml", error="ParserError: x")),
        ("cdi_spec_broken", "warning", "/etc/cdi/b.yaml"),
    ),
    "unread specification": (
        toolkit(spec(TWO, error="this server's Python cannot read YAML")),
        ("cdi_spec_unread", "warning", "/etc/cdi/nvidia.yaml"),
    ),
    "stale specification": (
        toolkit(spec(TWO, driver_version="535.54.03")),
        ("cdi_stale", "warning", "/etc/cdi/nvidia.yaml"),
    ),
    "default runtime": (
        toolkit(spec(TWO), runtimes=["nvidia", "runc"], default_runtime="nvidia"),
        ("default_runtime_nvidia", "warning", "default-runtime"),
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_each_failure_has_its_name(row):
    facts, (code, severity, subject) = ROWS[row]
    (found,) = diagnose(facts)
    assert (found.code, found.severity, found.subject) == (code, severity, subject)
    assert found.evidence and found.remedy
    assert problems.status([found]) == {"error": "failed", "warning": "degraded"}[severity]


def test_no_command_is_about_what_is_no_name_of_a_thing():
    for facts, (_code, _severity, subject) in ROWS.values():
        (found,) = diagnose(facts)
        assert subject == found.subject and (" " not in subject or subject not in " ".join(found.remedy_commands))


def test_every_kind_of_problem_of_a_server_is_in_the_table():
    assert {code for _facts, (code, _severity, _subject) in ROWS.values()} == SERVER.keys()


HEALTHY = {
    "no card": NO_CARDS,
    "no card, nobody asked": NO_CARDS | {"toolkit": {"version": "", "cdi_specs": [], "cdi_devices": []}},
    "as many as expected": server(TWO, expect_gpus=2),
    **{name: server([card]) for name, card in vars(shapes).items() if isinstance(card, dict) and "uuid" in card},
    "eight cards": server(shapes.RTX_4090S),
    "mixed, sliced": server([shapes.A100_MIG, shapes.H100_MIG, shapes.T4]),
    "a card of a virtual machine": server(
        [shapes.T4], pci_gpus=on_bus([shapes.T4]) + on_bus([shapes.RTX_3080], "vfio-pci")
    ),
    "only cards of virtual machines": mute(9, COMMUNICATE, pci_gpus=on_bus(TWO, "vfio-pci")),
    "WSL: neither a card on the bus nor a node": server([shapes.RTX_3080], pci_gpus=[], uvm_errno="ENOENT"),
    "no engine": server(TWO, docker={"version": ""}),
    "legacy runtime": toolkit(cdi_enabled=False, runtimes=["nvidia", "runc"]),
    "a program that failed on a card": with_log("NVRM: Xid (PCI:0000:0c:00): 31, pid=7, MMU Fault"),
    "a card that came back": with_log("NVRM: Xid (PCI:0000:0c:00): 79, GPU has fallen off the bus."),
    "Secure Boot with a signed module": driver(secure_boot=True),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_healthy_is_called_ill(name):
    assert diagnose(HEALTHY[name]) == []


def test_the_cause_of_an_unloaded_module_comes_with_its_own_remedy():
    (found,) = diagnose(mute(9, COMMUNICATE, driver=DRIVER | {"nouveau_loaded": True}))
    assert (found.needs_reboot, found.remedy_commands[1:]) == (True, ("update-initramfs -u", "systemctl reboot"))
    assert found.as_dict()["evidence"] == {
        **{"command": "nvidia-smi -q -x", "rc": 9, "errno": ""},
        "text": "the module nouveau is loaded, and holds the cards.",
    }


def test_a_module_of_the_wrong_flavour_that_loaded_all_the_same_is_told():
    log = ["NVRM: installed in this system requires use of the NVIDIA open kernel modules."]
    (found,) = diagnose(mute(6, "No devices were found", log=log))
    assert (found.code, found.evidence) == ("no_devices", log[0])
    assert found.remedy_commands[0] == "apt-get install nvidia-kernel-open-dkms"


def test_a_driver_that_is_not_there_comes_with_what_suits_the_cards():
    facts, _row = ROWS["no nvidia-smi"]
    (problem,) = diagnose(facts)
    assert "The cards here (Ada) need: open or proprietary kernel module, branch 525 or later." in problem.remedy


def test_one_cause_is_one_problem():
    facts = mute(18, "Driver/library version mismatch", uvm_errno="ENOENT", docker=DOCKER | {"cdi_enabled": False})
    assert [found.code for found in diagnose(facts)] == ["version_mismatch"]


def test_a_sick_card_does_not_hide_a_lost_one_nor_the_engine():
    cards = [shapes.T4 | {"recovery": "Reset"}]
    facts = server(cards, pci_gpus=on_bus(TWO), uvm_errno="ENOENT")
    assert [(found.code, found.subject) for found in diagnose(facts)] == [
        ("gpu_error_state", T4),
        ("gpu_lost", RTX),
        ("uvm_missing", "/dev/nvidia-uvm"),
    ]


def test_commands_name_the_card():
    (found,) = diagnose(SICK)
    assert found.remedy_commands == (f"nvidia-smi --gpu-reset -i {RTX}",)


@pytest.mark.parametrize(
    ("code", "text", "errno", "expected"),
    [
        (18, "", "", "version_mismatch"),
        (18, "Unknown Error", "ENOENT", "version_mismatch"),
        (255, "nvml error: driver/library version mismatch", "", "version_mismatch"),
        (255, "NVRM: API mismatch", "", "version_mismatch"),
        (255, HANDLE, "", "gpu_lost"),
        (999, "", "ENOENT", "not_injected"),
        (999, "", "EPERM", "cgroup_denied"),
        (999, "", "EACCES", "insufficient_permissions"),
        (255, "Unknown Error", "ENXIO", "no_driver_behind_node"),
        (255, "Unknown Error", "", ""),
        (0, "", "", ""),
        (None, "", "", ""),
        (-11, "Segmentation fault", "", ""),
    ],
)
def test_codes_by_rc_words_and_errno(code, text, errno, expected):
    assert code_of(code, text, errno) == expected


def test_specifications_are_compared_only_with_known_cards():
    assert stale_specs(mute(9, COMMUNICATE) | {"nodes": frozenset()}) == []
    ((path, reasons),) = stale_specs(server(TWO, nodes=frozenset()))
    assert (path, reasons) == ("/etc/cdi/nvidia.yaml", ["it has device nodes that are not there: /dev/nvidiactl"])


def test_an_unknown_code_cannot_be_given():
    with pytest.raises(KeyError):
        problems.fault("no_such_code", "subject", "text")
