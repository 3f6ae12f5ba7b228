"""The server's one door to its data: three operations, each under the reader's deadline, wherever the data are."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from pyoxigraph import RdfFormat, Store

from kgbuild.core.namespaces import SPARQL_HEADER
from kgbuild.server.data.charging import ChargedLanes
from kgbuild.sparql.query_error import QueryError
from kgbuild.sparql.results import WrittenTable, read_solutions
from kgbuild.workers.lanes import Load
from kgbuild.workers.request import Request
from kgbuild.workers.spool import Answer
from kgbuild.workers.supervisor import QUERIES, Pool

T = TypeVar("T")

OPERATIONS: Final = {
    **QUERIES,
    "describe": "kgbuild.server.data.operations:answer_description",
    "sources": "kgbuild.server.data.operations:answer_with_sources",
}
"""What workers of ours can do, see `zygote.Handler`: by name, since the server itself needs none of it."""
SIZE: Final = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
PROBE: Final = Request("ASK {}", ("application/sparql-results+json",), ())
LARGEST: Final = 64 << 20
"""Bytes of an answer to a question of the server's own."""
_INLINE: Final = 64 << 10
"""Bytes up to which an answer is read at once: a thread costs more."""


@dataclass(frozen=True)
class RemoteEndpoint:
    """A SPARQL server that is served from."""

    endpoint: str
    default_graph: str = ""
    """The graph there that stands for the default one, on a server that has none of its own."""


class Data(ABC):
    """What is served; `start` before anything, `stop` after everything.

    Every question raises QueryError where it has no answer, and ends when whoever waits for it is cancelled.
    """

    quads: int
    lost: asyncio.Event
    """Set when nothing is answered from here any more."""

    async def select(self, text: str, timeout: float | None = None) -> WrittenTable:
        """Answer a SELECT of the server's own; our prefixes need no declaration."""
        body = await self.select_json(text, timeout)
        return await _apart(len(body), lambda: read_solutions(body))

    async def select_json(self, text: str, timeout: float | None = None) -> bytes:
        """Answer as `select` does, and leave the answer to be read by who has a thread for it."""
        return await self._read(Request(SPARQL_HEADER + text, ("application/sparql-results+json",), ()), timeout)

    async def construct(self, text: str, timeout: float | None = None) -> bytes:
        """Answer a CONSTRUCT of the server's own, as N-Triples; our prefixes need no declaration."""
        return await self._read(Request(SPARQL_HEADER + text, (), ("application/n-triples",)), timeout)

    async def describe(self, iri: str, page: int = 1) -> Store:
        """Describe a thing, with the graphs in which its description stands; `not-found`, `gone` or `moved` if none."""
        body = await self._read(Request("", (), ("application/n-quads",), describe=iri, page=page), None)
        return await _apart(len(body), lambda: _load(body))

    @abstractmethod
    async def run(self, request: Request, timeout: float | None = None) -> Answer:
        """Answer what a client asked, in the format that fits; `timeout` where it is not the reader's."""

    @abstractmethod
    async def start(self) -> None:
        """Make ready; raises KgError if that cannot be done."""

    @abstractmethod
    async def stop(self, *, drain: bool = False) -> None:
        """End: at once, or after the queries under way."""

    @abstractmethod
    def abort(self) -> None:
        """Let go of everything, now."""

    @abstractmethod
    def load(self) -> Load:
        """Tell what is under way."""

    @property
    @abstractmethod
    def answers(self) -> bool:
        """Tell whether queries are answered, as far as is known without asking one."""

    @abstractmethod
    async def probe(self) -> None:
        """Ask for nothing, before all who wait; raises QueryError where that is not answered."""

    async def _run_own(self, request: Request, timeout: float | None) -> Answer:
        """Answer what the server itself asks."""
        return await self.run(request, timeout)

    async def _read(self, request: Request, timeout: float | None) -> bytes:
        found = await self._run_own(request, timeout)
        try:
            body = bytearray()
            async for part in found.parts():
                body += part
                if len(body) > LARGEST:
                    detail = f"An answer that the server needs has more than {LARGEST >> 20} MiB. Serve less data."
                    raise QueryError("answer-too-large", 503, detail)
            return bytes(body)
        finally:
            found.close()


class EmbeddedData(Pool, Data):
    """Data in the memory or on the disk of this machine, behind workers; whoever asks is charged for their time."""

    make_lanes = ChargedLanes

    async def probe(self) -> None:
        """Ask a worker for nothing."""
        (await self.run(PROBE, first=True)).close()


async def _apart(size: int, read: Callable[[], T]) -> T:
    return await asyncio.to_thread(read) if size > _INLINE else read()


def _load(quads: bytes) -> Store:
    store = Store()
    store.load(quads, format=RdfFormat.N_QUADS)
    return store
