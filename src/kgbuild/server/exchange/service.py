"""What the server answers from: a pool over a release or files, the answers kept, and the switch to a new release."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from kgbuild import __version__
from kgbuild.build import catalogue
from kgbuild.build.catalogue import Catalogue, make_catalogue, read_catalogue, write_catalogue
from kgbuild.build.release import QUADS, Release, ReleaseWithdrawal, current_release, find_release
from kgbuild.core.errors import EngineError, KgError, UsageError
from kgbuild.core.namespaces import DATASET_IRI
from kgbuild.questions.named import Question
from kgbuild.server.data.access import OPERATIONS, SIZE, Data, EmbeddedData, RemoteEndpoint
from kgbuild.server.exchange.budgets import Budgets
from kgbuild.server.exchange.health import Health
from kgbuild.server.exchange.meter import Meter
from kgbuild.server.exchange.search_index import Searcher, write_names
from kgbuild.server.http.responses import Cache
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers import disk
from kgbuild.workers.lanes import Limits
from kgbuild.workers.supervisor import SCANS

T = TypeVar("T")

LOOK_EVERY: Final = 2.0
"""Seconds between looks at which release is the current one."""
TRY_AGAIN: Final = 300.0
"""Seconds after which a release that could not be served is tried again: loading takes long."""
LOOK_AT_ENGINE: Final = 60.0
"""Seconds between looks at whether the data of another server have changed."""
CACHE_BYTES: Final = 256 << 20
_VERSION: Final = f"SELECT ?v {{ <{DATASET_IRI}> owl:versionInfo|dcterms:hasVersion ?v }} ORDER BY ?v LIMIT 1"
_log: Final = logging.getLogger("kgbuild.server")


@dataclass(frozen=True)
class SecurityContact:
    """Whom to tell of faults of security, as addresses (`mailto:`, `https:`), and until when that is so."""

    contacts: tuple[str, ...]
    expires: date


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
    engine: RemoteEndpoint | None = None
    """Another SPARQL server to serve from, in place of a release."""
    store: str = "auto"
    """One of `disk.MODES`: from memory, from disk, or whichever fits the number of quads."""
    client_budget: float = 60.0
    """Seconds of processing a minute for each client; 0 for no limit."""
    client_errors: int = 30
    """Failed requests a minute for each client; 0 for no limit."""
    client_header: str = ""
    """The header in which a proxy names its client."""
    free_sparql: bool = True
    """Whether clients may ask queries of their own."""
    metrics_port: int | None = None
    """Where figures are given, on a port of their own."""
    metrics_token: str = field(default="", repr=False)
    """What opens figures on the public port."""
    security: SecurityContact | None = None

    @property
    def has_releases(self) -> bool:
        """Tell whether releases are served, and not data from elsewhere."""
        return not self.files and self.engine is None


class Service:
    """Answers requests from one set of data at a time."""

    def __init__(self, settings: Settings, say: disk.Say = _log.info) -> None:
        self.settings, self.say = settings, say
        self.cache = Cache(CACHE_BYTES)
        self.meter = Meter()
        self.budgets = Budgets(settings.client_budget, settings.client_errors)
        self.release_id = ""
        self._catalogue = Catalogue()
        self.context = ""
        """The JSON-LD context, as text."""
        self._searcher = Searcher(None, ())
        self._data: Data | None = None
        self._health: Health | None = None
        self._withdrawal: ReleaseWithdrawal | None = None
        """Of the release that was served until it was withdrawn."""
        self._running: dict[Hashable, asyncio.Future[Any]] = {}
        self._waiting: dict[asyncio.Future[Any], int] = {}
        self._read: WeakKeyDictionary[Data, dict[Hashable, Any]] = WeakKeyDictionary()
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def data(self) -> Data:
        """The data that are served now."""
        if self._withdrawal is not None:
            raise gone(self._withdrawal)
        if self._data is None:
            raise QueryError("shutting-down", 503, "The server is not ready yet.", {"retry_after": 1})
        return self._data

    @property
    def catalogue(self) -> Catalogue:
        """What is in the data that are served now."""
        if self._withdrawal is not None:
            raise gone(self._withdrawal)
        return self._catalogue

    @property
    def searcher(self) -> Searcher:
        """The search over the data that are served now."""
        if self._withdrawal is not None:
            raise gone(self._withdrawal)
        return self._searcher

    @property
    def is_ready(self) -> bool:
        """Tell whether data are served, and nothing is known that keeps queries from being answered."""
        return self._data is not None and self._data.answers

    async def is_well(self) -> bool:
        """Tell whether a query could run now."""
        return self._health is not None and await self._health.is_well()

    async def start(self) -> None:
        """Load the data; raises KgError if that cannot be done."""
        self._spawn(self.meter.watch_loop())
        try:
            await self._start()
        except QueryError as problem:
            raise EngineError(f"The data cannot be served: {problem}") from problem

    async def _start(self) -> None:
        if self.settings.engine is not None:
            await self._open_engine(self.settings.engine)
            self._spawn(self._follow_engine(self.settings.engine))
            return
        await self._open(None if self.settings.files else self._chosen())
        if self.settings.has_releases:
            self._spawn(self._follow())

    async def stop(self) -> None:
        """End everything."""
        for task in self._background:
            task.cancel()
        self._searcher.close()
        if self._data is not None:
            await self._data.stop()

    def abort(self) -> None:
        """Let queries go at once, so that open requests end."""
        if self._data is not None:
            self._data.abort()

    def _chosen(self) -> Release:
        if self.settings.release is None:
            return current_release(self.settings.build)
        chosen = find_release(self.settings.build, self.settings.release)
        if chosen.withdrawal:
            raise UsageError(f"{chosen.withdrawal} It cannot be served; leave --release out to serve the current one.")
        return chosen

    async def _open(self, release: Release | None) -> None:
        """Make data ready beside those that are served, put them in their place, and let the old ones finish."""
        files = (release.path / QUADS,) if release else self.settings.files
        folder = await self._on_disk(release, files)
        data = EmbeddedData(files, self.settings.limits, folder, self.meter.ended, OPERATIONS)
        try:
            await data.start()
            counted = await asyncio.to_thread(_published, release)
            counted = counted or await (_remembered(data, folder) if folder else _counted(data))
        except BaseException:
            await data.stop()
            raise
        name, searcher = release.id if release else "files", self._searcher
        if name != self.release_id:  # else the same data are loaded again, and their index is still there
            searcher = Searcher(release, files)
            await searcher.start()
        self._serve(data, counted, name, searcher, lambda: self._open(release))

    def _serve(
        self, data: Data, counted: Catalogue, name: str, searcher: Searcher, again: Callable[[], Awaitable[None]]
    ) -> None:
        """Put data in the place of those that are served; `again` loads them anew."""
        if searcher is not self._searcher:
            self._searcher.close()
        old, self._data, self._searcher = self._data, data, searcher
        self._health = Health(data)
        self._catalogue, self.context, self.release_id = counted, json.dumps(counted.context), name
        self._withdrawal = None
        self.cache.clear()
        if old is not None:
            self._spawn(old.stop(drain=True))
        self._spawn(self._replace_when_lost(data, again))

    async def _open_engine(self, engine: RemoteEndpoint) -> None:
        """Serve from another server; its names are fetched once, for the search."""
        from kgbuild.server.data.remote import RemoteData  # a client of HTTP, which no other server needs

        data = RemoteData(engine, self.settings.limits, self.meter.ended)
        try:
            await data.start()
            counted = await _counted(data)
            data.quads = counted.triples + sum(counted.graphs.values())
            name = await _version(data)
            searcher = await _remote_searcher(data)
        except BaseException:
            await data.stop()
            raise
        self._serve(data, counted, name, searcher, lambda: self._open_engine(engine))

    async def _follow_engine(self, engine: RemoteEndpoint) -> None:
        """Look now and then whether the data of the other server have changed: answers that are kept are then old."""
        while True:
            await asyncio.sleep(LOOK_AT_ENGINE)
            try:
                (row,) = (await self.data.select(SIZE, SCANS)).records()
                if int(row["n"].value) != self._catalogue.triples or await _version(self.data) != self.release_id:
                    await self._open_engine(engine)
            except Exception as problem:  # as above
                _log.error("It cannot be told whether the data have changed: %s", problem)

    async def _on_disk(self, release: Release | None, files: tuple[Path, ...]) -> Path | None:
        """Make the store on disk ready, where the data are served from one."""
        quads = release.manifest["facts"].get("quads") if release else None
        if not await asyncio.to_thread(disk.belongs_on_disk, self.settings.store, files, quads):
            return None
        name = release.id if release else disk.name_of_files(files)
        return await disk.prepare(self.settings.build / disk.FOLDER, name, files, self.say)

    async def _replace_when_lost(self, data: Data, again: Callable[[], Awaitable[None]]) -> None:
        """Load the data again when the process that holds them has ended, as the kernel ends one for its memory."""
        await data.lost.wait()
        while self._data is data:
            _log.error("The process that holds the data has ended. They are loaded again.")
            try:
                await again()
            except Exception as problem:  # without a thread or a descriptor, too: nothing else would try again
                _log.error("The data cannot be loaded again: %s", problem)
                await asyncio.sleep(LOOK_EVERY)

    async def _follow(self) -> None:
        """Change to a new current release, unless told to stay; serve none that has been withdrawn."""
        now = asyncio.get_running_loop().time
        failed, again = "", 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self.settings.release is not None:
                await self._leave_withdrawn()
                continue
            # Whatever goes wrong with a new release must not end the server: the release that answers stays.
            try:
                release = await asyncio.to_thread(current_release, self.settings.build)
                if release.id != self.release_id and (release.id != failed or now() >= again):
                    failed = release.id
                    await self._open(release)
            except Exception as problem:  # as above
                again = now() + TRY_AGAIN
                text = "Release %s stays, since the current one cannot be served: %s"
                _log.error(text, self.release_id, problem)
            await self._leave_withdrawn()

    async def _leave_withdrawn(self) -> None:
        """Let go of everything that is held of the release that is served, if it is withdrawn: 410 from then on."""
        if self._data is None:
            return
        with suppress(KgError):  # one that was removed stays until there is another
            release = await asyncio.to_thread(find_release, self.settings.build, self.release_id)
            if release.withdrawal is None or release.id != self.release_id or self._data is None:
                return
            _log.error("%s It is served no longer.", release.withdrawal)
            self._withdrawal, old = release.withdrawal, self._data
            self._data, self.release_id, self._catalogue = None, "", Catalogue()
            self._searcher.close()
            self._searcher = Searcher(None, ())
            self.cache.clear()
            self._spawn(old.stop())

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

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

    async def once(self, read: Callable[[Data], Awaitable[T]]) -> T:
        """Read something out of the data once, and keep it as long as they are served."""
        data = self.data
        made = self._read.setdefault(data, {})
        if read not in made:
            made[read] = await self.shared((read, id(data)), lambda: read(data))
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


def gone(withdrawal: ReleaseWithdrawal) -> QueryError:
    """Say that a release was withdrawn."""
    return QueryError("gone", 410, str(withdrawal), {"reason": withdrawal.reason, "withdrawn": withdrawal.on})


def _published(release: Release | None) -> Catalogue | None:
    """Read the catalogue of a release; none where it was built without one, or by a version with another form."""
    if release is None or catalogue.FILE not in release.manifest["files"]:
        return None
    with suppress(OSError, ValueError):
        return read_catalogue((release.path / catalogue.FILE).read_bytes())
    return None


async def _counted(data: Data) -> Catalogue:
    """Count what is in the data, before anybody else asks."""
    work = make_catalogue()
    wanted = next(work)
    try:
        while True:
            try:
                answers = tuple([await data.select(each.text, SCANS) for each in wanted])
            except QueryError as fault:
                wanted = work.throw(fault)
            else:
                wanted = work.send(answers)
    except StopIteration as done:
        made: Catalogue = done.value
        return made


async def _remembered(data: Data, store: Path) -> Catalogue:
    """Read from beside a store on disk what is in its data, or count once: that reads all of them some times."""
    version = blake2b(repr((__version__, catalogue.QUERIES)).encode()).hexdigest()
    if (notes := disk.read_notes(store)).get("asked") == version:
        return read_catalogue(json.dumps(notes["known"]).encode())
    counted = await _counted(data)
    disk.write_notes(store, {"asked": version, "known": json.loads(write_catalogue(counted))})
    return counted


async def _version(data: Data) -> str:
    """Name the version of data that are not ours, as their catalogue does."""
    rows = (await data.select(_VERSION)).records()
    return rows[0]["v"].value if rows else "remote"


async def _remote_searcher(data: Data) -> Searcher:
    folder = tempfile.TemporaryDirectory(prefix="kgbuild-names-")
    names = Path(folder.name) / "names.nq"
    await write_names(data, names)
    searcher = Searcher(None, (names,), folder)
    await searcher.start()
    return searcher
