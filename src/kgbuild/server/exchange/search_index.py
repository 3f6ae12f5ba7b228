"""The search index of what is served: opened where a release has one, made beside the server where there is none."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from kgbuild.build.release import QUADS, Release
from kgbuild.core.confinement import bare_environment
from kgbuild.search import FILE
from kgbuild.search.index import MOST_QUADS
from kgbuild.search.names import NAME_PREDICATES
from kgbuild.search.query import Found, Index, SearchError, TooLongError
from kgbuild.server.data.access import Data
from kgbuild.server.http.problems import Problem
from kgbuild.workers.disk import most_quads
from kgbuild.workers.supervisor import SCANS

THREADS: Final = 2
"""Searches that run at once: each has a connection of its own, and SQLite lets the others go on meanwhile."""
MOST_WAITING: Final = 64
PAGE: Final = 10_000
"""Rows of a page of another server: what such give at most."""
RETRY: Final = 1.0
"""Seconds after which an index that could not be had is tried again; twice as long each time, up to `RETRY_MOST`."""
RETRY_MOST: Final = 60.0
MADE_WITHIN: Final = 600.0
PATIENCE: Final = 5.0
"""Seconds that a search waits for its index to be made: a million quads take less than two."""
_log: Final = logging.getLogger("kgbuild.server")


class Searcher:
    """Searches one release, or one set of files."""

    def __init__(
        self, release: Release | None, files: tuple[Path, ...], folder: tempfile.TemporaryDirectory[str] | None = None
    ) -> None:
        """Search a release or files; `folder` is one of their own that goes when they have been read."""
        self._folder = folder
        self._made = release.path / FILE if release else None
        self._files = (release.path / QUADS,) if release else files
        self._quads: int | None = release.manifest["facts"].get("quads") if release else None
        self._connections: SimpleQueue[Index] = SimpleQueue()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="search")
        self._waiting = 0
        self._trying: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        """Set when it is known whether there is an index now."""
        self._missing = "The search index is being made."
        self.kinds: dict[str, int] = {}
        """Kind -> number of its things; empty until there is an index."""

    async def start(self) -> None:
        """Open the index; where that is not done at once, begin to make one, or to try again, and return."""
        if self._made is None or not self._made.is_file() or not await self._open(self._made):
            self._trying = asyncio.ensure_future(self._keep_trying())

    def close(self) -> None:
        """Let go; searches that run are still answered."""
        if self._trying is not None:
            self._trying.cancel()
        self._threads.shutdown(wait=False)

    async def find(self, query: str, kind: str) -> Found:
        """Find things by their names; raises Problem where there is no index, or no time."""
        if not self.kinds and self._trying is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._tried.wait(), PATIENCE)
        if not self.kinds:
            soon = {"Retry-After": "2"} if self._trying is not None and not self._trying.done() else {}
            raise Problem("no-search", 503, self._missing, headers=soon)
        if self._waiting >= MOST_WAITING:
            detail = "Many searches are waiting. Try again in a moment."
            raise Problem("queue-full", 503, detail, headers={"Retry-After": "1"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._find, query, kind)
        except TooLongError as problem:
            raise Problem("deadline", 504, f"{problem} Ask for fewer or longer words.") from problem
        except SearchError as problem:
            _log.error("A search was not answered: %s", problem)
            raise Problem("no-search", 503, "The search index of these data cannot be read.") from problem
        finally:
            self._waiting -= 1

    def _find(self, query: str, kind: str) -> Found:
        index = self._connections.get()
        try:
            return index.find(query, kind)
        finally:
            self._connections.put(index)

    async def _keep_trying(self) -> None:
        """Make or open the index until that succeeds: what it lacked, a descriptor or room, may be there again."""
        wait = RETRY
        try:
            while not await self._is_settled():
                self._tried.set()
                await asyncio.sleep(wait)
                wait = min(2 * wait, RETRY_MOST)
        finally:
            self._tried.set()
            if self._folder is not None:
                self._folder.cleanup()

    async def _is_settled(self) -> bool:
        """Try once; tells whether there is an index now, or never will be."""
        if self._made is not None and self._made.is_file():
            return await self._open(self._made)
        try:
            async with asyncio.timeout(MADE_WITHIN):
                return await self._make()
        except TimeoutError:
            why: object = f"it took more than {MADE_WITHIN:g} seconds"
        except Exception as problem:  # no room in the temporary folder, no process or thread to be had
            why = problem
        return self._fail(why, "The search index could not be made.")

    def _fail(self, why: object, missing: str) -> bool:
        if missing != self._missing:
            _log.error("There is no search: %s It is tried again. Why: %s", missing, why)
        self._missing = missing
        return False

    async def _open(self, path: Path) -> bool:
        try:
            opened = [await asyncio.to_thread(Index, path) for _ in range(THREADS)]
        except (SearchError, RuntimeError) as problem:  # or there is no thread to be had
            return self._fail(problem, "The search index of these data cannot be read.")
        for index in opened:
            self._connections.put(index)
        self.kinds = opened[0].kinds
        if not self.kinds:
            self._missing = "These data have no names to search."
        return True

    async def _make(self) -> bool:
        """Let a process make the index, and open it; its folder is gone as soon as it is open."""
        if self._quads is None:
            self._quads = await asyncio.to_thread(most_quads, self._files, MOST_QUADS)
        if self._quads > MOST_QUADS:
            detail = f"These data have more than {MOST_QUADS:,} quads and no search index."
            self._missing = f"{detail} Publish them as a release."
            return True
        with tempfile.TemporaryDirectory(prefix="kgbuild-search-") as folder:
            path = Path(folder) / FILE
            command = (sys.executable, "-m", "kgbuild.search", str(os.getpid()), str(path), *map(str, self._files))
            maker = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stderr=PIPE, env=bare_environment())
            try:
                _, said = await maker.communicate()
            finally:
                if maker.returncode is None:
                    maker.kill()
                    await maker.wait()
            if not maker.returncode:
                return await self._open(path)
        raise SearchError(said.decode(errors="replace").strip().rpartition("\n")[2])


async def write_names(data: Data, path: Path) -> None:
    """Write the quads that names are read from as N-Quads, fetched a page at a time."""
    with path.open("wb") as file:
        for predicate in sorted(NAME_PREDICATES):
            for offset in range(0, MOST_QUADS, PAGE):
                text = f"{{ ?s <{predicate}> ?o }} UNION {{ GRAPH ?g {{ ?s <{predicate}> ?o }} }}"
                query = f"SELECT ?s ?o ?g {{ {text} }} LIMIT {PAGE} OFFSET {offset}"
                rows = (await data.select(query, SCANS)).records()
                for row in rows:
                    terms = [row["s"].n3(), f"<{predicate}>", row["o"].n3(), *([row["g"].n3()] if "g" in row else [])]
                    file.write(f"{' '.join(terms)} .\n".encode())
                if len(rows) < PAGE:
                    break
