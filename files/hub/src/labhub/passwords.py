# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Passwords as NativeAuthenticator stores them, and what bcrypt can take."""

import functools

import bcrypt

from labhub.texts import Text

MAX_BYTES = 72
"""bcrypt takes no more."""
TOO_LONG = Text("A password has at most %(most)s bytes.", most=MAX_BYTES)
ROUNDS = 12
"""bcrypt's own: a quarter of a second for each guess at what a person has chosen."""
PROBE_ROUNDS = 4
"""bcrypt's least. The probe's password is made up of 192 random bits, for seconds: nobody guesses it, however fast."""


def hashed(password: str, rounds: int = ROUNDS) -> bytes:
    """Turn a password into what is stored; it has at most `MAX_BYTES` bytes."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds))


def matches(password: str, stored: bytes) -> bool:
    """Compare a password with what is stored; slow by design, and False for one that bcrypt cannot take."""
    return fits(password) and bcrypt.checkpw(password.encode(), stored)


def fits(password: str) -> bool:
    """Tell whether bcrypt can take a password."""
    return len(password.encode()) <= MAX_BYTES


@functools.cache
def decoy() -> bytes:
    """What a name without an account is checked against, to answer no faster than for one with."""
    return hashed("decoy")
