"""A change of the hub is noticed by nobody at work; one of the proxy is a short pause that was announced."""

import json
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from e2e.labclient import wait_until
from e2e.runs import ROOT, run_sh
from e2e.server import docker
from e2e.watch import watching
from websockets.exceptions import ConnectionClosed

ANNOUNCED = "A new proxy takes the place of the one that runs"
SERVICES = ("jupyterhub", "proxy")


@pytest.fixture(scope="module")
def worker(guests):
    """Somebody whose server runs."""
    return guests.working()


def container(service):
    return docker("ps", "-q", "--no-trunc", "--filter", f"label=com.docker.compose.service={service}")


def server_of(person):
    return docker("inspect", f"jupyter-{person.name}", "--format", "{{.Id}} {{.State.StartedAt}}")


@pytest.fixture
def another():
    """Makes images of the same kind with something else in them, as an update brings them; converges at the end."""
    made = []

    def make(service):
        image = f"gpulab-e2e/{service}:another"
        text = f"FROM {docker('inspect', container(service), '--format', '{{.Config.Image}}')}\nLABEL e2e=another\n"
        build = ["docker", "build", "-q", "-t", image, "-"]
        subprocess.run(build, input=text, text=True, check=True, capture_output=True, timeout=120)
        made.append(image)
        return image

    yield make
    run = run_sh("hub")
    assert run.code == 0, run.output
    if made:
        docker("image", "rm", *made)


def change(watch, *options):
    """Converge with other settings; return which services were made anew, and what was said."""
    before = {service: container(service) for service in SERVICES}
    run = run_sh("hub", *options)
    assert run.code == 0, run.output
    watch.until_answered()
    return [service for service in SERVICES if container(service) != before[service]], run.output


def note(what, watch):
    """Write a measured pause down, and show it."""
    file = ROOT / "test-results" / "pauses.jsonl"
    file.parent.mkdir(exist_ok=True)
    line = json.dumps({"what": what, "pause": round(watch.pause, 2), "failures": len(watch.failures)})
    with file.open("a") as notes:
        notes.write(f"{line}\n")
    print(line)


@pytest.mark.parametrize("what", ["setting", "image"])
def test_a_change_of_the_hub_is_noticed_by_nobody(hub, worker, another, what):
    server = server_of(worker)
    settings = {"hub_config_login_attempts": 6}
    if what == "image":
        settings = {"hub_stack_hub_image": another("jupyterhub")}
    with hub.kernel(worker.name) as kernel, watching(hub, worker.name) as watch:
        kernel.run("kept = 'across the change'")
        anew, said = change(watch, "-e", json.dumps(settings))
        assert kernel.run("print(kept)") == "across the change"
    note(f"hub {what}", watch)
    assert (anew, watch.failures) == (["jupyterhub"], [])
    assert len(watch.good) > 20
    assert ANNOUNCED not in said
    assert server_of(worker) == server


def test_a_change_of_the_proxy_is_a_pause_that_was_announced(hub, worker, another):
    server = server_of(worker)
    settings = ("-e", json.dumps({"hub_stack_proxy_image": another("proxy")}))
    check = run_sh("hub", "--check", *settings)
    assert ANNOUNCED in check.output
    with hub.kernel(worker.name) as kernel, watching(hub, worker.name) as watch:
        kernel.run("kept = 'across the change'")
        anew, said = change(watch, *settings)
        with pytest.raises(ConnectionClosed):
            kernel.run("print(kept)")
    note("proxy image", watch)
    assert anew == ["proxy"]
    assert said.index(ANNOUNCED) < said.index("services | Replace the proxy")
    assert watch.pause > 0
    assert server_of(worker) == server


def test_hub_and_proxy_at_once_are_the_pause_of_the_proxy(hub, worker, another):
    settings = {"hub_config_login_attempts": 6, "hub_stack_proxy_image": another("proxy")}
    with watching(hub, worker.name) as watch:
        anew, said = change(watch, "-e", json.dumps(settings))
    note("hub setting and proxy image", watch)
    assert anew == ["jupyterhub", "proxy"]
    assert ANNOUNCED in said


def test_a_new_proxy_leads_to_servers_without_the_hub(lab, hub, worker):
    def compose(*words):
        return docker("compose", *words, cwd=lab.data_root)

    compose("stop", "jupyterhub")
    try:
        compose("rm", "--stop", "--force", "proxy")
        compose("up", "--detach", "--no-deps", "proxy")
        answer = wait_until(lambda: of_server(hub, worker), "a new proxy leads to the user's server", 20)
        assert "version" in answer
    finally:
        compose("start", "jupyterhub")
    wait_until(lambda: hub.request("GET", "/hub/health").ok, "the hub is back", 60)


def test_who_is_not_known_yet_is_judged_when_the_hub_is_back(lab, worker):
    stranger = {"Authorization": f"token {secrets.token_hex()}"}
    url = f"{lab.url}/user/{worker.name}/api/status"
    docker("compose", "stop", "jupyterhub", cwd=lab.data_root)
    try:
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(requests.get, url, headers=stranger, timeout=60)
            docker("compose", "start", "jupyterhub", cwd=lab.data_root)
            assert asked.result().status_code == requests.codes.forbidden
    finally:
        docker("compose", "start", "jupyterhub", cwd=lab.data_root)
    wait_until(lambda: requests.get(f"{lab.url}/hub/health", timeout=10).ok, "the hub is back", 60)


def of_server(hub, worker):
    """Ask the server what anyone may ask it; nothing while there is no proxy."""
    try:
        answer = hub.request("GET", f"/user/{worker.name}/api")
    except OSError:
        return None
    return answer.json() if answer.ok else None
