"""Servers that cannot take the lab: each is told in words, with its mend, and nothing on it is changed."""

import re

import pytest


@pytest.fixture
def lab(server):
    """The server, as root."""
    return server("lab")


@pytest.fixture
def told(converge):
    """Run the site as its users do, see that it fails without a change, and return what it says in one line."""

    def run(*options, changes=0):
        done = converge(*options)
        assert done.code != 0, done.said
        assert done.changes["lab"] == changes, done.said
        return " ".join(done.said.split())

    return run


def test_a_server_that_does_not_answer(told):
    text = told("--extra-vars=ansible_port=1")
    assert "lab | UNREACHABLE" in text or "lab]: UNREACHABLE!" in text
    assert "port 1: Connection refused" in text


@pytest.fixture
def pat(lab):
    """Somebody who may sudo with a password."""
    lab.check_output("useradd --create-home pat && echo pat:right | chpasswd && cp -a /home/ops/.ssh /home/pat/")
    lab.check_output("chown -R pat /home/pat/.ssh && echo 'pat ALL=(ALL) ALL' > /etc/sudoers.d/pat")
    yield "--extra-vars=ansible_user=pat"
    # A connection of theirs is kept open for a while.
    lab.check_output("rm /etc/sudoers.d/pat && userdel --force --remove pat")


def test_a_wrong_password_for_sudo(told, pat):
    assert "Incorrect sudo password" in told(pat, "--extra-vars=ansible_become_password=wrong")


def test_no_password_for_sudo(told, pat):
    assert "Missing sudo password" in told(pat)


def test_the_right_password_for_sudo(converge, pat):
    done = converge(pat, "--extra-vars=ansible_become_password=right", "--check")
    assert done.code == 0, done.said


@pytest.fixture
def squatter(lab):
    """A service on the lab's port."""
    lab.check_output("systemd-run --unit=squatter python3 -m http.server 8000")
    lab.check_output("until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8000))'; do :; done")
    yield
    lab.check_output("systemctl stop squatter")


def test_a_service_on_the_labs_port(told, squatter):
    text = told()
    assert re.search(r"port 8000 of 0\.0\.0\.0 is taken by python3 \(process \d+\)", text)
    assert "or set hub_stack_port to a free port" in text


@pytest.fixture
def packaged(lab):
    """Install a package that is a name and its scripts, as a stand-in for one whose origin is out of reach."""
    names = []

    def install(name, postinst="", deed="--install"):
        names.append(name)
        fields = rf"Package: {name}\nVersion: 5\nArchitecture: all\nMaintainer: nobody\nDescription: stand-in\n"
        lab.check_output(f"mkdir -p /tmp/{name}/DEBIAN && printf '{fields}' > /tmp/{name}/DEBIAN/control")
        if postinst:
            lab.check_output(f"printf '{postinst}' > /tmp/{name}/DEBIAN/postinst")
            lab.check_output(f"chmod 0755 /tmp/{name}/DEBIAN/postinst")
        lab.check_output(f"dpkg-deb --build /tmp/{name}")
        return lab.run(f"dpkg {deed} /tmp/{name}.deb")

    yield install
    for name in names:
        lab.check_output(f"dpkg --purge {name}")


@pytest.mark.parametrize("name", ["podman-docker", "docker-ce"])
def test_a_package_that_takes_the_place_of_the_engine(told, lab, packaged, name):
    assert packaged(name).rc == 0
    text = told()
    assert "The engine cannot be made ready; nothing was changed." in text
    assert "(packages-conflict)" in text
    assert f"apt-get remove {name}" in text
    assert not lab.package("docker.io").is_installed


@pytest.fixture
def elsewhere(lab):
    """A distribution that the lab has no packages for."""
    lab.check_output("cp --dereference /etc/os-release /root/os-release && rm /etc/os-release")
    lab.check_output(r"printf 'ID=gentoo\nNAME=Gentoo\nPRETTY_NAME=Gentoo\nVERSION_ID=2.17\n' > /etc/os-release")
    yield
    lab.check_output("cp /root/os-release /etc/os-release")


def test_a_distribution_that_the_lab_has_no_packages_for(told, elsewhere):
    text = told()
    assert "this is Gentoo; the lab is written for" in text
    assert "The engine cannot be made ready; nothing was changed." in text
    assert "Install an engine 25 or newer" in text


@pytest.fixture
def claimed(lab):
    """What a run begins with is undone: its mark that the engine is to be its own."""
    yield
    lab.check_output("rm /etc/docker/gpulab.jupyterhub.json")


@pytest.fixture
def upgrading(lab):
    """A program that installs packages, and takes its time."""
    lock = "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX)"
    lab.check_output(f'systemd-run --unit=upgrading python3 -c "{lock}; time.sleep(9999)"')
    yield
    lab.check_output("systemctl stop upgrading")


def test_a_lock_that_another_program_holds(told, lab, upgrading, claimed):
    text = told("--extra-vars=docker_engine_apt_lock_timeout=2", changes=1)
    assert re.search(r"It is held by process \d+ \(python3\)", text)
    assert "let the run wait longer, docker_engine_apt_lock_timeout" in text
    assert not lab.package("docker.io").is_installed


@pytest.fixture
def nameless(lab):
    """A server whose name service answers nothing."""
    lab.check_output("cp --dereference /etc/resolv.conf /root/resolv.conf")
    lab.check_output(r"printf 'nameserver 127.0.0.9\noptions timeout:1 attempts:1\n' > /etc/resolv.conf")
    yield
    lab.check_output("cat /root/resolv.conf > /etc/resolv.conf")


def test_a_name_service_that_finds_nothing(told, lab, nameless, claimed):
    text = told(changes=1)
    assert "finds no address for the name of what its packages come from" in text
    assert "/etc/resolv.conf" in text
    assert not lab.package("docker.io").is_installed


@pytest.fixture
def full(lab):
    """A disk with hardly any room for the packages that come."""
    lab.check_output("mount -t tmpfs -o size=1m tmpfs /var/cache/apt/archives")
    yield
    lab.check_output("umount /var/cache/apt/archives")


def test_a_disk_without_room_for_packages(told, lab, full, claimed):
    text = told(changes=1)
    assert "The server's disk is full: `df -h / /var` shows which" in text
    assert not lab.package("docker.io").is_installed


def test_too_little_room_for_the_lab(told):
    text = told("--extra-vars=hub_stack_min_free_gb=1000000")
    assert "(disk-full)" in text
    assert "or set lab_data_root" in text


def test_without_all_that_it_has_nothing_to_say_before_it_changes_something(converge):
    done = converge("--check")
    assert done.code == 0, done.said


KILLED_ONCE = r"#!/bin/sh\n[ -e /var/tmp/tried ] || { touch /var/tmp/tried; kill -KILL $PPID; }\n"


def test_an_installation_that_was_cut_off_is_finished_before_another_begins(converge, lab, packaged):
    assert packaged("half", KILLED_ONCE).rc != 0
    assert "half configured" in lab.check_output("dpkg-query --show --showformat='${Status}' half").replace("-", " ")
    assert lab.check_output("ls /var/lib/dpkg/updates") != ""
    done = converge("--tags=engine")
    assert done.code == 0, done.said
    assert lab.package("half").is_installed
    assert lab.package("docker.io").is_installed
