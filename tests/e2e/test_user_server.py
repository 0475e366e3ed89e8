"""The process of a user's server: what it is spared, and that it can do all the same what people use."""

import json

import pytest
from e2e.server import docker

USER_IMAGE = "jupyter-custom-gpu:latest"
SERVER = ["/opt/lab/bin/python", "-I", "-m", "labserver"]
LOADED = """
import json, sys, labserver
labserver.extension()
print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules} & {'sqlalchemy', 'alembic', 'lark'})))
"""
REAL_ONES = """
import os, sys, labserver
labserver.extension()
import jupyterhub.orm, jupyterhub.scopes, sqlalchemy, sqlalchemy.orm
from jupyterhub.handlers.pages import HealthCheckHandler
from jupyterhub.singleuser import HubAuthenticatedHandler, make_singleuser_app
from jupyterlab.labhubapp import SingleUserLabApp
assert jupyterhub.scopes.sa.and_ is sqlalchemy.and_
assert jupyterhub.scopes.orm.User is jupyterhub.orm.User
assert issubclass(jupyterhub.orm.Base, sqlalchemy.orm.DeclarativeBase) or jupyterhub.orm.Base.metadata
labserver.spare_ipython()
from jupyter_client.kernelspec import KernelSpecManager
assert os.path.expanduser('~/.ipython/kernels') in KernelSpecManager().kernel_dirs
assert 'IPython' not in sys.modules
from IPython.paths import get_ipython_package_dir
import IPython
assert IPython.paths.__file__ and IPython.paths.get_ipython_package_dir is get_ipython_package_dir
assert HealthCheckHandler.get and HubAuthenticatedHandler.get_login_url and make_singleuser_app
print('real')
"""
NOTEBOOK = {
    "cells": [{"cell_type": "markdown", "id": "a1", "metadata": {}, "source": "A *fine* day"}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module")
def worker(guests):
    return guests.working()


def in_image(code):
    return docker("run", "--rm", "--network", "none", USER_IMAGE, "/opt/lab/bin/python", "-I", "-c", code)


def test_the_server_is_spared_the_hubs_database_layer(worker):
    assert json.loads(docker("inspect", f"jupyter-{worker.name}", "--format", "{{json .Config.Cmd}}")) == SERVER
    assert json.loads(in_image(LOADED)) == []
    mapped = docker("exec", f"jupyter-{worker.name}", "sh", "-c", "cat /proc/[0-9]*/maps")
    assert "tornado" in mapped
    assert "sqlalchemy" not in mapped


def test_what_stands_in_gives_way_to_the_real_modules():
    assert in_image(REAL_ONES) == "real"


def test_a_notebook_is_exported_by_nbconvert(hub, worker):
    hub.server_api(worker.name, "/contents/day.ipynb", "PUT", json={"type": "notebook", "content": NOTEBOOK})
    page = hub.request("GET", f"/user/{worker.name}/nbconvert/html/day.ipynb")
    assert page.ok, page.text
    assert "A <em>fine</em> day" in page.text


def test_a_terminal_opens(hub, worker):
    name = hub.server_api(worker.name, "/terminals", "POST")["name"]
    assert name in {terminal["name"] for terminal in hub.server_api(worker.name, "/terminals")}


def test_the_jupyter_command_works_in_a_terminal(worker):
    assert "python3" in docker("exec", f"jupyter-{worker.name}", "jupyter", "kernelspec", "list")
