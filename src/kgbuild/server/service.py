"""What the server answers from: a pool over a release or files, the answers kept, and the switch to a new release."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from kgbuild import __version__, catalogue
from kgbuild.catalogue import Catalogue, make_catalogue, read_catalogue, write_catalogue
from kgbuild.engines import disk
from kgbuild.engines.evaluation import QueryError, Request
from kgbuild.engines.pool import OUR_OWN, Answer, Limits, Pool
from kgbuild.engines.results import read_table
from kgbuild.errors import EngineError, KgError
from kgbuild.namespaces import sparql_header
from kgbuild.questions import Question
from kgbuild.release import QUADS, Release, current_release, find_release
from kgbuild.server.metrics import Meter
from kgbuild.server.responses import Cache
from kgbuild.server.searcher import Searcher

T = TypeVar("T")

LOOK_EVERY: Final = 2.0
"""Seconds between looks at which release is the current one."""
CACHE_BYTES: Final = 256 << 20
_log: Final = logging.getLogger("kgbuild.server")


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
    store: str = "auto"
    """One of `disk.MODES`: from memory, from disk, or whichever fits the number of quads."""


class Service:
    """Answers requests from one pool at a time."""

    def __init__(self, settings: Settings, say: disk.Say = _log.info) -> None:
        self.settings, self.say = settings, say
        self.cache = Cache(CACHE_BYTES)
        self.meter = Meter()
        self.release_id = ""
        self.catalogue = Catalogue()
        self.context = ""
        """The JSON-LD context, as text."""
        self.searcher = Searcher(None, ())
        self._pool: Pool | None = None
        self._running: dict[Hashable, asyncio.Future[Any]] = {}
        self._waiting: dict[asyncio.Future[Any], int] = {}
        self._read: WeakKeyDictionary[Pool, dict[Hashable, Any]] = WeakKeyDictionary()
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
        return self._pool is not None and not self._pool.lost.is_set()

    async def start(self) -> None:
        """Load the data; raises KgError if that cannot be done."""
        await self._open(None if self.settings.files else self._chosen())
        if not self.settings.files and self.settings.release is None:
            self._spawn(self._follow())

    async def stop(self) -> None:
        """End everything."""
        for task in self._background:
            task.cancel()
        self.searcher.close()
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
        pool = Pool(files, self.settings.limits, await self._on_disk(release, files), self.meter.ended)
        try:
            await pool.start()
            known = (await asyncio.to_thread(_published, release)) or await _counted(pool)
        except BaseException:
            await pool.stop()
            raise
        name = release.id if release else "files"
        if name != self.release_id:  # else the same data are loaded again, and their index is still there
            searcher = Searcher(release, files)
            await searcher.start()
            self.searcher.close()
            self.searcher = searcher
        self.catalogue, self.context = known, json.dumps(known.context)
        old, self._pool = self._pool, pool
        self.release_id = name
        self.cache.clear()
        self._spawn(self._replace_when_lost(pool, release))
        if old is not None:
            self._spawn(old.stop(drain=True))

    async def _on_disk(self, release: Release | None, files: tuple[Path, ...]) -> Path | None:
        """Make the store on disk ready, where the data are served from one."""
        quads = release.manifest["facts"].get("quads") if release else None
        if not await asyncio.to_thread(disk.belongs_on_disk, self.settings.store, files, quads):
            return None
        name = release.id if release else disk.name_of_files(files)
        return await disk.prepare(self.settings.build / disk.FOLDER, name, files, self.say)

    async def _replace_when_lost(self, pool: Pool, release: Release | None) -> None:
        """Load the data again when the process that holds them has ended, as the kernel ends one for its memory."""
        await pool.lost.wait()
        while self._pool is pool:
            _log.error("The process that holds the data has ended. They are loaded again.")
            try:
                await self._open(release)
            except (KgError, QueryError, OSError) as problem:
                _log.error("The data cannot be loaded again: %s", problem)
                await asyncio.sleep(LOOK_EVERY)

    async def _follow(self) -> None:
        failed = ""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            # Whatever goes wrong with a new release must not end the server: the release that answers stays.
            try:
                release = await asyncio.to_thread(current_release, self.settings.build)
                if release.id == self.release_id:
                    failed = ""
                elif release.id != failed:
                    failed = release.id  # tried once: loading takes long
                    await self._open(release)
            except (KgError, QueryError, OSError) as problem:
                text = "Release %s stays, since the current one cannot be served: %s"
                _log.error(text, self.release_id, problem)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # -- answering -----------------------------------------------------------------------------------------------

    async def query(self, request: Request) -> Answer:
        """Answer a query; raises QueryError where there is no answer."""
        return await self.pool.run(request)

    def shared(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> asyncio.Future[T]:
        """Do work once for all who want the same at the same time; it ends when the last of them has cancelled."""
        task: asyncio.Future[T] | None = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(work())
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        self._waiting[task] = self._waiting.get(task, 0) + 1
        mine = asyncio.shield(task)
        mine.add_done_callback(lambda done: self._leave(key, task, gone=done.cancelled()))
        return mine

    async def once(self, read: Callable[[Pool], Awaitable[T]]) -> T:
        """Read something out of the data once, and keep it as long as they are served."""
        pool = self.pool
        made = self._read.setdefault(pool, {})
        if read not in made:
            made[read] = await self.shared((read, id(pool)), lambda: read(pool))
        found: T = made[read]
        return found

    def _leave(self, key: Hashable, task: asyncio.Future[Any], *, gone: bool) -> None:
        self._waiting[task] -= 1
        if not self._waiting[task]:
            del self._waiting[task]
            if gone and not task.done():
                self._forget(key, task)  # whoever asks from here on must not wait for what ends
                task.cancel()

    def _forget(self, key: Hashable, task: asyncio.Future[Any]) -> None:
        if self._running.get(key) is task:
            del self._running[key]


def _published(release: Release | None) -> Catalogue | None:
    """Read the catalogue of a release; none where it was built without one, or by a version with another form."""
    if release is None or catalogue.FILE not in release.manifest["files"]:
        return None
    with suppress(OSError, ValueError):
        return read_catalogue((release.path / catalogue.FILE).read_bytes())
    return None


async def _counted(pool: Pool) -> Catalogue:
    """Count what is in the data, before anybody else asks; for a store on disk, once for all times it is served."""
    if pool.disk is None:
        return await _ask(pool)
    version = blake2b(repr((__version__, catalogue.QUERIES)).encode()).hexdigest()
    if (notes := disk.read_notes(pool.disk)).get("asked") == version:
        return read_catalogue(json.dumps(notes["known"]).encode())
    made = await _ask(pool)
    disk.write_notes(pool.disk, {"asked": version, "known": json.loads(write_catalogue(made))})
    return made


async def _ask(pool: Pool) -> Catalogue:
    work = make_catalogue()
    wanted = next(work)
    try:
        while True:
            try:
                answers = tuple([read_table(await _results(pool, each.text)).records() for each in wanted])
            except QueryError as fault:
                wanted = work.throw(fault)
            else:
                wanted = work.send(answers)
    except StopIteration as done:
        made: Catalogue = done.value
        return made


async def table(pool: Pool, query: str) -> list[dict[str, dict[str, str]]]:
    """Answer one of our own SELECT queries, however long it takes: its bindings, as SPARQL JSON has them."""
    bindings: list[dict[str, dict[str, str]]] = (await _results(pool, query))["results"]["bindings"]
    return bindings


async def _results(pool: Pool, query: str) -> dict[str, Any]:
    found = await pool.run(Request(sparql_header() + query, ("application/sparql-results+json",), ()), OUR_OWN)
    try:
        if found.rest is not None:
            raise EngineError("An answer that the server needs is too large. Serve less data.")
        read: dict[str, Any] = json.loads(found.read())
        return read
    finally:
        found.close()
