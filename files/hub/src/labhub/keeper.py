# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Accounts that are made and kept by the lab, not by signing up."""

import asyncio
from typing import Any

from nativeauthenticator.orm import UserInfo

from labhub import names, passwords


class AccountProblem(ValueError):
    """An account cannot be as asked; the text says what is accepted."""


class AccountKeeper:
    """The part of the authenticator that makes, changes and deletes accounts.

    What is asked of an account, ``asked``, is any of ``password`` (needed for a new account), ``authorized`` (a new
    account is authorized unless False), ``email`` (empty removes it) and ``has_2fa`` (only False: takes a second
    factor away, and its secret with it). What is not named, or None, stays as it is.
    """

    def set_account(self, username: str, **asked: Any) -> list[str]:
        """Create an account, or change it where it differs from what is asked.

        :returns: names of the fields that changed.
        :raises AccountProblem: name, password or e-mail address is not accepted.
        """
        password = asked.get("password")
        wanted = self._differences(username, asked, same=_matches(password, self._stored(username)))
        if "password" in wanted:
            wanted["password"] = passwords.hashed(password, _rounds(username))
        return self._store(username, wanted)

    async def keep_account(self, username: str, check: bool = False, **asked: Any) -> list[str]:
        """Do as `set_account`, and let the hub serve people while bcrypt, slow by design, is at work.

        :param check: only tell what would change.
        :raises AccountProblem: as `set_account`.
        """
        password = asked.get("password")
        same = await asyncio.to_thread(_matches, password, self._stored(username))
        wanted = self._differences(username, asked, same)
        if check:
            return _names(wanted)
        if "password" in wanted:
            wanted["password"] = await asyncio.to_thread(passwords.hashed, password, _rounds(username))
        return self._store(username, wanted)

    def delete_account(self, username: str) -> bool:
        """Delete an account, and neither the hub's user nor the home; False when there is none."""
        account = self.get_user(username)
        if account is None:
            return False
        self.db.delete(account)
        self.db.commit()
        return True

    def _stored(self, username: str) -> bytes | None:
        account = self.get_user(username)
        return account.password if account else None

    def _differences(self, username: str, asked: dict[str, Any], same: bool) -> dict[str, Any]:
        """Tell which fields of an account have to change, by their names in the database; a password is in clear."""
        if not self.validate_username(username):
            raise AccountProblem(names.refusal(username) or f"{username!r} is refused by this hub's configuration.")
        account = self.get_user(username) or UserInfo(username=username, is_authorized=None)
        wanted: dict[str, Any] = {}
        if asked.get("password") is not None and not same:
            wanted["password"] = self._accepted_password(asked["password"])
        if asked.get("authorized") is not None and account.is_authorized != asked["authorized"]:
            wanted["is_authorized"] = asked["authorized"]
        if asked.get("email") is not None and asked["email"] != (account.email or ""):
            wanted["email"] = _accepted_email(asked["email"])
        if asked.get("has_2fa") is False and account.has_2fa:
            wanted["has_2fa"] = False
        if account.password is None:
            _require_password(username, wanted)
            wanted.setdefault("is_authorized", True)
        return wanted

    def _accepted_password(self, password: str) -> str:
        refusal = self.password_refusal(password)
        if refusal:
            raise AccountProblem(refusal)
        return password

    def _store(self, username: str, wanted: dict[str, Any]) -> list[str]:
        account = self.get_user(username)
        if account is None:
            _require_password(username, wanted)
            account = UserInfo(username=username)
        for field, value in wanted.items():
            setattr(account, field, value)
        if "has_2fa" in wanted:
            # The old secret is on a device that may be in somebody else's hands.
            account.otp_secret = UserInfo().otp_secret
        self.db.add(account)
        self.db.commit()
        if "password" in wanted:
            self.successful_login(username)
        return _names(wanted)


def _matches(password: str | None, stored: bytes | None) -> bool:
    return password is not None and stored is not None and passwords.matches(password, stored)


def _rounds(username: str) -> int:
    return passwords.PROBE_ROUNDS if username == names.PROBE else passwords.ROUNDS


def _names(wanted: dict[str, Any]) -> list[str]:
    return [field.removeprefix("is_") for field in wanted]


def _require_password(username: str, wanted: dict[str, Any]) -> None:
    if "password" not in wanted:
        raise AccountProblem(f"There is no account {username!r} yet: a new one needs a password.")


def _accepted_email(email: str) -> str:
    try:
        UserInfo(email=email)
    except AssertionError as error:
        raise AccountProblem(f"{email!r} is not an e-mail address of the form name@domain.") from error
    return email
