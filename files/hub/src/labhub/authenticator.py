# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""`LabAuthenticator`: NativeAuthenticator with safe defaults, on the JupyterHub that the lab ships."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nativeauthenticator
from jupyterhub.app import JupyterHub
from jupyterhub.orm import User
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from traitlets import Dict, Enum, Unicode, default

from labhub import names, pages, passwords, secrets, texts
from labhub.accounts import AccountHandler, AccountListHandler
from labhub.failures import FailuresHandler
from labhub.keeper import AccountKeeper, AccountProblem
from labhub.texts import Text

TEMPLATES = (Path(__file__).parent / "templates", Path(nativeauthenticator.__file__).parent / "templates")

NOBODY_NAMED = Text("whoever runs this lab")


class LabAuthenticator(AccountKeeper, NativeAuthenticator):
    """Accounts with passwords, kept by the hub: who may sign up is one setting.

    The admin's account is made from a password file when the hub starts, and nobody can sign up under a
    name that is an admin's.
    """

    signup = Enum(
        ("closed", "moderated", "open"),
        "moderated",
        config=True,
        help="Who gets an account: nobody by themselves, whom an admin approves, or whoever signs up.",
    )
    signup_contact = Unicode(
        str(NOBODY_NAMED), config=True, help="Whom the sign-up page names while sign-up is closed."
    )
    language = Enum(
        ("auto", *texts.LANGUAGES),
        "auto",
        config=True,
        help="Language of the lab's own pages and messages: each browser's (auto), or one for all.",
    )
    bootstrap_accounts = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        config=True,
        help="Accounts to make when the hub starts and they do not exist: user name -> password file, mode 0600.",
    )

    def __init__(self, add_new_table: bool = True, **kwargs: Any):
        super().__init__(add_new_table=add_new_table, **kwargs)
        if isinstance(self.parent, JupyterHub):
            self._offer_templates(self.parent)
            # Pages that are not the lab's extend its `page.html` too; JupyterHub calls this with the user.
            self.parent.template_vars.setdefault("_", lambda user: texts.speaker(texts.LANGUAGES[0]))
        if self._deprecated_db_session is not None:
            self._make_bootstrap_accounts()

    # Defaults that differ from NativeAuthenticator's

    @default("db")
    def _hub_database(self) -> Any:
        # The same session as the base class gives, without its warning: NativeAuthenticator has no other.
        return self._deprecated_db_session

    @default("allow_all")
    def _let_approval_decide(self) -> bool:
        return True

    @default("enable_signup")
    def _signup_unless_closed(self) -> bool:
        return self.signup != "closed"

    @default("open_signup")
    def _signup_without_approval(self) -> bool:
        return self.signup == "open"

    @default("minimum_password_length")
    def _sane_password_length(self) -> int:
        return 10

    @default("check_common_password")
    def _refuse_common_passwords(self) -> bool:
        return True

    @default("allowed_failed_logins")
    def _few_failed_logins(self) -> int:
        return 5

    @default("seconds_before_next_try")
    def _lock_out_for_five_minutes(self) -> int:
        return 300

    def _offer_templates(self, app: JupyterHub) -> None:
        """Put the lab's pages after the operator's own and before JupyterHub's."""
        base = str(Path(app.data_files_path) / "templates")
        app.template_paths = [*(path for path in app.template_paths if path != base), *map(str, TEMPLATES), base]

    # Names and passwords

    def validate_username(self, username: str) -> bool:
        """Tell whether a name may exist in this lab."""
        return names.may_have_account(username) and super().validate_username(username)

    def password_refusal(self, password: str) -> Text | None:
        """Say why a password is not accepted, and what is; None when it is."""
        if len(password) < self.minimum_password_length:
            return Text("A password has at least %(least)s characters.", least=self.minimum_password_length)
        if not passwords.fits(password):
            return passwords.TOO_LONG
        if self.check_common_password and self.is_password_common(password):
            return Text("This password is among the most common ones: choose another.")
        return None

    def password_rule(self) -> Text:
        """Say what a password has to be, before somebody errs."""
        least = self.minimum_password_length
        if self.check_common_password:
            return Text(
                "A password has at least %(least)s characters, and is none of the most common ones.", least=least
            )
        return Text("A password has at least %(least)s characters.", least=least)

    def is_password_strong(self, password: str) -> bool:
        """Tell whether a password is accepted; NativeAuthenticator asks wherever one is set."""
        return self.password_refusal(password) is None

    # Signing up

    def contact(self) -> str:
        """Say whom to ask for an account: what the operator set, or the default in the reader's language."""
        return NOBODY_NAMED if self.signup_contact == NOBODY_NAMED else self.signup_contact

    def signup_refusal(self, username: str) -> Text | None:
        """Say why nobody can sign up under a name; None when somebody can."""
        username = self.normalize_username(username)
        refusal = names.refusal(username)
        if refusal:
            return refusal
        if not self.validate_username(username):
            return Text("%(name)s is refused by this hub's configuration.", name=repr(username))
        user = User.find(self.db, username)
        # An account is the key to the user of its name: to an admin's rights, to the home that goes with it.
        if self.is_lab_admin(username) or (user is not None and self.open_signup):
            taken = "%(name)s is taken. If it is you, ask %(contact)s for a password."
            return Text(taken, name=repr(username), contact=self.contact())
        return None

    def is_lab_admin(self, username: str) -> bool:
        """Tell whether a user of this name is, or would be, an admin."""
        user = User.find(self.db, username)
        return username in self.admin_users or (user is not None and user.admin)

    def change_refusal(self, username: str, by: Any) -> str | None:
        """Say why a user or service must not change an account; None when it may.

        As JupyterHub has it for users: the scope ``admin:users`` alone must not be a way to become an admin.
        """
        if self.is_lab_admin(self.normalize_username(username)) and not by.admin:
            return Text("Only admins can change the account of an admin.")
        return None

    def create_user(self, username: str, password: str, **kwargs: Any) -> UserInfo | None:
        """Make an account for somebody who signs up; None when that is refused."""
        if self.signup_refusal(username):
            return None
        kwargs["has_2fa"] = self.allow_2fa and kwargs.get("has_2fa", False)
        return super().create_user(username, password, **kwargs)

    # Logging in

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """Check a login.

        :param data: the form: ``username``, ``password``, and ``2fa`` where that is on.
        :returns: the user's name, or None when name or password is wrong.
        :raises web.HTTPError: 403 with the reason, for a name that is locked out or (given the right
          password) not authorized yet. A name that does not exist is locked out like one that does.
        """
        username = self.normalize_username(data.get("username", ""))
        if not names.may_have_account(username):
            return None
        self._refuse_when_locked_out(username, handler)
        # Counted before the slow check, so that guesses sent all at once are counted too.
        self.add_login_attempt(username)
        account = self.get_user(username)
        second_factor = account is None or not account.has_2fa or account.is_valid_token(data.get("2fa", ""))
        authorized = account is not None and account.is_authorized
        hashed = account.password if account else passwords.decoy()
        matches = await asyncio.to_thread(passwords.matches, data.get("password", ""), hashed)
        if account is None or not matches or not second_factor:
            return None
        self.successful_login(username)
        if not authorized:
            waiting = Text("User %(name)s has not been authorized by an administrator yet.", name=username)
            raise texts.refusal(handler, 403, waiting)
        return username

    def _refuse_when_locked_out(self, username: str, handler: Any) -> None:
        if self.allowed_failed_logins and self.is_blocked(username):
            minutes = -(-self.seconds_before_next_try // 60)
            locked = Text("Too many failed logins for this name. Try again in %(count)s minutes.", count=minutes)
            raise texts.refusal(handler, 403, locked)

    def is_blocked(self, username: str) -> bool:
        """Tell whether a name is locked out; NativeAuthenticator leaves whole days out of the time that has passed."""
        self._forget_old_logins()
        return super().is_blocked(username)

    def add_login_attempt(self, username: str) -> None:
        """Count a login, and forget those from before the lock-out's time."""
        self._forget_old_logins()
        super().add_login_attempt(username)

    def _forget_old_logins(self) -> None:
        oldest = datetime.now() - timedelta(seconds=self.seconds_before_next_try)
        self.login_attempts = {name: seen for name, seen in self.login_attempts.items() if seen["time"] >= oldest}

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        """End the sessions of a user whose account is no longer authorized.

        A user without an account was made through the API; what that user may do is up to their tokens.
        """
        account = self.get_user(user.name)
        return account is None or account.is_authorized

    # Accounts made by the lab, not by signing up

    def _make_bootstrap_accounts(self) -> None:
        for username, password_file in self.bootstrap_accounts.items():
            if self.user_exists(username):
                continue
            try:
                self.set_account(username, password=secrets.read(password_file), authorized=True)
            except AccountProblem as problem:
                raise AccountProblem(f"bootstrap account {username!r} ({password_file}): {problem}") from problem
            self.log.info("Made the account %s with the password in %s", username, password_file)

    def get_handlers(self, app: Any) -> Iterable[tuple[str, type]]:
        """NativeAuthenticator's pages, those that the lab does differently, and the lab's API."""
        api = {
            r"/api/lab/accounts": AccountListHandler,
            r"/api/lab/accounts/([^/]+)": AccountHandler,
            r"/api/lab/failures": FailuresHandler,
        }
        return (dict(super().get_handlers(app)) | pages.HANDLERS | api).items()
