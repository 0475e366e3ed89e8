"""What the hub writes of servers that failed, hub_info can judge."""

from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _hub_failures as hub_failures
from labhub.postmortem import CAUSES


def test_every_cause_of_the_hub_has_a_mend():
    """`unknown` and `docker` are those that only the log can tell of."""
    known = {*hub_failures._REMEDIES, *hub_failures._WANTED}
    assert set(CAUSES) - known == {"unknown", "docker"}
    assert known <= set(CAUSES)
