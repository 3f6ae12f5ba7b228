"""What the server answers from: a pool over a release or files, the answers kept, and the switch to a new release."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from kgbuild.engines.evaluation import QueryError, Request
from kgbuild.engines.pool import Answer, Limits, Pool
from kgbuild.errors import EngineError, KgError
from kgbuild.namespaces import ONTOLOGY, sparql_header
from kgbuild.questions import Question
from kgbuild.release import QUADS, Release, current_release, find_release
from kgbuild.server.responses import Cache

T = TypeVar("T")

LOOK_EVERY: Final = 2.0
"""Seconds between looks at which release is the current one."""
CACHE_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class Settings:
    """What to serve, and how."""

    build: Path = Path("build")
    release: str | None = None
    """Id of a release to stay with; None follows the current one."""
    files: tuple[Path, ...] = ()
    """RDF files to serve as they are, in place of a release."""
    limits: Limits = field(default_factory=Limits)
    public_url: str = ""
    questions: dict[str, Question] = field(default_factory=dict)
    disk: Path | None = None


class Service:
    """Answers requests from one pool at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cache = Cache(CACHE_BYTES)
        self.release_id = ""
        self.terms: frozenset[str] = frozenset()
        self.graphs: dict[str, int] = {}
        self._pool: Pool | None = None
        self._running: dict[Hashable, asyncio.Future[Any]] = {}
        self._waiting: dict[Hashable, int] = {}
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def pool(self) -> Pool:
        """The pool that answers now."""
        if self._pool is None:
            raise QueryError("shutting-down", 503, "The server is not ready yet.", {"retry_after": 1})
        return self._pool

    @property
    def is_ready(self) -> bool:
        """Tell whether queries are answered."""
        return self._pool is not None

    async def start(self) -> None:
        """Load the data; raises KgError if that cannot be done."""
        await self._open(None if self.settings.files else self._chosen())
        if not self.settings.files and self.settings.release is None:
            self._spawn(self._follow())

    async def stop(self) -> None:
        """End everything."""
        for task in self._background:
            task.cancel()
        if self._pool is not None:
            await self._pool.stop()

    def abort(self) -> None:
        """Let queries go at once, so that open requests end."""
        if self._pool is not None:
            self._pool.abort()

    # -- releases ------------------------------------------------------------------------------------------------

    def _chosen(self) -> Release:
        if self.settings.release is not None:
            return find_release(self.settings.build, self.settings.release)
        return current_release(self.settings.build)

    async def _open(self, release: Release | None) -> None:
        """Make a pool ready beside the one that answers, put it in its place, and let the old one finish."""
        files = (release.path / QUADS,) if release else self.settings.files
        pool = Pool(files, self.settings.limits, self.settings.disk)
        await pool.start()
        self.terms, self.graphs = await _known(pool)
        old, self._pool = self._pool, pool
        self.release_id = release.id if release else "files"
        self.cache.clear()
        if old is not None:
            self._spawn(old.stop(drain=True))

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            # A build that goes wrong meanwhile must not end the server: the release that answers stays.
            with suppress(KgError):
                release = await asyncio.to_thread(current_release, self.settings.build)
                if release.id != self.release_id:
                    await self._open(release)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # -- answering -----------------------------------------------------------------------------------------------

    async def query(self, request: Request) -> Answer:
        """Answer a query; raises QueryError where there is no answer."""
        return await self.pool.run(request)

    async def shared(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Do work once for all who want the same at the same time; it ends when the last of them has gone."""
        task: asyncio.Future[T] | None = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(work())
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if self._waiting[key] == 1:
                task.cancel()
            raise
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]


async def _known(pool: Pool) -> tuple[frozenset[str], dict[str, int]]:
    """Ask the data for the terms of our ontology and for its graphs with their sizes."""
    terms = await _column(pool, f'SELECT DISTINCT ?x {{ ?x ?p ?o FILTER (STRSTARTS(STR(?x), "{ONTOLOGY}")) }}')
    counted = await table(pool, "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g ORDER BY ?g")
    graphs = {row["g"]["value"]: int(row["n"]["value"]) for row in counted if "g" in row}
    return frozenset(term.removeprefix(ONTOLOGY) for term in terms), graphs


async def table(pool: Pool, query: str) -> list[dict[str, dict[str, str]]]:
    """Answer one of our own SELECT queries: its bindings, as SPARQL JSON has them."""
    found = await pool.run(Request(sparql_header() + query, ("application/sparql-results+json",), ()))
    try:
        if found.rest is not None:
            raise EngineError("An answer that the server needs is too large. Serve less data.")
        bindings: list[dict[str, dict[str, str]]] = json.loads(found.read())["results"]["bindings"]
        return bindings
    finally:
        found.close()


async def _column(pool: Pool, query: str) -> list[str]:
    return [row["x"]["value"] for row in await table(pool, query)]
