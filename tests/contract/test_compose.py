"""The rendered compose.yml says to Compose what the settings say."""

import jinja2
import pytest
import yaml

SETTINGS = {
    "hub_stack_bind_address": "0.0.0.0",  # what is checked is only that it arrives
    "hub_stack_port": 8000,
    "hub_stack_hub_uid": 9000,
    "hub_stack_network": "jupyterhub",
    "hub_stack_hub_image": "gpulab/hub:abc",
    "hub_stack_proxy_image": "gpulab/proxy:abc",
    "hub_stack_data_root": "/srv/jupyterhub",
    "hub_stack_docker_socket": "/var/run/docker.sock",
    "hub_stack_hub_digest": "0" * 64,
    "hub_stack_proxy_digest": "1" * 64,
}


@pytest.fixture
def render(root):
    """Return the project that settings give."""
    text = (root / "roles/hub_stack/templates/compose.yml.j2").read_text()
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text)
    return lambda **settings: yaml.safe_load(template.render(SETTINGS | settings))


@pytest.mark.parametrize("address", ["127.0.0.1", "::", "fd00::1"])
def test_the_door_listens_where_it_is_told_colons_or_not(render, address):
    (port,) = render(hub_stack_bind_address=address)["services"]["proxy"]["ports"]
    assert port == {"host_ip": address, "published": "8000", "target": 8000}


def test_each_service_starts_anew_for_what_it_reads_itself(render):
    services = render()["services"]
    reads = {name: service["labels"]["org.gpulab.jupyterhub.reads"] for name, service in services.items()}
    assert reads == {"jupyterhub": "0" * 16, "proxy": "1" * 16}


def test_no_service_may_become_root(render):
    for service in render()["services"].values():
        assert service["user"] == "9000:9000"
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
