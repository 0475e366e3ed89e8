# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The pages of NativeAuthenticator that the lab does differently."""

from typing import Any

from jupyterhub.handlers.login import LoginHandler as HubLoginHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import maybe_future
from nativeauthenticator import handlers as native
from tornado import web
from tornado.escape import url_escape

from labhub import passwords


class LoginHandler(HubLoginHandler):
    """JupyterHub's own way to log in, on NativeAuthenticator's page.

    NativeAuthenticator 1.3's ``post`` needs ``self.statsd``, which JupyterHub 6 no longer has, and tells
    right passwords from wrong ones past the lock-out.
    """

    def _render(self, login_error: str | None = None, username: str | None = None, **kwargs: Any) -> Any:
        context = {
            "next": url_escape(self.get_argument("next", default="")),
            "username": username,
            "login_error": login_error,
            "login_url": self.settings["login_url"],
            "enable_signup": self.authenticator.enable_signup,
            "two_factor_auth": self.authenticator.allow_2fa,
        }
        return self.render_template("native-login.html", **context, **kwargs)

    async def post(self) -> None:
        """Log in; a form without a user name is the client's mistake."""
        self.get_body_argument("username")
        await super().post()


class SignUpHandler(native.SignUpHandler):
    """Signing up, with the reason of every refusal; while sign-up is closed, whom to ask."""

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

    def get_result_message(self, user: Any, assume_user_is_human: bool, *conditions: bool) -> tuple[str, str]:
        """Say what came of signing up, as (alert class, text)."""
        refusal = self._refusal() if assume_user_is_human and not user else None
        if refusal:
            return "alert-danger", refusal
        return super().get_result_message(user, assume_user_is_human, *conditions)

    def _refusal(self) -> str | None:
        username = self.get_body_argument("username", strip=False)
        password = self.get_body_argument("signup_password", strip=False)
        return self.authenticator.signup_refusal(username) or self.authenticator.password_refusal(password)


class AuthorizeHandler(native.LocalBase):
    """Authorize or unauthorize an account, by POST: nobody's link can make an admin's browser do it."""

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Set the account to what the form's field ``authorized`` says: true or false."""
        account = self.authenticator.get_user(user_name)
        if account is None:
            raise web.HTTPError(404, f"There is no account {user_name}.")
        wanted = self.get_body_argument("authorized")
        if wanted not in ("true", "false"):
            raise web.HTTPError(400, "authorized must be true or false")
        account.is_authorized = wanted == "true"
        self.db.commit()
        self.redirect(f"{self.hub.base_url}authorize#{url_escape(user_name)}")


class DiscardHandler(native.LocalBase):
    """Discard an account that is not authorized, and its hub user, by POST."""

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Delete both; a user whose server runs is left alone."""
        account = self.authenticator.get_user(user_name)
        if account is not None and account.is_authorized:
            raise web.HTTPError(400, f"{user_name} is authorized: unauthorize first, then discard.")
        user = self.find_user(user_name)
        if user is not None and user.active:
            raise web.HTTPError(400, f"{user_name}'s server runs: stop it first.")
        if account is not None:
            self.authenticator.delete_account(user_name)
            if user is not None:
                await self._delete_hub_user(user)
        self.redirect(f"{self.hub.base_url}authorize")

    async def _delete_hub_user(self, user: Any) -> None:
        await maybe_future(self.authenticator.delete_user(user))
        await user.delete_spawners()
        self.users.delete(user)


class ChangePasswordHandler(native.ChangePasswordHandler):
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


HANDLERS = {
    r"/login": LoginHandler,
    r"/signup": SignUpHandler,
    r"/authorize/([^/]*)": AuthorizeHandler,
    r"/discard/([^/]*)": DiscardHandler,
    r"/change-password": ChangePasswordHandler,
}
"""What takes the place of NativeAuthenticator's handlers, by its routes."""
