"""What people do in a browser, from the sign-up form to the end of the working day."""

import re


def test_admin_lets_a_newcomer_in(lab, guests, visitor):
    newcomer = guests.stranger()
    person = visitor("newcomer")
    assert "waits for the admin's approval" in person.sign_up(newcomer)
    person.log_in(newcomer.name, newcomer.password)
    person.is_refused("has not been authorized by an administrator yet")

    admin = visitor("admin")
    admin.log_in(lab.admin, lab.password)
    admin.is_in(lab.admin)
    admin.approve(newcomer.name)

    person.log_in(newcomer.name, "not-the-password-0")
    person.is_refused("Invalid username or password")
    person.log_in(newcomer.name, newcomer.password)
    person.is_in(newcomer.name)


def test_package_of_one_user_is_everybodys(guests, package, visitor):
    first, second = guests.member(), guests.member()
    name, version = package.split("==")

    giver = visitor("giver")
    giver.log_in(first.name, first.password, at="/")
    giver.watch_start()
    with giver.terminal() as terminal:
        terminal.type(f"pip install {package}", until=f"Successfully installed {name}-{re.escape(version)}")

    taker = visitor("taker")
    taker.log_in(second.name, second.password, at="/hub/home")
    taker.start_server()
    taker.watch_start()
    assert f"/{name}/__init__.py" in taker.run_in_notebook(f"import {name}; print({name}.__file__)")

    giver.stop_server()
    taker.stop_server()
