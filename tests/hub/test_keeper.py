# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Keeping accounts, apart from a hub: what must not hold up the hub's one thread."""

import asyncio
import threading

import pytest
from jupyterhub import orm
from labhub import passwords
from labhub.keeper import AccountKeeper
from nativeauthenticator.orm import UserInfo


class Keeper(AccountKeeper):
    """What the keeper needs of an authenticator, on a database in memory."""

    def __init__(self):
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        UserInfo.__table__.create(self.db.get_bind(), checkfirst=True)

    def get_user(self, username):
        return UserInfo.find(self.db, username)

    def validate_username(self, username):
        return True

    def password_refusal(self, password):
        return None

    def successful_login(self, username):
        pass


@pytest.mark.parametrize("slow", ["hashed", "matches"])
def test_the_hub_goes_on_while_bcrypt_is_at_work(monkeypatch, slow):
    keeper, real = Keeper(), getattr(passwords, slow)
    keeper.set_account("alice", password="the first of two passwords")

    async def keep():
        loop, went_on = asyncio.get_running_loop(), threading.Event()

        def waiting(*arguments):
            loop.call_soon_threadsafe(went_on.set)
            assert went_on.wait(5), "bcrypt holds up the hub"
            return real(*arguments)

        monkeypatch.setattr(passwords, slow, waiting)
        return await keeper.keep_account("alice", password="the second of two passwords")

    assert asyncio.run(keep()) == ["password"]
