"""A user's server gets the GPUs that the inventory says, on the lab of this machine, with stand-ins for cards."""

import json
import uuid
from dataclasses import dataclass

import pytest
from e2e import standin_gpus
from e2e.labclient import Guest, LabError
from e2e.runs import run_sh
from e2e.server import HERE, docker, typed
from e2e.standin_gpus import BOTH, CARDS, ONE, TWO
from playwright.sync_api import expect

LOST = f"GPU-{uuid.uuid4()}"
GROUP = "e2e-gpus"


@dataclass(frozen=True)
class People:
    """Who is in the lab: *holder* has the first card, *member* the second by a group, *chooser* may pick either,
    *unlucky* shall have one that is not there, *nobody* has none.
    """

    holder: Guest
    member: Guest
    chooser: Guest
    unlucky: Guest
    nobody: Guest

    @property
    def rules(self):
        return [
            {"users": [self.holder.name], "gpus": [ONE]},
            {"groups": [GROUP], "gpus": [TWO]},
            {"users": [self.chooser.name], "gpus": [ONE, TWO], "choice": True},
            {"users": [self.unlucky.name], "gpus": [LOST]},
        ]


@pytest.fixture(scope="module")
def people(hub, guests):
    made = [guests.member() for _person in range(5)]
    for guest in made:
        hub.call("POST", f"/hub/api/users/{guest.name}")
    people, admin = People(*made), HERE.as_admin()
    admin.call("POST", f"/hub/api/groups/{GROUP}", json={"users": [people.member.name]})
    yield people
    HERE.as_admin().call("DELETE", f"/hub/api/groups/{GROUP}")


@pytest.fixture(scope="module", autouse=True)
def handed_out(people, double, tmp_path_factory):
    """A lab that hands two cards out; afterwards, as the inventory has it. Yields the options of its converge."""
    folder = tmp_path_factory.mktemp("cards")
    settings = {"hub_config_gpu_access": people.rules, "hub_config_gpu_names": {TWO: "the second card"}}
    (folder / "gpus.json").write_text(json.dumps(settings))
    with standin_gpus.specification(folder, double) as write:
        write(BOTH, CARDS)
        options = ("hub", "-e", f"@{folder}/gpus.json")
        done = run_sh(*options)
        assert done.code == 0, done.output
        yield options
        assert run_sh("hub").code == 0


@pytest.fixture
def sees(look_inside):
    """Expect a user's server to see exactly some GPUs, and NVIDIA's runtime to be told to add none."""

    def expect_gpus(guest, gpus):
        result = look_inside(container=f"jupyter-{guest.name}", gpus=gpus)
        assert (result["problems"], result["seen_uuids"], result["uuid_match"]) == ([], sorted(gpus), True)
        assert result["injection"] == ("cdi" if gpus else "none")
        assert typed(guest.name, "printenv NVIDIA_VISIBLE_DEVICES") == "void\n0"

    return expect_gpus


def test_each_server_sees_exactly_what_its_user_is_given(hub, people, sees):
    for guest, gpus in (people.holder, [ONE]), (people.member, [TWO]), (people.nobody, []), (people.chooser, []):
        hub.start(guest.name)
        sees(guest, gpus)
    hub.stop(people.chooser.name)


def test_who_may_choose_gets_what_they_choose_and_the_next_start_the_same(hub, people, sees):
    name = people.chooser.name
    for options, gpus in ({"gpu": ONE}, [ONE]), ({"gpu": TWO}, [TWO]), (None, [TWO]), ({"gpu": "none"}, []):
        hub.start(name, options)
        sees(people.chooser, gpus)
        hub.stop(name)


