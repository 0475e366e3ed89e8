# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a lab, judged from what `_hub_look` saw. Pure.

Judges go from the ground up. What stands on something broken is not judged: one cause, one problem.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._hub_drain import judge as drained
from ._hub_failures import failures
from ._hub_ground import Facts, compose, ended, judge_engine, judge_stack
from ._problems import Problem, error, warning

# Below this SQLite and Docker cannot write any more, whatever someone has set as a limit.
_NOTHING_LEFT_GB = 0.5


def diagnose(facts: Facts) -> list[Problem]:
    """Judge a lab.

    :param facts: `data_root`, `compose_project`, `min_free_gb`, `engine`, `stack`, `user_containers`, `user_image`,
        `door`, `token`, `hub`, `users`, `routes`, `servers` and `disks`, as `_hub_look` returns them, `failures` as
        `_hub_failures` does, and `drained` as `_hub_drain` does; `users` and `routes` are None if the hub did not tell.
    """
    ground = [*judge_engine(facts)] or [*judge_stack(facts)]
    above = [] if any(problem.severity == "error" for problem in ground) else _above(facts)
    # A server that has no lab has no image of it either, and that is no news.
    images = _images(facts) if facts["stack"] else ()
    return [*ground, *above, *images, *_disks(facts), *drained(facts["drained"])]


def _above(facts: Facts) -> list[Problem]:
    door = [*_door(facts)]
    hub = [] if door else [*_token(facts)]
    return [*door, *hub, *_servers(facts), *failures(facts)]


# --- Door and token --------------------------------------------------------------------------------------------------


def _door(facts: Facts) -> Iterator[Problem]:
    door = facts["door"]
    if door["state"] == "ok":
        return
    listens = "Compare with hub_stack_port and hub_stack_bind_address, and ask at the address that they make up"
    code, evidence, remedy = {
        "refused": (
            "door-refused",
            f"nothing listens there ({door['detail']}).",
            f"{listens}; {compose(facts, 'ps')} shows what the proxy publishes.",
        ),
        "timeout": (
            "door-timeout",
            f"no answer in time ({door['detail']}).",
            f"Look for a firewall (nft list ruleset) or overload (uptime); {compose(facts, 'restart proxy')}.",
        ),
        "tls": (
            "door-tls",
            f"its certificate is not trusted ({door['detail']}).",
            "Ask at the name in the certificate, or name its CA in ca_path.",
        ),
        "unknown-name": (
            "door-unknown-name",
            f"the name is unknown ({door['detail']}).",
            "Put url right, or the DNS entry.",
        ),
        "hub-away": (
            "hub-away",
            f"the proxy answers {door['status']}: it does not reach the hub.",
            f"{compose(facts, 'restart jupyterhub')}; {compose(facts, 'logs --tail=200 jupyterhub')} tells more.",
        ),
        "redirects": (
            "door-redirects",
            f"it sends callers on to {door['detail']}.",
            "Ask there: set url to that address, without its path.",
        ),
        "foreign": (
            "door-foreign",
            f"something that is not JupyterHub answers there: status {door['status']} {door['detail']}".rstrip() + ".",
            f"{listens}; ss -ltnp shows who listens.",
        ),
    }.get(door["state"], ("door-failed", f"no answer that makes sense: {door['detail']}.", f"{listens}."))
    yield error(code, door["url"], evidence, remedy)


def _token(facts: Facts) -> Iterator[Problem]:
    token = facts["token"]
    if token["state"] == "ok":
        return
    make = "./run.sh makes it, and tells the hub"
    code, evidence, remedy = {
        "absent": ("token-absent", "the file does not exist.", f"{make}; or name the right file in token_file."),
        "empty": ("token-absent", "the file is empty.", f"Remove it; {make}."),
        "unreadable": (
            "token-unreadable",
            f"it cannot be read: {token['detail']}.",
            "Ask as root: become: true in a play, sudo at a prompt.",
        ),
        "refused": (
            "token-refused",
            f"the hub does not know this token ({token['detail']}).",
            f"The hub reads it when it starts: {compose(facts, 'restart jupyterhub')}.",
        ),
        "scope": (
            "token-scope",
            f"the hub knows this token, but it may not ask ({token['detail']}).",
            "./run.sh gives the service 'ansible' its scopes, unless something in hub_config_extra takes them away.",
        ),
    }.get(
        token["state"],
        (
            "api-failed",
            f"the hub did not answer as it should ({token['detail']}).",
            f"{compose(facts, 'logs --tail=200 jupyterhub')} tells why.",
        ),
    )
    yield error(code, token["file"], evidence, remedy)


