# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""What a server's start is doing, as it does it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from labhub.texts import LANGUAGES, Text


class Progress:
    """Events of one start after the other, for as many listeners as there are."""

    def __init__(self) -> None:
        self.language = LANGUAGES[0]
        self._events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    def begin(self, language: str) -> None:
        """Begin anew: another start, told in the language of whoever asked for it."""
        self.language = language
        self._events.clear()

    def tell(self, percent: int, message: Text) -> None:
        """Say what happens now.

        :param percent: how far the start is, from 0 to 100; it never goes back.
        """
        self._events.append({"progress": percent, "message": message.said(self.language)})
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def stream(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what has been told and what is yet to come, without an end."""
        told = 0
        while True:
            news = self._news
            for event in self._events[told:]:
                yield event
            told = len(self._events)
            await news.wait()
