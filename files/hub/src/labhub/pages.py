# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""The pages of NativeAuthenticator that the lab does differently."""

from typing import Any

from jupyterhub.handlers import base as hub_base
from jupyterhub.handlers import pages as hub_pages
from jupyterhub.handlers.login import LoginHandler as HubLoginHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import maybe_future
from nativeauthenticator import handlers as native
from nativeauthenticator.orm import UserInfo
from tornado import web
from tornado.escape import url_escape

from labhub import names, passwords
from labhub.texts import Speaking, Text, refusal, said

LOGIN = (Text("Invalid username or password"), Text("Login form invalid or expired. Try again."))
"""JupyterHub's own answers to a login."""

CHANGED = (
    Text("Your current password was incorrect. Please try again."),
    Text("Your new password didn't match the confirmation. Please try again."),
    Text("The new password didn't match the confirmation. Please try again."),
    Text("Your password has been changed successfully!"),
)
"""NativeAuthenticator's own answers."""


def sentence(text: str) -> str:
    """Begin with a capital, end with a full stop."""
    return f"{text[0].upper()}{text[1:]}."


class LoginHandler(Speaking, HubLoginHandler):
    """JupyterHub's own way to log in.

    NativeAuthenticator 1.3's ``post`` needs ``self.statsd``, which JupyterHub 6 no longer has, and tells
    right passwords from wrong ones past the lock-out.
    """

    async def post(self) -> None:
        """Log in; a form without a user name is the client's mistake."""
        self.get_body_argument("username")
        await super().post()


class PasswordForm(Speaking, native.LocalBase):
    """A page with a form that sets a password: it tells the rule before one errs."""

    @property
    def template_namespace(self) -> dict[str, Any]:
        """What every template of the page sees."""
        return super().template_namespace | {
            "password_length": self.authenticator.minimum_password_length,
            "password_rule": self.authenticator.password_rule().said(self.language),
        }

    def render_template(self, name: str, sync: bool = False, **namespace: Any) -> Any:
        """Render a page; what NativeAuthenticator answers is said in the reader's language."""
        if "new_password" in self.request.body_arguments and "result_message" in namespace:
            namespace["result_message"] = self._answer(namespace["alert"], namespace["result_message"]).said(
                self.language
            )
        return super().render_template(name, sync, **namespace)

    def _answer(self, alert: str, message: str) -> Text:
        known = {str(text): text for text in CHANGED}
        if message in known:
            return known[message]
        if alert == "alert-success":
            return Text("The new password is set.")
        reason = self.authenticator.password_refusal(self.get_body_argument("new_password", strip=False))
        return reason or Text("The password could not be changed.")


class SignUpHandler(PasswordForm, native.SignUpHandler):
    """Signing up, with the reason of every refusal; while sign-up is closed, whom to ask."""

    signed_up = False

    def render_template(self, name: str, sync: bool = False, **namespace: Any) -> Any:
        """Render a page; the form keeps what was typed into it, but for passwords."""
        if name == "signup.html":
            namespace |= {
                "username": self.get_body_argument("username", ""),
                "email": self.get_body_argument("email", ""),
                "name_rule": sentence(names.RULE.said(self.language)),
                "signed_up": self.signed_up,
            }
        return super().render_template(name, sync, **namespace)

    async def get(self) -> None:
        """Show the form, or whom to ask."""
        if self.authenticator.enable_signup:
            await super().get()
        else:
            contact = said(self.authenticator.contact(), self.language)
            self.finish(await self.render_template("signup-closed.html", contact=contact))

    async def post(self) -> None:
        """Sign up."""
        if not self.authenticator.enable_signup:
            closed = "Sign-up is closed. To get an account, ask %(contact)s."
            raise refusal(self, 403, Text(closed, contact=self.authenticator.contact()))
        await super().post()

    def get_result_message(
        self, user: UserInfo | None, human: bool, taken: bool, confirmed: bool, admin: bool
    ) -> tuple[str, str]:
        """Say what came of signing up, as (alert class, text)."""
        if user is None:
            return "alert-danger", self._refusal(human, taken, confirmed).said(self.language)
        self.signed_up = True
        style, text = self._welcome(user)
        return style, text.said(self.language)

    def _welcome(self, user: UserInfo) -> tuple[str, Text]:
        if user.is_authorized:
            return "alert-success", Text("Your account is ready: log in.")
        if user.login_email_sent:
            sent = "Your account waits for you: open the link that was sent to your e-mail address."
            return "alert-info", Text(sent)
        waiting = "Your account waits for the admin's approval. You can log in once it is approved."
        return "alert-info", Text(waiting)

    def _refusal(self, human: bool, taken: bool, confirmed: bool) -> Text:
        if not human:
            return Text("The test that tells people from programs was not passed. Try again.")
        username = self.get_body_argument("username", strip=False)
        password = self.get_body_argument("signup_password", strip=False)
        reason = self.authenticator.signup_refusal(username) or self.authenticator.password_refusal(password)
        if reason:
            return reason
        if taken:
            return Text("%(name)s is already in use. Choose another name.", name=repr(username))
        if not confirmed:
            return Text("The two passwords did not match. Type the same one twice.")
        return Text("This is no e-mail address of the form name@domain.")