# --- Users' servers, images ------------------------------------------------------------------------------------------


def _servers(facts: Facts) -> Iterator[Problem]:
    """Compare the three records of what runs: the hub's, the engine's, the proxy's."""
    if facts["users"] is None or facts["routes"] is None:
        return
    yield from _lost_containers(facts)
    yield from _orphans(facts)
    yield from _routes(facts)


def _lost_containers(facts: Facts) -> Iterator[Problem]:
    for server in facts["servers"]:
        container = server["container"]
        if server["ready"] and not server["pending"] and (container is None or container["state"] != "running"):
            yield warning(
                "server-without-container",
                _owner(server),
                f"the hub believes that it runs, but container {server['container_name']} "
                + ("is gone." if container is None else f"does not: {ended(container)}."),
                "The hub sees it within a minute, and the user can start it again; at once: "
                + compose(facts, "restart jupyterhub")
                + ".",
            )


def _orphans(facts: Facts) -> Iterator[Problem]:
    known = {server["container_name"] for server in facts["servers"]}
    for container in facts["user_containers"]:
        if container["state"] == "running" and container["name"] not in known:
            yield warning(
                "container-without-server",
                f"container {container['name']}",
                f"it runs since {container['started'][:16]}, but the hub knows of no such server: nobody can reach it.",
                f"docker rm -f {container['name']}; the home of its user stays.",
            )


def _routes(facts: Facts) -> Iterator[Problem]:
    running = {(server["user"], server["name"]): server for server in facts["servers"]}
    routed = {
        (route["data"]["user"], route["data"].get("server_name", "")): route
        for route in facts["routes"]
        if "user" in route["data"]
    }
    remedy = f"The hub mends it within five minutes; at once: {compose(facts, 'restart jupyterhub')}."
    for key in sorted(routed.keys() - running.keys()):
        yield warning(
            "route-without-server",
            f"route {routed[key]['routespec']}",
            f"the proxy leads to {routed[key]['target']}, but the hub knows of no such server.",
            remedy,
        )
    for key in sorted(running.keys() - routed.keys()):
        if running[key]["ready"] and not running[key]["pending"]:
            yield warning(
                "server-without-route", _owner(running[key]), "it runs, but the proxy does not lead to it.", remedy
            )


def _owner(server: Facts) -> str:
    return f"server of {server['user']}" + (f" ({server['name']})" if server["name"] else "")


def _images(facts: Facts) -> Iterator[Problem]:
    image = facts["user_image"]
    if image["present"] is False:
        yield error(
            "user-image-missing",
            f"image {image['name']}",
            "it is not on this server, so no user's server can start "
            f"(pull access denied for {image['name'].partition(':')[0]}): it was never built or loaded here.",
            "./run.sh",
        )
    hub = facts["hub"].get("version", "")
    if hub and image["jupyterhub"] and _major(hub) != _major(image["jupyterhub"]):
        yield error(
            "version-mismatch",
            f"image {image['name']}",
            f"it holds JupyterHub {image['jupyterhub']}, the hub is {hub}; browsers would be sent in circles.",
            "./run.sh builds both images from one version; then users start their servers again.",
        )


def _major(version: str) -> str:
    return version.partition(".")[0]


# --- Disks -----------------------------------------------------------------------------------------------------------


def _disks(facts: Facts) -> Iterator[Problem]:
    for disk in facts["disks"]:
        if disk["free_gb"] < max(facts["min_free_gb"], _NOTHING_LEFT_GB):
            full = disk["free_gb"] < _NOTHING_LEFT_GB
            yield (error if full else warning)(
                "disk-full" if full else "disk-nearly-full",
                f"file system of {disk['path']}",
                f"{disk['free_gb']:.1f} of {disk['total_gb']:.0f} GB are free.",
                f"Find what takes it: du -xh {disk['path']} | sort -h | tail; docker system df.",
            )
