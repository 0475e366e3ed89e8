"""lab_extra_ca, from an image's build to a user's terminal, on a server that only this CA vouches for."""

import json
import shlex
import subprocess

import pytest
from e2e.package_index import served
from e2e.runs import run_sh
from e2e.server import docker

IMAGE = "jupyter-custom-gpu:latest"


def converge(folder, index, **more):
    """Run the hub's playbook with settings from a file, as who has a secret among them does."""
    settings = {"hub_images_pip_extra_index_urls": [index.url], "hub_images_user_packages": [index.package], **more}
    file = folder / "settings.json"
    file.write_text(json.dumps(settings))
    return run_sh("hub", "-e", f"@{file}")


def image_id():
    return docker("image", "inspect", IMAGE, "--format", "{{.Id}}")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index on the address of this machine that containers call their gateway."""
    gateway = docker("network", "inspect", "jupyterhub", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    with served(gateway, tmp_path_factory.mktemp("index")) as index:
        yield index


@pytest.fixture(scope="module")
def trusting(index, tmp_path_factory):
    """A run with the CA and the package; afterwards the image of before, and nothing left of this one."""
    run = converge(tmp_path_factory.mktemp("settings"), index, lab_extra_ca=[str(index.ca)])
    made = image_id()
    yield run
    assert run_sh("hub").code == 0
    # Somebody who looks into the image meanwhile keeps it.
    looking = docker("container", "ls", "--all", "--quiet", "--filter", f"ancestor={made}")
    assert looking or made not in docker("image", "ls", "--quiet", "--no-trunc", "jupyter-custom-gpu")


@pytest.fixture(scope="module")
def kernel(trusting, guests, hub):
    """A kernel of somebody whose server was started after that run."""
    with hub.kernel(guests.working().name) as kernel:
        yield kernel


def in_terminal(kernel, command):
    """Run a command in a login shell, as JupyterLab's terminals are, and return all that it printed."""
    return kernel.run(f"import subprocess; print(subprocess.getoutput({shlex.join(['bash', '-lc', command])!r}))")


def test_without_the_ca_a_build_fails_and_names_the_setting(index, tmp_path):
    before = image_id()
    run = converge(tmp_path, index)
    assert run.code == 2, run.output
    assert "lab_extra_ca" in run.output
    assert index.password not in run.output
    assert image_id() == before


def test_with_the_ca_the_image_has_the_package(trusting, index):
    assert trusting.code == 0, trusting.output
    said = docker("run", "--rm", "--network=none", IMAGE, "python", "-c", f"import {index.module} as m; print(m.FROM)")
    assert said == "the index of the site"


def test_neither_ca_nor_password_is_in_a_layer_or_in_what_an_image_says_of_itself(trusting, index):
    certificate = index.ca.read_text().splitlines()[5]
    wanted = ["-e", index.module, "-e", index.password, "-e", index.authorization, "-e", certificate]
    with subprocess.Popen(["docker", "image", "save", IMAGE], stdout=subprocess.PIPE) as saved:
        found = subprocess.run(
            ["grep", "--text", "--only-matching", "--fixed-strings", *wanted],
            stdin=saved.stdout,
            capture_output=True,
            text=True,
            check=True,
        )
    assert set(found.stdout.split()) == {index.module}


def test_the_password_is_in_no_log(trusting, index, lab):
    assert index.password not in trusting.output
    log = (lab.data_root / "build/jupyter-custom-gpu.log").read_text()
    assert index.package in log
    assert index.password not in log


def test_pip_in_a_terminal_reaches_the_server(kernel, index):
    fetch = f"cd $(mktemp -d) && pip download -q --no-deps --index-url {index.url} {index.package} && ls"
    assert f"{index.module}-1.0-py3-none-any.whl" in in_terminal(kernel, fetch)


def test_curl_in_a_terminal_reaches_the_server(kernel, index):
    assert index.module in in_terminal(kernel, f"curl --silent --show-error {index.url}{index.package}/")


def test_requests_in_a_kernel_reach_the_server(kernel, index):
    assert index.module in kernel.run(f"import requests; print(requests.get('{index.url}{index.package}/').text)")


@pytest.mark.parametrize("python", ["sys.executable", "'/usr/bin/python3'"])
def test_urllib_reaches_the_server(kernel, index, python):
    address = f"https://{index.host}:{index.port}/simple/{index.package}/"
    code = (
        "from urllib.request import Request, urlopen\n"
        f"print(urlopen(Request({address!r}, headers={{'Authorization': {index.authorization!r}}})).read())"
    )
    run = f"import subprocess, sys; print(subprocess.run([{python}, '-c', {code!r}], capture_output=True, text=True))"
    assert index.module in kernel.run(run)
