"""Look-ups over the workers: each query runs in one of them, nobody waits in a thread, and all ends with the client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from kgbuild.core.errors import EngineError
from kgbuild.server.exchange.service import Service
from kgbuild.sparql.lookups import LookUp, Select
from kgbuild.sparql.query_error import QueryError
from kgbuild.sparql.results import read_solutions

T = TypeVar("T")

MOST: Final = 100
"""Queries that one look-up may ask."""
FEW: Final = 24 << 10
"""Bytes of answers up to which what they are needed for is done at once: a thread costs more."""
_NOTHING: Final = b'{"results": {"bindings": []}}'


async def drive(service: Service, work: LookUp[T]) -> T:
    """Do a look-up over the workers; raises what it raises, and QueryError where one of its queries has no answer."""
    wanted, asked = _step(work, None), 0
    while not isinstance(wanted, _Done):
        asked += len(wanted)
        if asked > MOST:
            raise EngineError(f"More than {MOST} queries for one look-up. Ask for less at a time.")
        if len(wanted) == 1:
            answers = [await _select(service, wanted[0].text)]
        else:
            answers = await asyncio.gather(*(_select(service, each.text) for each in wanted))
        # In a thread: comparing names takes longer than the other requests should wait.  A few rows do not.
        few = bool(wanted) and sum(map(len, answers)) <= FEW
        wanted = _step(work, answers) if few else await asyncio.to_thread(_long_step, work, answers)
    return wanted.value


@dataclass(frozen=True)
class _Done(Generic[T]):
    """The end of a look-up: StopIteration cannot pass through a future."""

    value: T


def _step(work: LookUp[T], answers: Sequence[bytes] | None) -> tuple[Select, ...] | _Done[T]:
    try:
        return next(work) if answers is None else work.send(tuple(map(read_solutions, answers)))
    except StopIteration as done:
        return _Done(done.value)


def _long_step(work: LookUp[T], answers: Sequence[bytes]) -> tuple[Select, ...] | _Done[T]:
    wanted = _step(work, answers)
    while wanted == ():  # in a thread already
        wanted = _step(work, ())
    return wanted


async def _select(service: Service, text: str) -> bytes:
    try:
        return await service.data.select_json(text)
    except QueryError as problem:
        if problem.kind != "answer-too-large":
            raise
        return _NOTHING  # only a list of names to compare with grows so long: then there is no suggestion
