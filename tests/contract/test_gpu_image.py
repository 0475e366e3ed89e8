"""The pinned packages of the GPU image: there is a file for each choice, and they agree with each other."""

import itertools
import re

import pytest
import yaml
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _gpu_cuda
from packaging.requirements import Requirement

PACKAGES = ("torch", "cupy")
CHOICES = list(itertools.product(_gpu_cuda.CUDAS, PACKAGES))


def pinned(root, cuda, package):
    """Versions by name, as a file pins them."""
    text = (root / f"files/singleuser_gpu/cuda-{cuda}-{package}.txt").read_text()
    return dict(re.findall(r"^(\S+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.M))


def test_the_settings_offer_what_there_is(root):
    specs = yaml.safe_load((root / "roles/hub_images/meta/argument_specs.yml").read_text())["argument_specs"]
    options = specs["main"]["options"]
    assert options["hub_images_cuda"]["choices"] == [_gpu_cuda.AUTO, *_gpu_cuda.CUDAS]
    assert tuple(options["hub_images_gpu_packages"]["choices"]) == PACKAGES


@pytest.mark.parametrize(("cuda", "package"), CHOICES)
def test_each_choice_is_pinned_with_hashes_for_its_own_cuda(root, cuda, package):
    versions = pinned(root, cuda, package)
    text = (root / f"files/singleuser_gpu/cuda-{cuda}-{package}.in").read_text()
    wanted = [Requirement(line).name for line in text.splitlines() if not line.startswith("#")]
    assert set(wanted) <= versions.keys()
    runtimes = [version for name, version in versions.items() if name.startswith("nvidia-cuda-runtime")]
    assert [version.rpartition(".")[0] for version in runtimes] == [cuda]


@pytest.mark.parametrize("cuda", _gpu_cuda.CUDAS)
def test_all_that_is_installed_together_is_pinned_alike(root, cuda):
    server = (root / "files/singleuser/requirements.txt").read_text()
    kept = dict(re.findall(r"^(\S+)==(\S+) \\", server, re.M))
    torch, cupy = (pinned(root, cuda, package) for package in PACKAGES)
    for one, other in ((torch, cupy), (torch, kept), (cupy, kept)):
        assert {name: one[name] for name in one.keys() & other} == {name: other[name] for name in one.keys() & other}
