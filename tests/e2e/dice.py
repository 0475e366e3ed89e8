"""Choices by chance that come out the same again from their seed, which stands in the names of tests."""

import os
import random
import secrets


def seed(variable: str) -> str:
    """Take the seed from the environment, or draw one."""
    return os.environ.get(variable) or str(secrets.randbelow(10**6))


def dice(by: str | int) -> random.Random:
    """Return dice that fall the same way for the same seed."""
    return random.Random(by)  # noqa: S311 - what is tried is no secret
