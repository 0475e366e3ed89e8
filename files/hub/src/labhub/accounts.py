# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""``/hub/api/lab/accounts/<name>``: accounts and their passwords, for whoever may administer users."""

from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from tornado import web

FIELDS: dict[str, type] = {"password": str, "authorized": bool, "email": str}


class AccountHandler(APIHandler):
    """Look at, set or delete one account; the scope is ``admin:users``, as for the hub's users."""

    @needs_scope("admin:users")
    def get(self, user_name: str) -> None:
        """Answer ``{name, exists}``, and of an account that exists ``authorized``, ``has_2fa`` and ``email``."""
        self.finish(self._model(user_name))

    @needs_scope("admin:users")
    def put(self, user_name: str) -> None:
        """Create or change an account from ``{password?, authorized?, email?}``.

        Answers what `get` does with ``created`` and ``changed`` (names of fields): 201 for a new account,
        200 otherwise, 400 for what is not accepted, 403 for an admin's account unless by an admin.
        """
        self._protect_admins(user_name)
        asked = self._asked()
        created = not self.authenticator.user_exists(user_name)
        try:
            changed = self.authenticator.set_account(user_name, **asked)
        except ValueError as problem:
            raise web.HTTPError(400, str(problem)) from problem
        self.set_status(201 if created else 200)
        self.finish(self._model(user_name) | {"created": created, "changed": changed})

    @needs_scope("admin:users")
    def delete(self, user_name: str) -> None:
        """Delete an account, neither the hub's user nor the home: 204, or 404 when there is none."""
        self._protect_admins(user_name)
        if not self.authenticator.delete_account(user_name):
            raise web.HTTPError(404, f"There is no account {user_name}.")
        self.set_status(204)

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
        return asked

    def _model(self, user_name: str) -> dict[str, Any]:
        account = self.authenticator.get_user(user_name)
        if account is None:
            return {"name": user_name, "exists": False}
        return {
            "name": account.username,
            "exists": True,
            "authorized": bool(account.is_authorized),
            "has_2fa": bool(account.has_2fa),
            "email": account.email or "",
        }
