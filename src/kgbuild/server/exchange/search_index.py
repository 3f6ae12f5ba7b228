"""The search index of what is served: opened where a release has one, made beside the server where there is none."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from kgbuild.build.release import QUADS, Release
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
        self._making: asyncio.Task[None] | None = None
        self._missing = "The search index is being made."
        self.kinds: dict[str, int] = {}
        """Kind -> number of its things; empty until there is an index."""

    async def start(self) -> None:
        """Open the index; where there is none, begin to make one and return."""
        if self._made is not None and self._made.is_file():
            await self._open(self._made)
        else:
            self._making = asyncio.ensure_future(self._make())

    def close(self) -> None:
        """Let go; searches that run are still answered."""
        if self._making is not None:
            self._making.cancel()
        self._threads.shutdown(wait=False)

    async def find(self, query: str, kind: str) -> Found:
        """Find things by their names; raises Problem where there is no index, or no time."""
        if not self.kinds and self._making is not None:
            await asyncio.wait({self._making}, timeout=PATIENCE)
        if not self.kinds:
            soon = {"Retry-After": "2"} if self._making is not None and not self._making.done() else {}
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

    async def _open(self, path: Path) -> None:
        try:
            opened = [await asyncio.to_thread(Index, path) for _ in range(THREADS)]
        except SearchError as problem:
            _log.error("There is no search: %s", problem)
            self._missing = "The search index of these data cannot be read."
            return
        for index in opened:
            self._connections.put(index)
        self.kinds = opened[0].kinds
        if not self.kinds:
            self._missing = "These data have no names to search."

    async def _make(self) -> None:
        """Let a process make the index, and open it; its folder is gone as soon as it is open."""
        why: object
        try:
            if self._quads is None:
                self._quads = await asyncio.to_thread(most_quads, self._files, MOST_QUADS)
            if self._quads > MOST_QUADS:
                detail = f"These data have more than {MOST_QUADS:,} quads and no search index."
                self._missing = f"{detail} Publish them as a release."
                return
            with tempfile.TemporaryDirectory(prefix="kgbuild-search-") as folder:
                path = Path(folder) / FILE
                command = (sys.executable, "-m", "kgbuild.search", str(os.getpid()), str(path), *map(str, self._files))
                maker = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stderr=PIPE)
                try:
                    _, said = await maker.communicate()
                finally:
                    if maker.returncode is None:
                        maker.kill()
                        await maker.wait()
                if not maker.returncode:
                    await self._open(path)
                    return
            why = said.decode(errors="replace").strip().rpartition("\n")[2]
        except OSError as problem:  # no room in the temporary folder, no process to be had
            why = problem
        finally:
            if self._folder is not None:
                self._folder.cleanup()
        _log.error("There is no search: its index could not be made: %s", why)
        self._missing = "The search index could not be made."


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
