"""Look-ups over the workers: each query runs in one of them, nobody waits in a thread, and all ends with the client."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, TypeVar

from kgbuild.engines import Table
from kgbuild.engines.evaluation import Request
from kgbuild.engines.results import read_table
from kgbuild.errors import EngineError
from kgbuild.lookups import Bindings, LookUp, Select
from kgbuild.namespaces import sparql_header
from kgbuild.server.service import Service

T = TypeVar("T")

MOST: Final = 100
"""Queries that one look-up may ask."""
LARGEST: Final = 8 << 20
"""Bytes of an answer. Only a list of names to compare with grows so long: then there is no suggestion."""
_FORMATS: Final = ("application/sparql-results+json",), ("application/n-triples",)

_NOTHING: Final = b'{"head": {"vars": []}, "results": {"bindings": []}}'


async def drive(service: Service, work: LookUp[T]) -> T:
    """Do a look-up over the workers; raises what it raises, and QueryError where one of its queries has no answer."""
    answers, asked = None, 0
    while True:
        try:
            # In a thread: comparing names takes longer than the other requests should wait.
            wanted = await asyncio.to_thread(_step, work, answers)
        except _DoneError as done:
            found: T = done.value
            return found
        asked += len(wanted)
        if asked > MOST:
            raise EngineError(f"More than {MOST} queries for one look-up. Ask for less at a time.")
        tables = await asyncio.gather(*(read_select(service, each.text) for each in wanted))
        answers = tuple(table.records() for table in tables)


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


async def read_select(service: Service, text: str) -> Table:
    """Answer a SELECT of the server's own, under the limits that all queries have; prefixes need no declaration."""
    found = await service.query(Request(sparql_header() + text, *_FORMATS))
    try:
        body = _NOTHING if found.rest is not None or found.size > LARGEST else found.read()
    finally:
        found.close()
    return await asyncio.to_thread(lambda: read_table(json.loads(body)))
