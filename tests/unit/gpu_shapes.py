"""Cards, as nvidia-smi told of real ones, written again in the shapes of `-q -x`, `-q`, `-L` and `--query-gpu`."""

# As xml.sax.saxutils.escape does; to import that takes longer than all else that a stand-in for nvidia-smi does.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
DEPRECATED = "Requested functionality has been deprecated"


def card(name, uuid, address, memory, **more):
    """Describe a card; *memory* is total, reserved, used and free in MiB."""
    return {"name": name, "uuid": uuid, "address": address, "memory": memory, "cap": "", "mig": "N/A"} | {
        "pending": None,
        "slices": [],
        "processes": [],
        "recovery": None,
        "reset": None,
        "fabric": None,
        "temperature": "36 C",
        **more,
    }


def mig(profile, instance, compute, memory):
    """Describe a slice; its UUID is only in `-L`."""
    return {"profile": profile, "gi": instance, "ci": compute, "memory": memory}


H100_SLICES = [
    mig("3g.40gb", 2, 0, (40448, 0, 11091, 29357)),
    mig("2g.20gb", 3, 0, (20096, 0, 17, 20080)),
    mig("1g.10gb", 9, 0, (9984, 0, 9, 9976)),
    mig("1g.10gb", 10, 0, (9984, 0, 9, 9976)),
]
MEMHOG = ("C", "/root/tools/memhog")
H100_MIG = card(
    *("NVIDIA H100 80GB HBM3", "GPU-00000000-0000-0000-0000-000000000000", "00000000:00:09.0"),
    (81559, 479, 11125, 69956),
    **{"cap": "9.0", "mig": "Enabled", "slices": H100_SLICES, "recovery": "None", "fabric": "Completed"},
    processes=[(21180, *MEMHOG, 2296, 2, 0), (21181, *MEMHOG, 1272, 2, 0), (21198, "C", "./gpu_burn", 7484, 2, 0)],
)
H200_MIG = card(
    *("NVIDIA H200", "GPU-00000000-0000-0000-0000-000000000001", "00000000:83:00.0"),
    (143771, 614, 55, 143103),
    **{"cap": "9.0", "mig": "Enabled", "recovery": "None", "fabric": "Completed"},
    slices=[mig("1c.3g.71gb", 2, 0, (71424, 0, 22, 71403)), mig("2c.3g.71gb", 2, 1, (71424, 0, 22, 71403))],
)
A100_MIG = card(
    *("NVIDIA A100-SXM4-40GB", "GPU-27b94a00-ed54-5c24-b1fd-1054085de32a", "00000000:00:04.0"),
    (40960, 605, 38, 40315),
    **{"cap": "8.0", "mig": "Enabled"},
    slices=[mig("3g.20gb", 1, 0, (19968, 0, 19, 19948)), mig("3g.20gb", 2, 0, (19968, 0, 19, 19948))],
)
T4 = card(
    *("Tesla T4", "GPU-d37e67a5-91dd-3774-a5cb-99096249601a", "00000000:00:1E.0"),
    (15360, 388, 1032, 13939),
    cap="7.5",
    processes=[(675, "G", "/usr/lib/xorg/Xorg", 22, None, None), (5762, "C", "python", 1005, None, None)],
)
RTX_3080 = card(
    *("NVIDIA GeForce RTX 3080", "GPU-19d6d965-2acc-f646-00f8-4c76979aabb4", "00000000:0C:00.0"),
    (10240, 397, 9184, 660),
    **{"cap": "8.6", "recovery": "None", "fabric": "N/A"},
)
# What a person's desktop shows on Windows and under Wayland: a process whose memory is not told.
RTX_2080 = card(
    *("NVIDIA GeForce RTX 2080 SUPER", "GPU-00000000-0000-0000-0000-000000000002", "00000000:0C:00.0"),
    (8192, 205, 702, 7286),
    cap="7.5",
    processes=[(2056, "C+G", "C:\\Windows\\System32\\dwm.exe", None, None, None)],
)
# Eight of a kind in one server, at the addresses of a common board.
RTX_4090S = [
    card(
        *("NVIDIA GeForce RTX 4090", f"GPU-0000000{n}-1111-2222-3333-444444444444", f"00000000:{bus}:00.0"),
        (24564, 364, 1, 24200),
        **{"cap": "8.9", "recovery": "None"},
    )
    for n, bus in enumerate(("01", "25", "41", "61", "81", "A1", "C1", "E1"))
]


