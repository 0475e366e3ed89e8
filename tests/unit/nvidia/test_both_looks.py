"""nvidia_driver_info and nvidia_container_toolkit_info, in what they do alike."""

import pytest
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _nvidia_toolkit as toolkit
from ansible_collections.gpulab.jupyterhub.plugins.modules import (
    nvidia_container_toolkit_info,
    nvidia_driver_info,
)

DEBIAN = {"release": ["Debian", "13"], "codename": "trixie"}


@pytest.mark.parametrize("check", [False, True])
def test_a_server_without_a_card_is_asked_for_nothing(server, run, check):
    server.remove_cards()
    for module, arguments in ((nvidia_driver_info, DEBIAN), (nvidia_container_toolkit_info, {})):
        result = run(module, check, **arguments)
        assert (result["cards"], result["refusal"], result["plan"]["installs"]) == ([], "", False)
    assert server.ran == []


@pytest.mark.parametrize("module", [nvidia_driver_info, nvidia_container_toolkit_info])
def test_from_a_bundle_a_source_of_somebody_else_is_in_nobodys_way(server, run, module):
    server.remove_driver()
    server.write(toolkit.SOURCES.lstrip("/"), "")
    text = f"URIs: http://m/r {toolkit.SITE}\n"
    server.sources = {"/etc/apt/sources.list.d/own.sources": text}
    wanted = DEBIAN | {"repository_url": "http://m/r"} if module is nvidia_driver_info else {}
    assert run(module, **wanted)["refusal"] != ""
    assert run(module, from_bundle=True, **wanted)["refusal"] == ""
