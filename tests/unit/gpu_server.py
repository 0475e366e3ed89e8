"""A server's files in a directory, with commands that replay what real ones said, for tests of what looks at GPUs."""

import json
import shutil

from ansible_collections.gpulab.jupyterhub.tests.unit import gpu_shapes as shapes

CARDS = [shapes.T4, shapes.H100_MIG]
VERSION = "590.48.01"
INFO = {"ServerVersion": "28.5.1", "CDISpecDirs": ["/etc/cdi"], "Runtimes": {"runc": {}}, "DefaultRuntime": "runc"}
SPEC = {
    "cdiVersion": "0.5.0",
    "kind": "nvidia.com/gpu",
    "devices": [{"name": name} for name in (shapes.T4["uuid"], *(shapes.mig_uuid(1, n) for n in range(4)))],
    "containerEdits": {
        "deviceNodes": [{"path": "/dev/nvidiactl"}],
        "mounts": [{"hostPath": f"/usr/lib/x86_64-linux-gnu/libcuda.so.{VERSION}"}],
    },
}


class Server:
    """A server's files, and commands in a directory that is first on the path."""

    def __init__(self, root):
        self.root, self.commands = root / "root", root / "commands"
        self.commands.mkdir()
        self.info = INFO
        # What only some tests change: whose servers run on the engine, apt's sources, files that have drifted.
        self.engine, self.user_servers, self.sources, self.drifted = True, [], {}, []
        for name in ("nvidia-smi", "dmesg", "modinfo", "dkms", "nvidia-ctk"):
            self.command(name, rc=127)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def command(self, name, rc=0, **outputs):
        """Make a command that prints one text for each first argument, and logs that it ran."""
        cases = []
        for n, (argument, text) in enumerate(outputs.items()):
            (self.commands / f"{name}.{n}").write_text(text)
            cases.append(f"'{argument}') cat '{self.commands / name}.{n}';;")
        script = self.commands / name
        log = f"echo {name} >> {self.commands}/ran; echo {name} $* >> {self.commands}/asked"
        script.write_text(f'#!/bin/sh\n{log}\ncase "$*" in\n{" ".join(cases)}\nesac\nexit {rc}\n')
        script.chmod(0o755)

    @property
    def ran(self):
        file = self.commands / "ran"
        return file.read_text().split() if file.exists() else []

    @property
    def asked(self):
        """What commands were run with, a line each."""
        return (self.commands / "asked").read_text().splitlines()

    def card(self, address, vendor="0x10de", kind="0x030200", driver="nvidia"):
        device = f"sys/bus/pci/devices/{address}"
        self.write(f"{device}/vendor", f"{vendor}\n")
        self.write(f"{device}/class", f"{kind}\n")
        self.write(f"{device}/device", "0x2330\n")
        if driver:
            self.write(f"sys/bus/pci/drivers/{driver}/bind", "")
            (self.root / device / "driver").symlink_to(self.root / f"sys/bus/pci/drivers/{driver}")

    def smi(self, cards, **instead):
        outputs = {
            "-q -x": shapes.xml(cards, driver=VERSION, cuda="13.1"),
            "-q": shapes.text(cards, driver=VERSION, cuda="13.1"),
            "-L": shapes.listed(cards),
            "--query-gpu=index,uuid,compute_cap --format=csv,noheader": shapes.queried(cards),
        }
        self.command("nvidia-smi", **(outputs | instead))

    def working(self):
        """Fit the server out with two cards, driver, toolkit and specification."""
        self.card("0000:00:1e.0", kind="0x030000")
        self.card("0000:00:09.0")
        self.smi(CARDS)
        self.command("modinfo", nvidia=f"version:        {VERSION}\nlicense:        Dual MIT/GPL\n")
        self.command("nvidia-ctk", **{"--version": "NVIDIA Container Toolkit CLI version 1.18.0\n"})
        self.write("sys/module/nvidia/version", f"{VERSION}\n")
        library = f"usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{VERSION}"
        self.write(library, "")
        (self.root / "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1").symlink_to(self.root / library)
        for node in ("nvidiactl", "nvidia-uvm"):
            self.write(f"dev/{node}", "")
        self.write("etc/cdi/nvidia.json", json.dumps(SPEC))
        return self

    def remove_driver(self):
        """Take the driver away; the cards stay."""
        for name in ("modinfo", "nvidia-smi"):
            self.command(name, rc=127)
        for path in self.root.rglob("libnvidia-ml.so*"):
            path.unlink()
        (self.root / "sys/module/nvidia/version").unlink()

    def remove_cards(self):
        shutil.rmtree(self.root / "sys/bus/pci/devices")

    def dpkg(self, told):
        """Have dpkg-query tell of packages; what it is asked for does not matter."""
        self.write("told", told)
        script = self.commands / "dpkg-query"
        script.write_text(f"#!/bin/sh\ncat '{self.root}/told'\n")
        script.chmod(0o755)
