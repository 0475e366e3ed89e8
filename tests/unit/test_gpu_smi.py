"""_gpu_smi: every card in every shape is read right; what is cut off is a named problem, and no traceback."""

import re
from pathlib import Path

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_smi as smi
from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes
from hypothesis import given, settings
from hypothesis import strategies as st

SERVERS = {
    "h100-mig": [shapes.H100_MIG],
    "h200-mig": [shapes.H200_MIG],
    "a100-mig": [shapes.A100_MIG],
    "t4": [shapes.T4],
    "rtx-3080": [shapes.RTX_3080],
    "rtx-2080": [shapes.RTX_2080],
    "rtx-4090-x8": shapes.RTX_4090S,
    "mixed": [shapes.T4, shapes.A100_MIG, shapes.RTX_3080],
}
MEMORY = ("total", "reserved", "used", "free")
RECORDINGS = Path(__file__).resolve().parents[3] / "shared/data/nvidia-smi"
# They lie beside the checkout where there are any; what is in `gpu_shapes`, of the same shapes, is tried everywhere.
WITH_RECORDINGS = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not beside this checkout")


def expected(cards):
    """Return what `complete` has to make of cards."""
    return [
        {
            "index": n,
            "uuid": one["uuid"],
            "name": one["name"],
            "pci_bus_id": one["address"].lower()[4:],
            "memory": dict(zip(MEMORY, one["memory"], strict=True)),
            "compute_cap": one["cap"],
            "mig_mode": {"Enabled": "enabled"}.get(one["mig"], "unsupported"),
            "mig_pending": {"Enabled": "enabled"}.get(one["mig"], "unsupported"),
            "mig_devices": [
                {
                    **{"index": i, "uuid": shapes.mig_uuid(n, i), "profile": piece["profile"]},
                    **{"gpu_instance_id": piece["gi"], "compute_instance_id": piece["ci"]},
                    "memory": dict(zip(MEMORY, piece["memory"], strict=True)),
                }
                for i, piece in enumerate(one["slices"])
            ],
            "processes": [
                dict(
                    zip(
                        ("pid", "type", "name", "memory", "gpu_instance_id", "compute_instance_id"),
                        process,
                        strict=True,
                    )
                )
                for process in one["processes"]
            ],
        }
        for n, one in enumerate(cards)
    ]


def read(report, cards):
    return smi.complete(report.gpus, shapes.queried(cards), shapes.listed(cards))


@pytest.mark.parametrize("dtd", [11, 12, 13])
@pytest.mark.parametrize("server", SERVERS)
def test_xml_is_read_in_full(server, dtd):
    cards = SERVERS[server]
    report = smi.parse_xml(shapes.xml(cards, dtd=dtd))
    assert read(report, cards) == expected(cards)
    assert (report.broken, report.said, report.faults) == ("", "", ())
    assert (report.driver_version, report.cuda_version, report.attached) == ("550.163.01", "12.4", len(cards))


@pytest.mark.parametrize("server", SERVERS)
def test_the_text_says_the_same(server):
    cards = SERVERS[server]
    report = smi.parse_text(shapes.text(cards))
    assert read(report, cards) == expected(cards)
    assert report == smi.parse_xml(shapes.xml(cards))


def test_versions_of_610_come_without_the_notice():
    notice = "[Deprecated; will be removed in CUDA 14.0. Use KMD Version instead]"
    told = {"driver": f"610.57.04 {notice}", "cuda": f"13.3 {notice}"}
    for report in (
        smi.parse_text(shapes.text([shapes.T4], **told)),
        smi.parse_xml(shapes.xml([shapes.T4], **told)),
        smi.parse_text(shapes.text([shapes.T4], "", "", [("KMD Version", "610.57.04"), ("CUDA UMD Version", "13.3")])),
    ):
        assert (report.driver_version, report.cuda_version) == ("610.57.04", "13.3")


