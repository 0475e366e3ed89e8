"""A failed build is told with the image, its last lines, its log, and what mends it."""

from pathlib import Path

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _image_failure as failure

LOGS = Path(__file__).parent / "build_logs"


@pytest.mark.parametrize(
    ("log", "mend"),
    [
        ("no_such_python_package", "hub_images_user_packages"),
        ("no_network", "lab_http_proxy"),
        ("no_registry", "hub_images_base_source to bootstrap"),
        ("no_such_debian_package", "hub_images_user_apt_packages"),
        ("bootstrap_without_network", "lab_http_proxy"),
    ],
)
def test_real_logs(log, mend):
    assert mend in failure.remedy((LOGS / f"{log}.log").read_text().splitlines())


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("write /opt/lab/lib/x.so: no space left on device".replace("no", "No", 1), "docker builder prune"),
        ("SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "lab_extra_ca"),
        ("npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY, unable to get local issuer certificate", "lab_extra_ca"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "lab_extra_ca"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hub_images_pip_index_url"),
        ("npm error code EINTEGRITY", "hub_images_npm_registry"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "playbooks/server.yml"),
        ("docker: 'buildx' is not a docker command.", "docker-buildx"),
        ("ERROR: ResolutionImpossible: for help visit", "hub_images_user_packages"),
        ("npm error code EAI_AGAIN", "goes on from the last step"),
        ("W: GPG error: NO_PUBKEY 762F67A0B2C39DE4", "debian-archive-keyring"),
        ("HTTP Error 404: File not found", "hub_images_base_archive"),
        ("mmdebstrap: command not found", "The log tells more"),
    ],
)
def test_known_ends(line, mend):
    assert mend in failure.remedy(["something before", line])


def test_a_full_disk_is_named_before_what_it_led_to():
    lines = ["E: Failed to fetch http://deb.example/x", "write: No space left on device"]
    assert "disk is full" in failure.remedy(lines)


def test_the_message():
    said = failure.message("gpulab/hub:1", "step 4 of 7, RUN pip", ["one", "two"], "/lab/build/hub.log")
    assert said.splitlines()[:4] == [
        "The image gpulab/hub:1 could not be made; what the lab runs on now is untouched. "
        "It failed at step 4 of 7, RUN pip.",
        "  one",
        "  two",
        "Whole log, on the server: /lab/build/hub.log",
    ]


def test_a_wrong_digest_names_both_and_the_setting():
    said = failure.wrong_digest("/base.tar", "a" * 64, "b" * 64)
    for part in ("/base.tar", "a" * 64, "b" * 64, "hub_images_base_archive_sha256", "nothing was changed"):
        assert part in said
