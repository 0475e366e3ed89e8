"""What others have on the server's engine stays theirs: through a run, one that builds images, and the lab's end."""

import json

import pytest
from e2e.runs import run_sh
from e2e.server import HERE, docker

NAME = "e2e-strangers"
"""Of somebody's container, network and volume; below it, of somebody's image."""
LOOKS = {
    "container": ("container", "inspect", NAME, "--format", "{{.Id}} {{.State.StartedAt}}"),
    "network": ("network", "inspect", NAME, "--format", "{{.Id}}"),
    "volume": ("volume", "inspect", NAME, "--format", "{{.CreatedAt}}"),
    "image": ("image", "inspect", f"{NAME}:mine", "--format", "{{.Id}}"),
    "unused image": ("image", "inspect", f"{NAME}:unused", "--format", "{{.Id}}"),
}


def seen():
    """Tell who everything of theirs is."""
    return {what: docker(*words) for what, words in LOOKS.items()}


@pytest.fixture
def strangers(lab, tmp_path):
    """Somebody's container on somebody's network, with a volume and an image; and an image that nothing uses."""
    base = HERE.image_of("proxy")
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nUSER root\nRUN touch /of-somebody\n")
    for tag in ("mine", "unused"):
        # They inherit the labels of the lab's own image, which shall not make them the lab's.
        docker("build", "--quiet", "--label", f"e2e={tag}", "--tag", f"{NAME}:{tag}", str(tmp_path))
    docker("network", "create", NAME)
    docker("volume", "create", NAME)
    run = ("--detach", "--name", NAME, "--network", NAME, "--volume", f"{NAME}:/data", "--entrypoint", "sleep")
    docker("run", *run, f"{NAME}:mine", "3600")
    yield seen()
    docker("rm", "--force", NAME)
    docker("network", "rm", NAME)
    docker("volume", "rm", NAME)
    docker("image", "rm", f"{NAME}:mine", f"{NAME}:unused")


def test_runs_leave_alone_what_is_not_the_labs(strangers):
    packages = {"hub_images_user_packages": ["peppercorn==0.6"]}
    for settings in (packages, {}):
        run = run_sh("site", "-e", json.dumps(settings))
        assert (run.code, run.recap["changed"] > 0) == (0, True), run.output
        assert seen() == strangers


def test_the_end_of_the_lab_is_not_the_end_of_others(strangers, lab):
    if docker("ps", "--quiet", "--filter", "label=org.gpulab.jupyterhub.user"):
        pytest.skip("people work in this lab")
    try:
        assert run_sh("down").code == 0
        assert seen() == strangers
    finally:
        run = run_sh()
    assert run.code == 0, run.output
    assert seen() == strangers