def test_without_the_other_commands_cards_are_counted_and_slices_nameless():
    found = smi.complete(smi.parse_xml(shapes.xml(SERVERS["mixed"])).gpus, "", "")
    assert [(gpu["index"], gpu["compute_cap"]) for gpu in found] == [(0, ""), (1, ""), (2, "")]
    assert [device["uuid"] for device in found[1]["mig_devices"]] == ["", ""]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("GPU 0: T4 (UUID: GPU-a)", {"GPU-a": []}),
        ("No devices found.", {}),
        ("", {}),
        ("  MIG 1g.5gb      Device  0: (UUID: MIG-x)", {}),
        (
            "GPU 0: A100 (UUID: GPU-a)\n  MIG 1g.10gb+me Device  0: (UUID: MIG-GPU-a/7/0)",
            {"GPU-a": [{"index": 0, "profile": "1g.10gb+me", "uuid": "MIG-GPU-a/7/0"}]},
        ),
    ],
)
def test_lists_of_old_and_new_drivers(listed, expected):
    assert smi.parse_list(listed) == expected


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"temperature": "ERR!"}, [("gpu_error_state", "gpu_temp: ERR!")]),
        ({"temperature": "[Unknown Error]"}, [("gpu_error_state", "gpu_temp: [Unknown Error]")]),
        ({"temperature": "[GPU is lost]"}, [("gpu_lost", "gpu_temp: [GPU is lost]")]),
        ({"recovery": "Reset"}, [("gpu_error_state", "recovery action: Reset")]),
        ({"recovery": "Reboot"}, [("gpu_error_state", "recovery action: Reboot")]),
        ({"reset": "Yes"}, [("gpu_error_state", "reset_required: Yes")]),
        ({"reset": "No"}, []),
        ({"fabric": "In Progress"}, [("fabric_not_ready", "fabric state: In Progress")]),
        ({"fabric": "Completed"}, []),
        ({"name": "ERR! 3000"}, []),
    ],
)
def test_a_card_that_is_not_well_is_named(change, faults):
    report = smi.parse_xml(shapes.xml([shapes.RTX_3080, shapes.T4 | change]))
    assert list(report.faults) == [(code, "0000:00:1e.0", words) for code, words in faults]
    assert len(report.gpus) == 2


# --- What is not as it should be ---


def test_warnings_around_the_xml_are_kept():
    text = f"WARNING: driver is old\n{shapes.xml([shapes.T4])}WARNING: infoROM is corrupted at gpu 0000:00:1E.0\n"
    report = smi.parse_xml(text)
    assert report.said == "WARNING: driver is old\nWARNING: infoROM is corrupted at gpu 0000:00:1E.0"
    assert (len(report.gpus), report.broken) == (1, "")


def test_a_process_name_that_breaks_the_xml_is_read_from_the_text():
    name = "python\x1b[0m <train> & wait"
    cards = [shapes.T4 | {"processes": [(5762, "C", name, 1005, None, None)]}, shapes.RTX_3080]
    broken = smi.parse_xml(shapes.xml(cards))
    assert (len(broken.gpus), broken.broken[:28]) == (0, "it is no well-formed XML: no")
    report = smi.parse_text(shapes.text(cards))
    assert (report.broken, [gpu["processes"][0]["name"] for gpu in report.gpus[:1]]) == ("", [name])


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("", "there is no <nvidia_smi_log> in it"),
        ("No devices were found\n", "there is no <nvidia_smi_log> in it"),
        ("<nvidia_smi_log><gpu id='a'><uuid>x</uuid></gpu>", "it ends before </nvidia_smi_log>"),
        ("<nvidia_smi_log><gpu id='00000000:01:00.0'/></nvidia_smi_log>", "it has no UUID of 0000:01:00.0"),
        ("<nvidia_smi_log></gpu></nvidia_smi_log>", "it is no well-formed XML: mismatched tag: line 1, column 18"),
    ],
)
def test_broken_xml_is_named(text, broken):
    assert smi.parse_xml(text).broken == broken


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("", "it does not say how many GPUs are attached"),
        (shapes.text([shapes.T4])[:-1], "it ends before its last, empty line"),
        (
            shapes.text([shapes.T4]).replace(
                "Attached GPUs                                      : 1", "Attached GPUs : 4"
            ),
            "it tells about 1 of 4 GPUs",
        ),
    ],
)
def test_broken_text_is_named(text, broken):
    assert smi.parse_text(text).broken == broken


XML, TEXT = shapes.xml(SERVERS["mixed"]), shapes.text(SERVERS["mixed"])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(XML.rstrip()) - 1))
def test_xml_that_is_cut_off_anywhere_is_named_and_whole_cards_are_kept(place):
    report = smi.parse_xml(XML[:place])
    assert report.broken
    assert len(report.gpus) == XML[:place].count("</gpu>")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(TEXT) - 1))
def test_text_that_is_cut_off_anywhere_is_named(place):
    assert smi.parse_text(TEXT[:place]).broken


