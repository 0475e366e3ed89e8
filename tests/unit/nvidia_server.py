"""Servers with cards, as `_nvidia_look` sees them: bare, and as they should be."""

from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_cards as cards

V100, T4, A100, H100, B200, UNKNOWN = "1db6", "1eb8", "20b5", "2330", "2901", "3fff"
DEBIAN, BOOKWORM = ["Debian", "13"], ["Debian", "12"]
UBUNTU = ["Ubuntu", "24"]

WISHES = {
    "source": "nvidia",
    "branch": 0,
    "flavor": "auto",
    "existing": "use",
    "hold": True,
    "reboot": "never",
    "from_bundle": False,
    "release": DEBIAN,
}
OPEN_DEBIAN = ["nvidia-kernel-open-dkms", "nvidia-driver-cuda", "nvidia-persistenced", "nvidia-modprobe"]
UPGRADED = {
    "kernel_version": "580.1",
    "userspace_version": "590.48.01",
    "reboot_required": True,
    "secure_boot": None,
}
KERNEL = {"linux-image-amd64": "6.12", "linux-headers-amd64": "6.12", "linux-image-6.12.1-amd64": "6.12"}


def bare(*numbers):
    """A server with these cards, and with nothing else of NVIDIA's."""
    return {
        "cards": [
            {
                "address": f"0000:0{n}:00.0",
                "device_id": number,
                "architecture": cards.architecture(number),
                "driver": "",
            }
            for n, number in enumerate(numbers)
        ],
        "driver": {"kernel_version": "", "userspace_version": "", "reboot_required": False, "secure_boot": None},
        "installed_version": "",
        "kernel": "6.12.1-amd64",
        "packages": dict(KERNEL),
        "held": [],
        "managed": False,
        "installer": "",
        "files_drifted": [],
        "other_sources": [],
        "repository_known": True,
        "mirror_found": True,
        "dpkg_interrupted": False,
        "kernel_headers": True,
        "kernels_without_module": [],
        "switches": [],
        "services": {"nvidia-persistenced.service": "absent"},
        "user_servers": [],
    }


def fitted(*numbers, version="590.48.01", packages=tuple(OPEN_DEBIAN), **instead):
    """A server whose driver is the role's, and as it should be."""
    look = bare(*numbers)
    look["packages"] |= dict.fromkeys(packages, f"{version}-1")
    look["driver"] |= {"kernel_version": version, "userspace_version": version}
    more = {"installed_version": version, "held": [*packages], "managed": True}
    more["services"] = {"nvidia-persistenced.service": "running"}
    return look | more | instead
