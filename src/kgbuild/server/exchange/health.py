"""Whether a query could run now: found out by asking one, for all who want to know, ahead of the queries that wait."""

from __future__ import annotations

import asyncio
import logging
from math import inf
from typing import Final

from kgbuild.server.data.access import Data

EVERY: Final = 1.0
"""Seconds for which an answer stands: however many want to know, no more is asked."""
WITHIN: Final = 5.0
"""Seconds that the answer may take; those who ask meanwhile are told the last one, if that is no older."""
_log: Final = logging.getLogger("kgbuild.server")


class Health:
    """What is known of some data."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self._well, self._known = True, -inf
        self._probing: asyncio.Task[None] | None = None

    async def is_well(self) -> bool:
        """Tell whether a query could run now; takes `WITHIN` seconds at most, and no time where it was asked lately."""
        now = asyncio.get_running_loop().time()
        if self._probing is None and now - self._known >= EVERY and self.data.answers:
            self._probing = asyncio.ensure_future(self._probe())
        if self._probing is not None and now - self._known >= WITHIN:
            await asyncio.shield(self._probing)
        return self._well and self.data.answers

    async def _probe(self) -> None:
        failed: object = None
        try:
            async with asyncio.timeout(WITHIN):
                await self.data.probe()
        except TimeoutError:
            failed = f"it took more than {WITHIN:g} seconds"
        except Exception as problem:  # whatever it is, nothing was answered
            failed = problem
        finally:
            self._probing = None
        if failed and self._well:
            _log.error("No query can run: one that the server asked itself was not answered: %s", failed)
        self._well, self._known = not failed, asyncio.get_running_loop().time()
