"""The lab that one converge has made of a bare server."""

import json

import pytest
from e2e.labclient import WebSession

HUB_UID, USERS_GID, FIRST_USER_UID = 9000, 9100, 20000
SECRETS = ["admin_password", "ansible_token", "cookie_secret", "crypt_key", "proxy_auth_token"]


def listed(lab, *words):
    """Return what a listing of docker's tells, one dictionary a line."""
    return [
        json.loads(line)
        for line in lab.check_output(f"docker {' '.join(words)} --format '{{{{json .}}}}'").splitlines()
    ]


def test_a_check_after_the_converge_has_nothing_to_tell(converge):
    done = converge("--check", "--diff")
    assert (done.code, done.changes["lab"]) == (0, 0), done.said
    assert "\n+++ " not in done.said


@pytest.mark.parametrize("unit", ["docker.service", "containerd.service", "ssh.service"])
def test_units_run_now_and_with_the_server(lab, unit):
    assert lab.service(unit).is_running
    assert lab.service(unit).is_enabled


def test_no_unit_has_failed(lab):
    assert lab.check_output("systemctl is-system-running") == "running"


def test_the_services_are_healthy_and_alone(lab):
    told = {found["Names"]: found["Status"] for found in listed(lab, "ps", "--all")}
    assert sorted(told) == ["jupyterhub-jupyterhub-1", "jupyterhub-proxy-1"]
    assert all("(healthy)" in status for status in told.values()), told


def test_images_came_from_the_bundle_and_what_makes_them_was_not_needed(lab):
    names = {found["Repository"] for found in listed(lab, "image", "ls")}
    assert names == {"gpulab/hub", "gpulab/proxy", "jupyter-custom-gpu"}
    assert not lab.package("mmdebstrap").is_installed
    cache = [found["TotalCount"] for found in listed(lab, "system", "df") if found["Type"] == "Build Cache"]
    assert cache == ["0"]


def test_secrets_are_the_hubs_alone(lab, root):
    folder = lab.file(f"{root}/secrets")
    assert (folder.uid, folder.mode) == (HUB_UID, 0o700)
    assert set(SECRETS) <= set(folder.listdir())
    for name in SECRETS:
        secret = lab.file(f"{root}/secrets/{name}")
        assert (secret.uid, secret.mode) == (HUB_UID, 0o600), name


def test_no_secret_is_in_what_docker_tells_of_containers(lab, root):
    told = lab.check_output("docker container inspect jupyterhub-jupyterhub-1 jupyterhub-proxy-1")
    secrets = [lab.file(f"{root}/secrets/{name}").content_string.strip() for name in SECRETS]
    assert [name for name, secret in zip(SECRETS, secrets, strict=True) if secret in told] == []


@pytest.mark.parametrize(
    ("path", "mode"), [("", 0o755), ("/config", 0o755), ("/compose.yml", 0o644), ("/home", 0o711), ("/build", 0o755)]
)
def test_what_is_roots_is_written_by_root_alone(lab, path, mode, root):
    found = lab.file(f"{root}{path}")
    assert (found.user, found.mode) == ("root", mode)


def test_the_door_answers_and_lets_the_administrator_in(hub):
    session = WebSession(hub.lab)
    assert session.get("/hub/login").ok
    assert session.log_in(hub.lab.admin, hub.lab.password)


def test_the_proof_was_given_and_left_nothing(lab, hub, root):
    log = lab.check_output("docker logs jupyterhub-jupyterhub-1 2>&1")
    assert "User logged in: lab-probe" in log
    assert hub.user("lab-probe") is None
    assert not lab.file(f"{root}/home/lab-probe").exists


def test_the_roster_is_kept(lab, hub, root):
    assert hub.user("alice")["groups"] == ["vision"]
    password = lab.file(f"{root}/secrets/users/alice")
    assert (password.user, password.mode) == ("root", 0o600)
    assert WebSession(hub.lab).log_in("alice", password.content_string.strip())


def test_a_user_gets_a_server_and_a_home_of_their_own(lab, hub, root):
    hub.start("alice")
    home = lab.file(f"{root}/home/alice")
    assert (home.uid >= FIRST_USER_UID, home.gid, home.mode) == (True, USERS_GID, 0o700)
    with hub.kernel("alice") as kernel:
        assert kernel.run("import os; print(os.getuid())") == str(home.uid)
        kernel.run("open('thesis.txt', 'w').write('hello')")
    assert lab.file(f"{root}/home/alice/thesis.txt").uid == home.uid


def test_the_lab_and_its_engine_are_on_the_disk_that_the_inventory_names(lab, root, settings):
    engine = settings.get("docker_engine_data_root", "/var/lib/docker")
    assert lab.check_output("docker info --format '{{.DockerRootDir}}'") == engine
    told = json.loads(lab.check_output("docker inspect jupyterhub-jupyterhub-1 --format '{{json .Mounts}}'"))
    sources = [mount["Source"] for mount in told if not mount["Source"].endswith("/docker.sock")]
    assert [source for source in sources if not source.startswith(str(root))] == []
    # Of the engine's own directory in the usual place nothing was made.
    used = [path for path in ("/srv/jupyterhub", "/var/lib/docker/overlay2") if lab.file(path).exists]
    assert [path for path in used if not path.startswith((str(root), engine))] == []
