"""Look-ups for code that asks an engine, over the pool: each query runs in a worker, and nobody waits in a thread.

Such code is called again and again, each time with one more of the answers that it asks for, until it needs no other.
So it may be long and slow only between its queries, must do the same each time, and ends when its client has gone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from kgbuild.engines import Answer, Engine, Table
from kgbuild.engines.results import read_table
from kgbuild.errors import EngineError
from kgbuild.lookups import Bindings, LookUp, Select
from kgbuild.query_error import QueryError
from kgbuild.server.service import Service
from kgbuild.workers.request import Request

T = TypeVar("T")

MOST: Final = 20
"""Queries that one piece of work may ask."""
LARGEST: Final = 8 << 20
"""Bytes of an answer. Only a list of names to compare with grows so long: then there is no suggestion."""
_FORMATS: Final = ("application/sparql-results+json",), ("application/n-triples",)

_NOTHING: Final = b'{"head": {"vars": []}, "results": {"bindings": []}}'


class _WantedError(Exception):
    """A query whose answer is not known yet."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class _Known:
    """An engine that has the answers to some queries, and asks for any other by raising."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def query(self, text: str, name: str = "query") -> Answer:  # noqa: ARG002 - as the protocol has it
        """Give what is known."""
        if text not in self.bodies:
            raise _WantedError(text)
        return _read(self.bodies[text])


async def look_up(service: Service, work: Callable[[Engine], T]) -> T:
    """Do work that asks an engine; raises what it raises, and QueryError where one of its queries has no answer."""
    known = _Known()
    for _ in range(MOST + 1):
        try:
            # In a thread: comparing names takes longer than the other requests should wait.
            return await asyncio.to_thread(work, known)
        except _WantedError as wanted:
            known.bodies[wanted.text] = await _ask(service, wanted.text)
    raise EngineError(f"More than {MOST} look-ups. Ask for less at a time.")


async def drive(service: Service, work: LookUp[T]) -> T:
    """Do a look-up over the workers; raises what it raises, and QueryError where one of its queries has no answer."""
    answers = None
    while True:
        try:
            # In a thread: comparing names takes longer than the other requests should wait.
            wanted = await asyncio.to_thread(_step, work, answers)
        except _DoneError as done:
            found: T = done.value
            return found
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


async def _ask(service: Service, text: str) -> bytes:
    found = await service.query(Request(text, *_FORMATS))
    try:
        return _NOTHING if found.rest is not None or found.size > LARGEST else found.read()
    finally:
        found.close()


def _read(body: bytes) -> Answer:
    read = json.loads(body)
    return bool(read["boolean"]) if "boolean" in read else read_table(read)