@settings(max_examples=300, deadline=None)
@given(st.text(), st.sampled_from([XML, TEXT]), st.data())
def test_nothing_that_stands_in_the_middle_is_a_traceback(noise, text, data):
    place = data.draw(st.integers(0, len(text)))
    noisy = text[:place] + noise + text[place + len(noise) :]
    for parse in (smi.parse_xml, smi.parse_text, smi.parse_list, smi.parse_query):
        parse(noisy)


# --- Recordings of real servers, where they are at hand ---


def sections(name):
    """Return a recording's outputs of one command each, as pairs of command and output."""
    parts = (RECORDINGS / name).read_text(encoding="utf-8").split("#" * 80 + "\n")
    for head, body in zip(parts[1::2], parts[2::2], strict=False):
        if command := re.search(r"^# \$ (nvidia-smi.*?) *$", head, re.M):
            yield command[1], body.removesuffix("\n\n")


def recorded(name):
    """Read a recording; of several states of one server, the last."""
    if name.endswith(".xml"):
        report, listing = smi.parse_xml((RECORDINGS / name).read_text(encoding="utf-8")), ""
    else:
        outputs = dict(sections(name))
        report, listing = smi.parse_text(outputs["nvidia-smi -q"] + "\n"), outputs["nvidia-smi -L"]
    return report, smi.complete(report.gpus, "", listing)


@WITH_RECORDINGS
@pytest.mark.parametrize(
    ("name", "versions", "gpu", "slices", "processes"),
    [
        (
            "a100-sxm4-v12.xml",
            ("535.54.03", "12.2"),
            ("NVIDIA A100-SXM4-80GB", "GPU-513536b6-7d19-9063-b049-1e69664bb298", 81920, "enabled"),
            [(0, "", 19968), (1, "", 19968), (2, "", 19968), (3, "", 19968)],
            [],
        ),
        (
            "rtx-3080-v13.xml",
            ("595.58.03", "13.2"),
            ("NVIDIA GeForce RTX 3080", "GPU-19d6d965-2acc-f646-00f8-4c76979aabb4", 10240, "unsupported"),
            [],
            [],
        ),
        (
            "tesla-t4.xml",
            ("515.105.01", "11.7"),
            ("Tesla T4", "GPU-d37e67a5-91dd-3774-a5cb-99096249601a", 15360, "unsupported"),
            [],
            [(675, "G", 22), (5762, "C", 1005)],
        ),
        (
            "linux-x86_64__nvidia-h100-mig__590.48.01.txt",
            ("590.48.01", "13.1"),
            ("NVIDIA H100 80GB HBM3", "GPU-00000000-0000-0000-0000-000000000000", 81559, "enabled"),
            [(0, "3g.40gb", 40448), (1, "2g.20gb", 20096), (2, "1g.10gb", 9984), (3, "1g.10gb", 9984)],
            [(21180, "C", 2296), (21181, "C", 1272), (21198, "C", 7484)],
        ),
        (
            "linux-x86_64__nvidia-l40s__595.80.txt",
            ("595.80", "13.2"),
            ("NVIDIA L40S", "GPU-00000000-0000-0000-0000-000000000000", 46068, "unsupported"),
            [],
            [(20037, "C", 538), (20038, "C", 681)],
        ),
    ],
)
def test_a_recording_is_read_right(name, versions, gpu, slices, processes):
    report, (found,) = recorded(name)
    assert (report.broken, report.said, report.faults) == ("", "", ())
    assert (report.driver_version, report.cuda_version) == versions
    assert (found["name"], found["uuid"], found["memory"]["total"], found["mig_mode"]) == gpu
    assert [(d["index"], d["profile"], d["memory"]["total"]) for d in found["mig_devices"]] == slices
    assert [(p["pid"], p["type"], p["memory"]) for p in found["processes"]] == processes


@WITH_RECORDINGS
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_recording_that_is_cut_off_anywhere_is_named(data):
    name = data.draw(st.sampled_from(sorted(path.name for path in RECORDINGS.iterdir())))
    parse, text = smi.parse_xml, (RECORDINGS / name).read_text(encoding="utf-8")
    if name.endswith(".txt"):
        parse, text = smi.parse_text, dict(sections(name))["nvidia-smi -q"] + "\n"
    place = data.draw(st.integers(0, len(text.rstrip()) - 1))
    assert parse(text[:place]).broken