@pytest.mark.parametrize(
    "wish", [LOST, "all", "0", [ONE], {"gpu": [ONE]}, 0], ids=["card", "all", "index", "list", "nested", "number"]
)
def test_what_is_not_allowed_is_refused_in_words_and_no_container_is_made(hub, people, sees, wish):
    name = people.chooser.name
    with pytest.raises(
        LabError, match=rf"500 .*The GPU that you asked for is not yours(.|\n)*there is for you: none, {ONE}"
    ):
        hub.start(name, {"gpu": wish})
    assert docker("ps", "--all", "--quiet", "--filter", f"name=^jupyter-{name}$") == ""
    hub.start(name)
    sees(people.chooser, [])
    hub.stop(name)


def test_who_has_no_gpu_gets_none_by_asking_which_is_on_record_and_no_problem(hub, people, info):
    name = people.nobody.name
    hub.stop(name)
    with pytest.raises(LabError, match="this lab gives you no GPU"):
        hub.start(name, {"gpu": ONE})
    found = info()
    assert [failure["cause"] for failure in found["failures"] if failure["user"] == name] == ["gpu-refused"]
    assert [problem for problem in found["problems"] if problem["subject"] == f"server of {name}"] == []


def test_a_gpu_that_is_not_there_is_told_to_user_and_admin(people, info, visitor):
    person = visitor("unlucky")
    person.log_in(people.unlucky.name, people.unlucky.password)
    person.start_server()
    words = person.page.get_by_text("The GPU that your server should get is not there.")
    expect(words.first).to_be_visible(timeout=60_000)
    expect(person.page.get_by_text(f"nvidia.com/gpu={LOST}").first).to_be_visible()
    person.picture("failed")
    (problem,) = [one for one in info()["problems"] if one["subject"] == f"server of {people.unlucky.name}"]
    assert (problem["code"], problem["severity"]) == ("server-failed", "warning")
    assert f"unresolvable CDI devices nvidia.com/gpu={LOST}" in problem["evidence"]
    assert "hub_config_gpu_access" in problem["remedy"]


def test_a_gpu_is_chosen_on_the_page_where_a_server_starts(people, sees, visitor):
    person = visitor("chooser")
    person.log_in(people.chooser.name, people.chooser.password, at="/hub/spawn")
    field = person.page.get_by_label("GPU of your server:")
    expect(field.locator("option")).to_have_text(["No GPU", ONE, f"the second card ({TWO})"])
    expect(field).to_have_value("none")
    field.select_option(TWO)
    person.picture("form")
    person.page.get_by_role("button", name="Start", exact=True).click()
    person.watch_start()
    sees(people.chooser, [TWO])
    person.stop_server()


def test_an_engine_that_lacks_the_toolkit_is_told_where_the_lab_goes_by_its_hook(hub, people, handed_out):
    hub.stop(people.holder.name)
    done = run_sh(*handed_out, "-e", "hub_config_gpu_injection=legacy")
    assert done.code == 0, done.output
    with pytest.raises(LabError, match="lacks NVIDIA's container toolkit.*could not select device driver"):
        hub.start(people.holder.name)
    assert run_sh(*handed_out).code == 0
    hub.start(people.holder.name)


@pytest.fixture
def verify(tmp_path, double, monkeypatch, handed_out):
    """Run verify on a server whose own NVML tells of some cards."""

    def run(*cards):
        (tmp_path / "host").write_text("\n".join(f"gpu {uuid}" for uuid in cards))
        monkeypatch.setenv("NVML_DOUBLE", str(tmp_path / "host"))
        monkeypatch.setenv("LD_LIBRARY_PATH", str(double))
        return run_sh("verify", *handed_out[1:])

    return run


def test_verify_proves_that_servers_get_gpus_and_only_those_that_they_are_given(verify):
    done = verify(ONE, TWO)
    assert (done.code, done.recap["ok"]) == (0, 3), done.output
    assert "get GPUs, and only those that they are given" in done.said
    assert docker("ps", "--all", "--quiet", "--filter", "name=^jupyter-lab-probe$") == ""


def test_verify_names_what_a_server_sees_that_it_should_not(verify):
    done = verify(ONE)
    assert done.code == 2, done.output
    assert "ERROR jupyter-lab-probe (extra_gpus_visible)" in done.said
    assert TWO in done.said
