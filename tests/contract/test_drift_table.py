"""Everything that the playbook manages is changed by hand in some entry of the table of drifts."""

from pathlib import Path

import pytest
import yaml
from ansible_collections.gpulab.jupyterhub.plugins.module_utils import _docker_look, _docker_record
from e2e.dice import dice
from e2e.drift_table import all_drifts
from e2e.drifts_of_engine import ENGINE, ENGINE_APT, ENGINE_RECORD
from e2e.managed import managed, services
from e2e.trial import combination

LAB = Path("/lab")
PATHS = managed(LAB)
DEEDS = [
    "removed",
    "stopped",
    "paused",
    "limited",
    "restart policy",
    "off the network",
    "on another",
    "without its name",
]


def touched(deed):
    """Name what drifts with this word in their names are about."""
    return {name for drift in all_drifts(LAB) for name in drift.objects if deed in drift.name}


@pytest.mark.parametrize("deed", ["mode of", "owner of"])
def test_every_path_loses_its_mode_and_its_owner(deed):
    assert len(PATHS) > 15
    assert touched(deed) == {str(one.path) for one in PATHS} | {*ENGINE, *ENGINE_APT, ENGINE_RECORD}


def test_every_file_is_edited_and_every_file_and_secret_is_removed():
    holders = [one for one in PATHS if one.kind != "directory"]
    assert {one.kind for one in holders} == {"file", "secret"}
    assert {str(one.path) for one in holders} <= touched("removed")
    assert {str(one.path) for one in holders if one.kind == "file"} <= touched("edited")


def test_a_directory_is_removed_unless_it_holds_what_nothing_brings_back():
    kept = {"", "home", "opt-packages", "secrets", "shared", "state"}
    removable = {str(one.path) for one in PATHS if one.kind == "directory"} - {str(LAB / name) for name in kept}
    assert removable <= touched("removed")


@pytest.mark.parametrize("deed", DEEDS)
def test_every_service_is_changed_in_each_way(deed):
    assert set(services()) <= touched(deed)


def test_the_names_of_all_images_that_run_are_moved_and_lost(root):
    described = yaml.safe_load((root / "roles/hub_images/vars/main.yml").read_text())
    images = [*described["__hub_images_own"], described["__hub_images_users"]]
    user = yaml.safe_load((root / "roles/hub_images/defaults/main.yml").read_text())["hub_images_user_image"]
    names = {image["name"].replace("{{ hub_images_user_image }}", user) for image in images}
    names |= {f"{user}:{alias}" for image in images for alias in image.get("aliases", ())}
    # It runs nowhere: what stands on it is what is kept.
    names -= {"gpulab/base"}
    assert names == touched("is another image") == touched("has lost its name")


def test_every_file_of_the_engine_is_edited_and_removed(root):
    files = yaml.safe_load((root / "roles/docker_engine/vars/main.yml").read_text())["__docker_engine_apt_files"]
    assert {file["path"] for file in files} == set(ENGINE_APT)
    assert {*ENGINE, *ENGINE_APT} <= touched("edited") & touched("removed")
    assert {*ENGINE, ENGINE_RECORD} == {_docker_look.DAEMON_FILE, _docker_record.RECORD_FILE}


def test_every_playbook_that_puts_right_has_something_to_put_right():
    assert {drift.playbook for drift in all_drifts(LAB)} == {"server", "hub", "users", "site"}


def test_the_services_are_those_of_the_stack(root):
    text = (root / "roles/hub_stack/templates/compose.yml.j2").read_text()
    # Placeholders are strings to YAML, in quotes or not.
    assert services() == list(yaml.safe_load(text.replace("{{", "<").replace("}}", ">"))["services"])


def test_drifts_are_put_together_whichever_comes_first():
    drifts = all_drifts(LAB)
    for seed in range(300):
        together = combination(drifts, dice(seed))
        parts = [drift for drift in drifts if drift.name in together.name.split(" + ")]
        assert len(parts) in (2, 3)
        assert {drift.playbook for drift in parts} == {together.playbook}
        assert together.systemd == any(drift.systemd for drift in parts)


def test_no_two_drifts_have_the_same_name():
    names = [drift.name for drift in all_drifts(LAB)]
    assert len(names) == len(set(names))