def mib(number):
    return "N/A" if number is None else f"{number} MiB"


# --- nvidia-smi -q -x ---


def xml(cards, driver="550.163.01", cuda="12.4", dtd=12, indent="\t"):
    """Write what `nvidia-smi -q -x` says."""
    lines = ['<?xml version="1.0" ?>', f'<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v{dtd}.dtd">']
    body = [("timestamp", "Tue Jul 14 09:00:44 2026"), ("driver_version", driver), ("cuda_version", cuda)]
    body += [("attached_gpus", len(cards)), *((f'gpu id="{one["address"]}"', _xml_card(one)) for one in cards)]
    return "\n".join([*lines, *_elements([("nvidia_smi_log", body)], indent, 0)]) + "\n"


def _elements(pairs, indent, depth):
    for tag, content in pairs:
        name = tag.split()[0]
        if isinstance(content, list):
            yield f"{indent * depth}<{tag}>"
            yield from _elements(content, indent, depth + 1)
            yield f"{indent * depth}</{name}>"
        elif content is not None:
            yield f"{indent * depth}<{tag}>{str(content).translate(_ESCAPES)}</{name}>"


def _xml_memory(memory):
    return list(zip(("total", "reserved", "used", "free"), map(mib, memory), strict=True))


def _xml_card(one):
    slices = [("mig_device", _xml_slice(n, piece)) for n, piece in enumerate(one["slices"])]
    return [
        ("product_name", one["name"]),
        ("display_mode", DEPRECATED),
        ("mig_mode", [("current_mig", one["mig"]), ("pending_mig", one["pending"] or one["mig"])]),
        ("mig_devices", slices or "None"),
        ("uuid", one["uuid"]),
        ("gpu_reset_status", [("reset_required", one["reset"])]),
        ("gpu_recovery_action", one["recovery"]),
        ("pci", [("pci_bus_id", one["address"]), ("replay_counter", "0")]),
        ("fan_speed", "N/A"),
        ("fb_memory_usage", _xml_memory(one["memory"])),
        ("bar1_memory_usage", [("total", "256 MiB"), ("used", "5 MiB"), ("free", "251 MiB")]),
        ("temperature", [("gpu_temp", one["temperature"]), ("memory_temp", "N/A")]),
        *([("fabric", [("state", one["fabric"]), ("status", "N/A")])] if one["fabric"] else []),
        ("supported_clocks", [("supported_mem_clock", [("value", "1215 MHz")])]),
        ("processes", [("process_info", _xml_process(*process)) for process in one["processes"]]),
        ("accounted_processes", []),
    ]


def _xml_slice(index, piece):
    return [
        ("index", index),
        ("gpu_instance_id", piece["gi"]),
        ("compute_instance_id", piece["ci"]),
        ("device_attributes", [("shared", [("multiprocessor_count", "60")])]),
        ("fb_memory_usage", _xml_memory(piece["memory"])),
        ("bar1_memory_usage", [("total", "24739 MiB"), ("used", "0 MiB"), ("free", "24739 MiB")]),
    ]


def _xml_process(pid, kind, name, memory, instance, compute):
    ids = [("gpu_instance_id", instance), ("compute_instance_id", compute)]
    return [(tag, "N/A" if number is None else number) for tag, number in ids] + [
        *(("pid", pid), ("type", kind), ("process_name", name), ("used_memory", mib(memory)))
    ]


