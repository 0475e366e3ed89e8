# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""``/hub/api/lab/accounts``: accounts and their passwords, for whoever may administer users."""

import json
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from nativeauthenticator.orm import UserInfo
from tornado import web

FIELDS: dict[str, type] = {"password": str, "authorized": bool, "email": str, "has_2fa": bool}


class AccountListHandler(APIHandler):
    """Look at all accounts at once; the scope is ``admin:users``."""

    @needs_scope("admin:users")
    def get(self) -> None:
        """Answer a list of what `AccountHandler.get` answers for one."""
        accounts = self.db.query(UserInfo).order_by(UserInfo.username)
        self.finish(json.dumps([_model(account) for account in accounts]))


class AccountHandler(APIHandler):
    """Look at, set or delete one account; the scope is ``admin:users``, as for the hub's users."""

    @needs_scope("admin:users")
    def get(self, user_name: str) -> None:
        """Answer ``{name, exists}``, and of an account that exists ``authorized``, ``has_2fa`` and ``email``."""
        self.finish(self._answer(user_name))

    @needs_scope("admin:users")
    async def post(self, user_name: str) -> None:
        """Answer what `put` would, and change nothing; 200 for a new account too."""
        self.finish(await self._keep(user_name, check=True))

    @needs_scope("admin:users")
    async def put(self, user_name: str) -> None:
        """Create or change an account from ``{password?, authorized?, email?, has_2fa?}``.

        ``has_2fa`` can only be false, which takes a second factor away.
        Answers what `get` does with ``created`` and ``changed`` (names of fields): 201 for a new account,
        200 otherwise, 400 for what is not accepted, 403 for an admin's account unless by an admin.
        """
        answer = await self._keep(user_name, check=False)
        self.set_status(201 if answer["created"] else 200)
        self.finish(answer)

    @needs_scope("admin:users")
    def delete(self, user_name: str) -> None:
        """Delete an account, neither the hub's user nor the home: 204, or 404 when there is none."""
        self._protect_admins(user_name)
        if not self.authenticator.delete_account(user_name):
            raise web.HTTPError(404, f"There is no account {user_name}.")
        self.set_status(204)

    async def _keep(self, user_name: str, check: bool) -> dict[str, Any]:
        self._protect_admins(user_name)
        asked = self._asked()
        created = not self.authenticator.user_exists(user_name)
        try:
            changed = await self.authenticator.keep_account(user_name, check=check, **asked)
        except ValueError as problem:
            raise web.HTTPError(400, str(problem)) from problem
        return self._answer(user_name) | {"created": created, "changed": changed}

    def _protect_admins(self, user_name: str) -> None:
        refusal = self.authenticator.change_refusal(user_name, by=self.current_user)
        if refusal:
            raise web.HTTPError(403, refusal)

    def _asked(self) -> dict[str, Any]:
        asked = self.get_json_body() or {}
        if not isinstance(asked, dict) or asked.keys() - FIELDS.keys():
            raise web.HTTPError(400, f"The body must be a JSON object with any of: {', '.join(FIELDS)}.")
        for field, value in asked.items():
            if not isinstance(value, FIELDS[field]):
                raise web.HTTPError(400, f"{field} must be of type {FIELDS[field].__name__}.")
        if asked.get("has_2fa"):
            raise web.HTTPError(400, "has_2fa can only be false: a second factor begins on its owner's device.")
        return asked

    def _answer(self, user_name: str) -> dict[str, Any]:
        account = self.authenticator.get_user(user_name)
        return {"name": user_name, "exists": False} if account is None else _model(account)


def _model(account: UserInfo) -> dict[str, Any]:
    """Tell of an account what programs may know: neither password nor second factor's secret."""
    return {
        "name": account.username,
        "exists": True,
        "authorized": bool(account.is_authorized),
        "has_2fa": bool(account.has_2fa),
        "email": account.email or "",
    }
