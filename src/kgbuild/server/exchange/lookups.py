"""Look-ups over the workers: each query runs in one of them, nobody waits in a thread, and all ends with the client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from kgbuild.core.errors import EngineError
from kgbuild.core.terms import Table
from kgbuild.server.exchange.service import Service
from kgbuild.sparql.lookups import LookUp, Select, Solutions
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
        # In a thread: comparing names takes longer than the other requests should wait.  A few rows do not.
        few = answers is None or sum(len(each.rows) for each in answers) <= FEW
        wanted = _step(work, answers) if few else await asyncio.to_thread(_step, work, answers)
        if isinstance(wanted, _Done):
            return wanted.value
        asked += len(wanted)
        if asked > MOST:
            raise EngineError(f"More than {MOST} queries for one look-up. Ask for less at a time.")
        answers = tuple(await asyncio.gather(*(_select(service, each.text) for each in wanted)))


@dataclass(frozen=True)
class _Done(Generic[T]):
    """The end of a look-up: StopIteration cannot pass through a future."""

    value: T


def _step(work: LookUp[T], answers: tuple[Solutions, ...] | None) -> tuple[Select, ...] | _Done[T]:
    try:
        return next(work) if answers is None else work.send(answers)
    except StopIteration as done:
        return _Done(done.value)


async def _select(service: Service, text: str) -> Solutions:
    try:
        return await service.data.select(text)
    except QueryError as problem:
        if problem.kind != "answer-too-large":
            raise
        return Table((), ())  # only a list of names to compare with grows so long: then there is no suggestion
