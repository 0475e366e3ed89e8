# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The pages of NativeAuthenticator that the lab does differently."""

from typing import Any

from jupyterhub.handlers.login import LoginHandler as HubLoginHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import maybe_future
from nativeauthenticator import handlers as native
from nativeauthenticator.orm import UserInfo
from tornado import web
from tornado.escape import url_escape

from labhub import names, passwords


class LoginHandler(HubLoginHandler):
    """JupyterHub's own way to log in.

    NativeAuthenticator 1.3's ``post`` needs ``self.statsd``, which JupyterHub 6 no longer has, and tells
    right passwords from wrong ones past the lock-out.
    """

    async def post(self) -> None:
        """Log in; a form without a user name is the client's mistake."""
        self.get_body_argument("username")
        await super().post()


class PasswordForm(native.LocalBase):
    """A page with a form that sets a password: it tells the rule before one errs."""

    @property
    def template_namespace(self) -> dict[str, Any]:
        """What every template of the page sees."""
        return super().template_namespace | {
            "password_length": self.authenticator.minimum_password_length,
            "password_rule": self.authenticator.password_rule(),
        }


class SignUpHandler(PasswordForm, native.SignUpHandler):
    """Signing up, with the reason of every refusal; while sign-up is closed, whom to ask."""

    signed_up = False

    def render_template(self, name: str, sync: bool = False, **namespace: Any) -> Any:
        """Render a page; the form keeps what was typed into it, but for passwords."""
        if name == "signup.html":
            namespace |= {
                "username": self.get_body_argument("username", ""),
                "email": self.get_body_argument("email", ""),
                "name_rule": f"{names.RULE.capitalize()}.",
                "signed_up": self.signed_up,
            }
        return super().render_template(name, sync, **namespace)

    async def get(self) -> None:
        """Show the form, or whom to ask."""
        if self.authenticator.enable_signup:
            await super().get()
        else:
            contact = self.authenticator.signup_contact
            self.finish(await self.render_template("signup-closed.html", contact=contact))

    async def post(self) -> None:
        """Sign up."""
        if not self.authenticator.enable_signup:
            raise web.HTTPError(403, f"Sign-up is closed. To get an account, ask {self.authenticator.signup_contact}.")
        await super().post()

    def get_result_message(
        self, user: UserInfo | None, human: bool, taken: bool, confirmed: bool, admin: bool
    ) -> tuple[str, str]:
        """Say what came of signing up, as (alert class, text)."""
        if user is None:
            return "alert-danger", self._refusal(human, taken, confirmed)
        self.signed_up = True
        if user.is_authorized:
            return "alert-success", "Your account is ready: log in."
        if user.login_email_sent:
            return "alert-info", "Your account waits for you: open the link that was sent to your e-mail address."
        return "alert-info", "Your account waits for the admin's approval. You can log in once it is approved."

    def _refusal(self, human: bool, taken: bool, confirmed: bool) -> str:
        if not human:
            return "The test that tells people from programs was not passed. Try again."
        username = self.get_body_argument("username", strip=False)
        password = self.get_body_argument("signup_password", strip=False)
        refusal = self.authenticator.signup_refusal(username) or self.authenticator.password_refusal(password)
        if refusal:
            return refusal
        if taken:
            return f"{username!r} is already in use. Choose another name."
        if not confirmed:
            return "The two passwords did not match. Type the same one twice."
        return "This is no e-mail address of the form name@domain."


class AccountDecision(native.LocalBase):
    """What admins decide about an account, by POST: nobody's link can make an admin's browser do it."""

    def account(self, user_name: str) -> UserInfo | None:
        """Find the account to decide about; None when there is none.

        :raises web.HTTPError: 403 with the reason, where this person must not decide about it.
        """
        refusal = self.authenticator.change_refusal(user_name, by=self.current_user)
        if refusal:
            raise web.HTTPError(403, refusal)
        return self.authenticator.get_user(user_name)

    def keep_oneself_in(self, account: UserInfo) -> None:
        """Refuse what locks the person who asks for it out.

        :raises web.HTTPError: 403.
        """
        if account.username == self.current_user.name:
            raise web.HTTPError(403, "This is your own account: you would lock yourself out. Another admin can do it.")


class AuthorizeHandler(AccountDecision):
    """Authorize or unauthorize an account."""

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Set the account to what the form's field ``authorized`` says: true or false."""
        account = self.account(user_name)
        if account is None:
            raise web.HTTPError(404, f"There is no account {user_name}.")
        wanted = self.get_body_argument("authorized")
        if wanted not in ("true", "false"):
            raise web.HTTPError(400, "authorized must be true or false")
        if wanted == "false":
            self.keep_oneself_in(account)
        account.is_authorized = wanted == "true"
        self.db.commit()
        self.redirect(f"{self.hub.base_url}authorize#{url_escape(account.username)}")


class DiscardHandler(AccountDecision):
    """Discard an account that is not authorized, and its hub user."""

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Delete both; a user whose server runs is left alone."""
        account = self.account(user_name)
        if account is not None:
            await self._discard(account)
        self.redirect(f"{self.hub.base_url}authorize")

    async def _discard(self, account: UserInfo) -> None:
        self.keep_oneself_in(account)
        if account.is_authorized:
            raise web.HTTPError(400, f"{account.username} is authorized: unauthorize first, then discard.")
        user = self.find_user(account.username)
        if user is not None and user.active:
            raise web.HTTPError(400, f"{account.username}'s server runs: stop it first.")
        self.authenticator.delete_account(account.username)
        if user is not None:
            await self._delete_hub_user(user)

    async def _delete_hub_user(self, user: Any) -> None:
        await maybe_future(self.authenticator.delete_user(user))
        await user.delete_spawners()
        self.users.delete(user)


class ChangePasswordHandler(PasswordForm, native.ChangePasswordHandler):
    """Changing one's own password, also for users who have none and for passwords that bcrypt cannot take."""

    @web.authenticated
    async def get(self) -> None:
        """Show the form to those who have a password."""
        self._require_account()
        await super().get()

    @web.authenticated
    async def post(self) -> None:
        """Change the password."""
        self._require_account()
        for field in ("old_password", "new_password"):
            if not passwords.fits(self.get_body_argument(field, strip=False)):
                raise web.HTTPError(400, f"A password has at most {passwords.MAX_BYTES} bytes.")
        await super().post()

    def _require_account(self) -> None:
        if self.authenticator.get_user(self.current_user.name) is None:
            raise web.HTTPError(404, f"{self.current_user.name} has no password here to change.")


class ChangeAnyPasswordHandler(PasswordForm, native.ChangePasswordAdminHandler):
    """Setting another's password, as an admin; an admin's own is safe from those who are none."""

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Set it."""
        refusal = self.authenticator.change_refusal(user_name, by=self.current_user)
        if refusal:
            raise web.HTTPError(403, refusal)
        await super().post(user_name)


HANDLERS = {
    r"/login": LoginHandler,
    r"/signup": SignUpHandler,
    r"/authorize/([^/]*)": AuthorizeHandler,
    r"/discard/([^/]*)": DiscardHandler,
    r"/change-password": ChangePasswordHandler,
    r"/change-password/([^/]+)": ChangeAnyPasswordHandler,
}
"""What takes the place of NativeAuthenticator's handlers, by its routes."""
