"""Look-ups: code that asks the data one thing after the other, written as generators.

Such code yields what it wants to know and is sent the answer, so that the command line drives it with an engine and
the server with its workers.  Nothing waits in a thread, and nothing is asked twice.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from kgbuild.core.namespaces import SPARQL_HEADER
from kgbuild.core.terms import Engine, Table, Term
from kgbuild.core.terms import select as ask_engine
from kgbuild.sparql.results import WrittenTable

T = TypeVar("T")

Bindings = list[dict[str, Term]]
"""The solutions of a SELECT, each as a mapping that leaves out what is not bound."""


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT query without the declarations of our prefixes; `name` is how messages call it."""

    text: str
    name: str = "look-up"

    @property
    def query(self) -> str:
        """Give the query as an engine takes it."""
        return SPARQL_HEADER + self.text


Solutions = Table | WrittenTable
LookUp = Generator[tuple[Select, ...], tuple[Solutions, ...], T]
"""Yields queries that may be answered side by side, is sent their solutions in the same order, and returns a `T`.

No queries at all say that what follows takes long: a server goes on with it in a thread.
"""


def select(text: str, name: str = "look-up") -> LookUp[Bindings]:
    """Give the solutions of one query to code that delegates to this with `yield from`."""
    (found,) = yield (Select(text, name),)
    return found.records()


def select_all(*texts: str) -> LookUp[tuple[Bindings, ...]]:
    """Ask several queries that do not need one another's answers."""
    found = yield from ask_all(*texts)
    return tuple([each.records() for each in found])


def ask_all(*texts: str) -> LookUp[tuple[Solutions, ...]]:
    """Ask as `select_all` does, and leave the solutions as they came."""
    return (yield tuple(Select(text) for text in texts)) if texts else ()


def run(engine: Engine, work: LookUp[T]) -> T:
    """Do a look-up with an engine; raises what either of them raises."""
    wanted: Any = None
    try:
        wanted = next(work)
        while True:
            wanted = work.send(tuple(ask_engine(engine, each.query, each.name) for each in wanted))
    except StopIteration as done:
        found: T = done.value
        return found
