# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""A Docker client without a daemon: docker-py checks and encodes what it is asked, and this records it."""

import json

import docker
import requests
from docker.errors import APIError, ImageNotFound, NotFound

NETWORK = "jupyterhub"


class DockerDouble(docker.APIClient):
    """Keeps containers in a dict; a container of labhub's own image acts as the helper that makes homes."""

    def __init__(self, helper_says: str = '{"uid": 20000, "created": true, "note": null}'):
        super().__init__(base_url="tcp://127.0.0.1:1", version="1.45")
        self.containers: dict[str, dict] = {}
        self.calls: list[str] = []
        self.created: list[dict] = []
        self.images = {"jupyter-custom-gpu:latest", "gpulab/hub:1"}
        self.helper_says = helper_says
        self.address = "127.0.0.1"
        self.dies = False
        self.log = b"first line\nit is broken\n"
        self.refuses: str | None = None

    def add(self, name: str, running: bool, labels: dict | None = None) -> str:
        """Put a container there, as one that an earlier hub made."""
        config = {"Labels": labels or {}, "Env": ["JUPYTERHUB_API_TOKEN=old-token"]}
        state = {"Running": running, "Status": "running" if running else "exited", "ExitCode": 0}
        state |= {"Error": "", "FinishedAt": "now"}
        network = {"Networks": {NETWORK: {"IPAddress": self.address}}}
        self.containers[name] = {"Id": f"id-{name}", "State": state, "Config": config, "NetworkSettings": network}
        return f"id-{name}"

    def find(self, container: str) -> dict:
        for name, found in self.containers.items():
            if container in (name, found["Id"]):
                return found
        raise NotFound("404", response=response(404), explanation=f"No such container: {container}")

    def create_container_from_config(self, config, name=None, platform=None):
        self.calls.append("create")
        if config["Image"] not in self.images:
            raise ImageNotFound("404", response=response(404), explanation=f"No such image: {config['Image']}")
        if self.refuses and name:
            raise APIError("400", response=response(400), explanation=self.refuses)
        self.created.append(dict(config, name=name))
        helper = name is None
        return {"Id": self.add(name or f"helper-{len(self.created)}", running=not helper, labels=config["Labels"])}

    def start(self, container):
        self.calls.append("start")
        if self.dies and "helper" not in container:
            self.find(container)["State"] |= {"Running": False, "Status": "exited", "ExitCode": 3}

    def stop(self, container, timeout=None):
        self.calls.append("stop")
        self.find(container)["State"] |= {"Running": False, "Status": "exited"}

    def remove_container(self, container, v=False, link=False, force=False):
        found = self.find(container)
        self.calls.append("remove")
        assert force or not found["State"]["Running"]
        self.containers = {name: kept for name, kept in self.containers.items() if kept is not found}

    def inspect_container(self, container):
        return self.find(container)

    def inspect_image(self, image):
        if image not in self.images:
            raise ImageNotFound("404", response=response(404), explanation=f"No such image: {image}")
        return {"Config": {"Cmd": ["/opt/lab/bin/python", "-I", "-m", "labserver"]}}

    def logs(self, container, **kwargs):
        return self.helper_says.encode() if "helper" in container else self.log


def response(status: int) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer._content = json.dumps({"message": ""}).encode()
    return answer