# --- nvidia-smi -q ---


def text(cards, driver="550.163.01", cuda="12.4", more=()):
    """Write what `nvidia-smi -q` says; *more* is said after the versions."""
    versions = [("Timestamp", "Tue Jul 14 09:00:44 2026"), ("Driver Version", driver), ("CUDA Version", cuda), *more]
    lines = [
        "",
        f"{'':=<14}NVSMI LOG{'':=<14}",
        "",
        *_lines(versions, 0),
        "",
        *_lines([("Attached GPUs", len(cards))], 0),
    ]
    for one in cards:
        lines += [f"GPU {one['address']}", *_lines(_text_card(one), 4), ""]
    return "\n".join(lines) + "\n"


def _lines(pairs, depth, width=51):
    for label, content in pairs:
        if isinstance(content, list):
            yield " " * depth + label
            yield from _lines(content, depth + 4, width)
        elif content is not None:
            yield f"{' ' * depth + label:{width}}: {content}"


def _text_memory(memory):
    return list(zip(("Total", "Reserved", "Used", "Free"), map(mib, memory), strict=True))


def _text_card(one):
    return [
        ("Product Name", one["name"]),
        ("Display Mode", DEPRECATED),
        ("MIG Mode", [("Current", one["mig"]), ("Pending", one["pending"] or one["mig"])]),
        *(("MIG Device", _text_slice(n, piece)) for n, piece in enumerate(one["slices"])),
        ("GPU UUID", one["uuid"]),
        ("GPU Recovery Action", one["recovery"]),
        ("PCI", [("Bus Id", one["address"]), ("GPU Link Info", [("PCIe Generation", [("Max", 5)])])]),
        ("FB Memory Usage", _text_memory(one["memory"])),
        ("BAR1 Memory Usage", [("Total", "256 MiB"), ("Used", "5 MiB"), ("Free", "251 MiB")]),
        ("Temperature", [("GPU Current Temp", one["temperature"])]),
        *([("Fabric", [("State", one["fabric"]), ("Status", "N/A")])] if one["fabric"] else []),
        ("Processes", [line for process in one["processes"] for line in _text_process(*process)] or "None"),
        ("Capabilities", [("EGM", "disabled")]),
    ]


def _text_slice(index, piece):
    return [
        ("Index", index),
        ("GPU Instance ID", piece["gi"]),
        ("Compute Instance ID", piece["ci"]),
        ("Shared FB Memory Usage", _text_memory(piece["memory"])),
        ("Shared BAR1 Memory", [("Total", "24739 MiB")]),
    ]


def _text_process(pid, kind, name, memory, instance, compute):
    yield "GPU instance ID", "N/A" if instance is None else instance
    yield "Compute instance ID", "N/A" if compute is None else compute
    yield (
        "Process ID",
        f"{pid}\n" + "\n".join(_lines([("Type", kind), ("Name", name), ("Used GPU Memory", mib(memory))], 12, 46)),
    )


# --- nvidia-smi -L, --query-gpu ---


def listed(cards):
    """Write what `nvidia-smi -L` says."""
    lines = []
    for n, one in enumerate(cards):
        lines.append(f"GPU {n}: {one['name']} (UUID: {one['uuid']})")
        lines += [
            f"  MIG {piece['profile']:<10}  Device {i:>2}: (UUID: {piece.get('uuid') or mig_uuid(n, i)})"
            for i, piece in enumerate(one["slices"])
        ]
    return "\n".join([*lines, ""])


def mig_uuid(card_index, index):
    return f"MIG-0000000{card_index}-0000-0000-0000-00000000000{index}"


def queried(cards):
    """Write what `nvidia-smi --query-gpu=index,uuid,compute_cap --format=csv,noheader` says."""
    return "".join(f"{n}, {one['uuid']}, {one['cap']}\n" for n, one in enumerate(cards))