class AuthorizationAreaHandler(Speaking, native.AuthorizationAreaHandler):
    """The page where admins decide about accounts."""


class AccountDecision(Speaking, native.LocalBase):
    """What admins decide about an account, by POST: nobody's link can make an admin's browser do it."""

    def account(self, user_name: str) -> UserInfo | None:
        """Find the account to decide about; None when there is none.

        :raises web.HTTPError: 403 with the reason, where this person must not decide about it.
        """
        reason = self.authenticator.change_refusal(user_name, by=self.current_user)
        if reason:
            raise refusal(self, 403, reason)
        return self.authenticator.get_user(user_name)

    def keep_oneself_in(self, account: UserInfo) -> None:
        """Refuse what locks the person who asks for it out.

        :raises web.HTTPError: 403.
        """
        if account.username == self.current_user.name:
            own = "This is your own account: you would lock yourself out. Another admin can do it."
            raise refusal(self, 403, Text(own))


class AuthorizeHandler(AccountDecision):
    """Authorize or unauthorize an account."""

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Set the account to what the form's field ``authorized`` says: true or false."""
        account = self.account(user_name)
        if account is None:
            raise refusal(self, 404, Text("There is no account %(name)s.", name=user_name))
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
            authorized = "%(name)s is authorized: unauthorize first, then discard."
            raise refusal(self, 400, Text(authorized, name=account.username))
        user = self.find_user(account.username)
        if user is not None and user.active:
            raise refusal(self, 400, Text("The server of %(name)s runs: stop it first.", name=account.username))
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
                raise refusal(self, 400, passwords.TOO_LONG)
        await super().post()

    def _require_account(self) -> None:
        if self.authenticator.get_user(self.current_user.name) is None:
            nothing = Text("%(name)s has no password here to change.", name=self.current_user.name)
            raise refusal(self, 404, nothing)


class ChangeAnyPasswordHandler(PasswordForm, native.ChangePasswordAdminHandler):
    """Setting another's password, as an admin; an admin's own is safe from those who are none."""

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Set it."""
        reason = self.authenticator.change_refusal(user_name, by=self.current_user)
        if reason:
            raise refusal(self, 403, reason)
        await super().post(user_name)


class SpawnHandler(Speaking, hub_pages.SpawnHandler):
    """Starting a server, with a form for whoever has something to choose."""


class SpawnPendingHandler(Speaking, hub_pages.SpawnPendingHandler):
    """What a start is doing, and why it failed."""


class UserUrlHandler(Speaking, hub_base.UserUrlHandler):
    """Where a server would be that does not run."""


HANDLERS = {
    r"/login": LoginHandler,
    r"/signup": SignUpHandler,
    r"/authorize": AuthorizationAreaHandler,
    r"/authorize/([^/]*)": AuthorizeHandler,
    r"/discard/([^/]*)": DiscardHandler,
    r"/change-password": ChangePasswordHandler,
    r"/change-password/([^/]+)": ChangeAnyPasswordHandler,
    r"/spawn": SpawnHandler,
    r"/spawn/([^/]+)": SpawnHandler,
    r"/spawn/([^/]+)/([^/]+)": SpawnHandler,
    r"/spawn-pending/([^/]+)": SpawnPendingHandler,
    r"/spawn-pending/([^/]+)/([^/]+)": SpawnPendingHandler,
    r"/user/(?P<user_name>[^/]+)(?P<user_path>/.*)?": UserUrlHandler,
}
"""What takes the place of NativeAuthenticator's handlers and of JupyterHub's, by their routes."""
