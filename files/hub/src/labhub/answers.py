# Copyright (c) 2026, The gpulab.jupyterhub contributors
# SPDX-License-Identifier: Apache-2.0
"""Waiting for a server that is starting: until it listens, then until it answers, and no longer than it lives."""

import asyncio
from collections.abc import Awaitable, Callable

from jupyterhub.utils import wait_for_http_server

KNOCK_INTERVAL = 0.05
"""Seconds between two tries to reach a server that is starting."""
KNOCK_TIMEOUT = 2
"""Seconds that one try may take: an address that is gone does not even refuse."""
LOOK_INTERVAL = 1.0
"""Seconds between two looks at whether it still lives; each is a call of Docker's."""


async def until_ready(
    ip: str, port: int, answer_timeout: float, listens: Callable[[], None], look: Callable[[], Awaitable[None]]
) -> None:
    """Wait until a server listens and answers a request; whoever calls bounds how long it may take to listen.

    JupyterHub asks, too; but it looks at ``http_timeout`` only between two requests, and lets one take five minutes.

    :param answer_timeout: seconds that it may take to answer once it listens.
    :param listens: called when it listens.
    :param look: called each `LOOK_INTERVAL`; raises where the server has come to an end.
    :raises TimeoutError: it listens, and does not answer.
    """

    async def wait() -> None:
        await until_listening(ip, port)
        listens()
        async with asyncio.timeout(answer_timeout):
            await wait_for_http_server(f"http://{ip}:{port}/", timeout=answer_timeout)

    waiting = asyncio.ensure_future(wait())
    try:
        while not (await asyncio.wait([waiting], timeout=LOOK_INTERVAL))[0]:
            await look()
        await waiting
    finally:
        waiting.cancel()


async def until_listening(ip: str, port: int) -> None:
    """Wait until something accepts connections at an address."""
    while not await accepts_connections(ip, port):
        await asyncio.sleep(KNOCK_INTERVAL)


async def accepts_connections(ip: str, port: int) -> bool:
    """Tell whether something listens at an address."""
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(ip, port), timeout=KNOCK_TIMEOUT)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
