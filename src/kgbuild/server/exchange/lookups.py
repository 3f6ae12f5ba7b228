"""Look-ups over the workers: each query runs in one of them, nobody waits in a thread, and all ends with the client."""

from __future__ import annotations

import asyncio
from typing import Any, Final, TypeVar

from kgbuild.core.errors import EngineError
from kgbuild.core.terms import Table
from kgbuild.server.exchange.service import Service
from kgbuild.sparql.lookups import Bindings, LookUp, Select
from kgbuild.sparql.query_error import QueryError

T = TypeVar("T")

MOST: Final = 100
"""Queries that one look-up may ask."""
FEW: Final = 100
"""Rows up to which what they are needed for is done at once: a thread costs more."""


async def drive(service: Service, work: LookUp[T]) -> T:
    """Do a look-up over the workers; raises what it raises, and QueryError where one of its queries has no answer."""
    answers, asked = None, 0
    while True:
        try:
            # In a thread: comparing names takes longer than the other requests should wait.  A few rows do not.
            few = answers is None or sum(map(len, answers)) <= FEW
            wanted = _step(work, answers) if few else await asyncio.to_thread(_step, work, answers)
        except _DoneError as done:
            found: T = done.value
            return found
        asked += len(wanted)
        if asked > MOST:
            raise EngineError(f"More than {MOST} queries for one look-up. Ask for less at a time.")
        answers = tuple(await asyncio.gather(*(_select(service, each.text) for each in wanted)))


class _DoneError(Exception):
    """The end of a look-up: StopIteration cannot pass through a future."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _step(work: LookUp[T], answers: tuple[Bindings, ...] | None) -> tuple[Select, ...]:
    try:
        return next(work) if answers is None else work.send(answers)
    except StopIteration as done:
        raise _DoneError(done.value) from None


async def _select(service: Service, text: str) -> Bindings:
    try:
        return (await read_select(service, text)).records()
    except QueryError as problem:
        if problem.kind != "answer-too-large":
            raise
        return []  # only a list of names to compare with grows so long: then there is no suggestion


async def read_select(service: Service, text: str) -> Table:
    """Answer a SELECT of the server's own, under the limits that all queries have; prefixes need no declaration."""
    return await service.data.select(text)
