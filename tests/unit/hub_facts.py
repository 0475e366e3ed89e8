"""Facts about a lab, as `_hub_gather` brings them: of one that is well, and of one that differs from it."""

import copy

COMPOSE = "docker compose -f /srv/jupyterhub/compose.yml"


def container(name, **differs):
    return {
        "name": name,
        "image": "an-image",
        "service": "",
        "user": "",
        "state": "running",
        "health": "healthy",
        "exit_code": 0,
        "out_of_memory": False,
        "restarts": 0,
        "started": "2026-11-22T21:53:38.971982847Z",
        "error": "",
        "log": "",
    } | differs


def server(user, name="", **differs):
    there = f"jupyter-{user}" + (f"--{name}" if name else "")
    return {
        "user": user,
        "name": name,
        "ready": True,
        "pending": None,
        "container_name": there,
        "container": container(there, user=user, health=""),
    } | differs


def route(user, name=""):
    spec = f"/user/{user}/" + (f"{name}/" if name else "")
    return {"routespec": spec, "target": "http://172.18.0.4:8888", "data": {"user": user, "server_name": name}}


def well():
    """Return the facts of a lab that is well, in which alice works."""
    alice = server("alice")
    return {
        "data_root": "/srv/jupyterhub",
        "compose_project": "jupyterhub",
        "min_free_gb": 2,
        "engine": {"state": "ok", "version": "26.1.5", "detail": "", "wsl": False},
        "stack": {
            "proxy": container("jupyterhub-proxy-1", service="proxy"),
            "jupyterhub": container("jupyterhub-jupyterhub-1", service="jupyterhub"),
        },
        "user_containers": [alice["container"]],
        "user_image": {"name": "jupyter-custom-gpu:latest", "present": True, "jupyterhub": "6.1.1"},
        "door": {"url": "http://127.0.0.1:8000", "state": "ok", "status": 200, "detail": "", "version": "6.1.1"},
        "drained": None,
        "token": {"file": "/srv/jupyterhub/secrets/ansible_token", "state": "ok", "detail": ""},
        "hub": {"version": "6.1.1"},
        "users": [{"name": "alice"}],
        "routes": [{"routespec": "/", "target": "http://jupyterhub:8081", "data": {"hub": True}}, route("alice")],
        "servers": [alice],
        "failures": [],
        "disks": [{"path": "/srv/jupyterhub", "free_gb": 72.0, "total_gb": 251.0}],
    }


def lab(**differs):
    """Return the facts of a lab that differs: `door__state` is the `state` in `door`."""
    facts = copy.deepcopy(well())
    for path, value in differs.items():
        *parents, last = path.split("__")
        place = facts
        for parent in parents:
            place = place[parent]
        place[last] = value
    return facts


def proxy(**differs):
    return {"stack__proxy": container("jupyterhub-proxy-1", **differs)}


def hub(**differs):
    return {"stack__jupyterhub": container("jupyterhub-jupyterhub-1", **differs)}


UNTOLD = {"users": None, "routes": None, "servers": [], "hub": {}}
