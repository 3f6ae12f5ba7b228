"""The pool: queries in forked workers, with a deadline that holds because it kills.

Asyncio, one event loop.  `zygote` is the process that forks, `lanes` says who waits and for how long, `spool` keeps the
answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from kgbuild.core.errors import EngineError
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers import spool
from kgbuild.workers.lanes import Lanes, Limits, Load, Worker, going_down, resident, too_slow
from kgbuild.workers.protocol import DATA, FAULT, HEAD, REQUEST, SIZE, Wire, pack
from kgbuild.workers.request import Request
from kgbuild.workers.spool import Answer, Spool

QUERIES: Final = {"query": "kgbuild.workers.evaluation:answer_query"}
"""What every worker can do: name of an operation -> module and function, see `zygote.Handler`."""
REFILL: Final = 0.05
"""Seconds after which a worker that died without a query is replaced."""
RETRY: Final = 0.25
"""Seconds after which a fork that failed is tried again; twice as long each time, up to `RETRY_MOST`."""
RETRY_MOST: Final = 8.0
SCANS: Final = 600.0
"""Seconds that counting all data may take when a store on disk is opened, while nobody waits for it."""
LOGGED: Final = 300
"""Characters of a query, and of a worker's last words, that go into the log."""
_LAST_WORDS_WITHIN: Final = 2.0
_READY_WITHIN: Final = 3600.0
_log: Final = logging.getLogger("kgbuild.workers")


class _Stream:
    """What a worker still writes; ends with QueryError if it dies, and takes it from a reader who is too slow."""

    def __init__(self, pool: Pool, worker: Worker) -> None:
        self.pool, self.worker = pool, worker
        self.open = True
        self.idle: asyncio.TimerHandle | None = None

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> bytes:
        if self.idle is not None:
            self.idle.cancel()
        if not self.open:
            raise StopAsyncIteration
        kind, payload = await self.pool.frame(self.worker)
        if kind != DATA:
            self._end(whole=True)
            raise StopAsyncIteration
        self.idle = asyncio.get_running_loop().call_later(spool.SLOW_READER, self.worker.kill, "slow-reader")
        return payload

    def close(self) -> None:
        self._end(whole=False)

    def _end(self, *, whole: bool) -> None:
        if not self.open:
            return
        self.open = False
        if self.idle is not None:
            self.idle.cancel()
        self.pool.lanes.release(self.worker, spoiled=not whole)


class Pool:
    """Workers over one set of data; `start` before anything, `stop` after everything.

    `handlers` name what the workers can do: operation -> "module:function"; they are imported where workers are forked.
    """

    def __init__(
        self,
        files: tuple[Path, ...],
        limits: Limits,
        disk: Path | None = None,
        ended: Counter[str] | None = None,
        handlers: Mapping[str, str] = QUERIES,
    ) -> None:
        self.files, self.limits, self.disk, self.handlers = files, limits, disk, handlers
        self.ended: Counter[str] = Counter() if ended is None else ended
        """Why workers ended -> how many did; those that go with the pool are not counted."""
        self.quads = 0
        self.lanes = Lanes(limits, self._refill)
        self.spool = Spool()
        self._forking = 0
        self._failed_forks = 0
        """In a row."""
        self._welcoming: set[asyncio.Future[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._stopping = False
        self._early: dict[int, dict[str, Any]] = {}
        """Deaths told before the workers were welcome."""
        self._refused: set[int] = set()
        """Workers that could not be taken in, and whose deaths are still to be told."""
        self.lost = asyncio.Event()
        """Set when the process that holds the data has ended: nothing is answered from here any more."""
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[dict[str, Any]] | None = None

    async def start(self) -> None:
        """Load the data and fork the first workers; raises EngineError if the data cannot be loaded."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        config = {
            "files": [str(path) for path in self.files],
            "memory": self.limits.memory,
            # The second guard, in processor time, leaves room for the counts about much data.
            "timeout": max(self.limits.timeout, SCANS) if self.disk else self.limits.timeout,
            "control": theirs.fileno(),
            "disk": str(self.disk) if self.disk else "",
            "handlers": dict(self.handlers),
        }
        command = [sys.executable, "-m", "kgbuild.workers.zygote", json.dumps(config)]
        self._control = ours
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                command, pass_fds=(theirs.fileno(),), start_new_session=True, stdin=subprocess.DEVNULL
            )
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(ours, self._on_message)
        told = await asyncio.wait_for(self._ready, _READY_WITHIN)
        self.quads = told["quads"]
        self._refill()

    async def stop(self, *, drain: bool = False) -> None:
        """End: at once, or after the queries under way have ended or met their deadlines."""
        if drain:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.lanes.drained.wait(), 2 * self.limits.timeout + spool.SLOW_READER)
        self.abort()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        self.lost.set()

    def abort(self) -> None:
        """Let go of everything, now; safe to call twice, and from a signal's callback in the loop."""
        self._stopping = True
        self.lanes.refuse(going_down())
        if self._retry is not None:
            self._retry.cancel()
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        for worker in self.lanes.workers.values():
            worker.kill("shutting-down")
            worker.bury({"signal": signal.SIGKILL, "said": ""})
        self.lanes.workers.clear()
        self.lanes.idle.clear()

    def load(self) -> Load:
        """Tell what is under way."""
        return self.lanes.load()

    @property
    def answers(self) -> bool:
        """Tell whether queries are answered: there are workers, or nothing is known to keep them from coming."""
        return not self._stopping and not self.lost.is_set() and (not self._failed_forks or bool(self.lanes.workers))

    def _refill(self) -> None:
        self._retry = None
        for _ in range(self.lanes.missing() - self._forking):
            if self._control is not None and not self._stopping:
                with suppress(ConnectionError):  # it has ended, and we are about to be told
                    self._control.send(b"fork")
                    self._forking += 1

    def _on_fork_failed(self, why: str) -> None:
        """Try again later: without a worker, without a descriptor, the others go on."""
        self._forking -= 1
        if not self._failed_forks:
            _log.error("A worker could not be started: %s. It is tried again until it succeeds.", why)
        self._failed_forks += 1
        if self._retry is None and not self._stopping:
            delay = min(RETRY * 2 ** min(self._failed_forks - 1, 10), RETRY_MOST)
            self._retry = asyncio.get_running_loop().call_later(delay, self._refill)

    def _on_message(self) -> None:
        assert self._control is not None  # noqa: S101 - the reader is removed before the socket is closed
        try:
            payload, descriptors, _, _ = socket.recv_fds(self._control, 1 << 16, 2)
        except BlockingIOError:
            return
        except ConnectionError:
            payload, descriptors = b"", []
        if not payload:
            self._on_zygote_gone()
            return
        told = json.loads(payload)
        if "worker" in told:
            self._on_worker(told["worker"], descriptors)
        elif "exited" in told:
            self._on_exit(told)
        elif "no_worker" in told:
            self._on_fork_failed(told["no_worker"])
        elif self._ready is not None and not self._ready.done():
            if "ready" in told:
                self._ready.set_result(told["ready"])
            else:
                self._ready.set_exception(EngineError(f"The data cannot be loaded: {told['failed']}"))

    def _on_zygote_gone(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(EngineError("The data cannot be loaded: the process that loads it has ended."))
        self.abort()
        self.lost.set()

    def _on_worker(self, pid: int, descriptors: list[int]) -> None:
        if len(descriptors) == 2:
            task = asyncio.ensure_future(self._welcome(pid, *descriptors))
            self._welcoming.add(task)
            task.add_done_callback(self._welcoming.discard)
            return
        # The kernel leaves out what finds no place in our table; the worker ends, since nobody holds its socket.
        for descriptor in descriptors:
            os.close(descriptor)
        self._refuse_worker(pid, "too many open files")

    def _refuse_worker(self, pid: int, why: str) -> None:
        if self._early.pop(pid, None) is None:
            self._refused.add(pid)
        self._on_fork_failed(why)

    async def _welcome(self, pid: int, connection: int, life: int) -> None:
        stream = socket.socket(fileno=connection)
        stream.setblocking(False)
        try:
            _, wire = await asyncio.get_running_loop().create_connection(Wire, sock=stream)
        except OSError as problem:
            stream.close()
            os.close(life)
            self._refuse_worker(pid, str(problem.strerror))
            return
        worker = Worker(pid, life, wire, resident(pid))
        self._forking -= 1
        self._failed_forks = 0
        if self._stopping:
            worker.kill("shutting-down")
            worker.bury({"signal": signal.SIGKILL, "said": ""})
            return
        self.lanes.workers[pid] = worker
        if pid in self._early:
            self._on_exit(self._early.pop(pid))
            self._refill()
            return
        self.lanes.offer(worker)

    def _on_exit(self, told: dict[str, Any]) -> None:
        pid = told["exited"]
        worker = self.lanes.workers.get(pid)
        if worker is None:
            if pid in self._refused:
                self._refused.remove(pid)
            else:
                self._early[pid] = told
            return
        was_idle = self.lanes.forget(worker)
        worker.bury(told)
        self.ended[_explain_death(worker.killed, told, self.limits).kind] += 1
        if was_idle:
            _log_death("A worker ended without a query", told)
            # Not at once: where no worker can live, forking would be all that is done.
            asyncio.get_running_loop().call_later(REFILL, self._refill)

    async def run(self, request: Request, timeout: float | None = None) -> Answer:
        """Answer a query; raises QueryError for every reason why there is none.  Cancelling kills the query."""
        if self._stopping:
            raise going_down()
        worker = await self.lanes.lease()
        worker.begin(timeout or self.limits.timeout)
        whole = streams = False
        try:
            found = await self._spool(worker, request)
        except QueryError as problem:
            worker.holds = resident(worker.pid)
            whole = problem.kind not in ("out-of-memory", "no-room") and not worker.killed and not worker.gone.done()
            raise
        except asyncio.CancelledError:
            worker.kill("abandoned")
            raise
        else:
            whole, streams = True, found.rest is not None
            return found
        finally:
            if not streams:
                self.lanes.release(worker, spoiled=not whole)

    async def _spool(self, worker: Worker, request: Request) -> Answer:
        worker.wire.write(pack(REQUEST, request.pack()))
        kind, payload = await self.frame(worker, request)
        if kind != HEAD:
            raise EngineError(f"A worker sent a frame of kind {kind!r} first.")
        found = self.spool.begin(payload)
        try:
            await self._fill(worker, found, request)
        except BaseException:
            found.close()
            raise
        return found

    async def _fill(self, worker: Worker, found: Answer, request: Request) -> None:
        while True:
            kind, payload = await self.frame(worker, request)
            if kind != DATA:
                (worker.holds,) = SIZE.unpack(payload)
                return
            if not self.spool.add(found, payload):
                found.rest = _Stream(self, worker)
                return

    async def frame(self, worker: Worker, request: Request | None = None) -> tuple[bytes, bytes]:
        """Read a worker's next frame; raises QueryError for a fault, and if the worker has died."""
        try:
            kind, payload = await worker.wire.frame()
        except ConnectionError as problem:
            raise await self._why_gone(worker, request) from problem
        if kind == FAULT:
            raise QueryError.unpack(payload)
        return kind, payload

    async def _why_gone(self, worker: Worker, request: Request | None) -> QueryError:
        told: dict[str, Any] = {"signal": 0, "said": ""}
        if not worker.killed:
            with suppress(TimeoutError):
                told = await asyncio.wait_for(asyncio.shield(worker.gone), _LAST_WORDS_WITHIN)
            asked = (request.describe or request.query) if request else "(a stream)"
            _log_death(f"A worker ended at {' '.join(asked[:LOGGED].split())!r}", told)
        return _explain_death(worker.killed, told, self.limits)


_NO_MEMORY: Final = ("memory allocation", "MemoryError", "bad_alloc")
"""Last words of Rust, Python and C++ (a store on disk)."""


def _log_death(what: str, told: dict[str, Any]) -> None:
    """Log a death that was not ours, with the end of what the worker wrote."""
    how = f"signal {told['signal']}" if told["signal"] else "no signal"
    said = " ".join(told["said"].split())[-LOGGED:] or "nothing"
    _log.warning("%s, with %s; it said: %s", what, how, said)


def _explain_death(killed: str, told: dict[str, Any], limits: Limits) -> QueryError:
    """Say why a worker ended before its answer did."""
    if killed == "deadline" or told["signal"] == signal.SIGXCPU:
        return too_slow(limits.timeout)
    if killed == "too-many-long-queries":
        detail = f"{limits.slow} long queries are running already. Come back in a moment, or ask for less."
        return QueryError("too-many-long-queries", 503, detail, {"retry_after": 10})
    if killed == "shutting-down":
        return going_down()
    if killed:
        return QueryError(killed, 503, "The query was stopped before it was done. Ask again.", {"retry_after": 1})
    said = told["said"]
    if any(words in said for words in _NO_MEMORY):
        mb = limits.memory >> 20
        detail = f"The query needs more than the {mb} MB of memory that it may have. Ask for less, or for a part."
        return QueryError("out-of-memory", 503, detail)
    if told["signal"] in (signal.SIGSEGV, signal.SIGBUS) or "stack" in said:
        detail = "The query is too complex: it has too many nested or chained parts. Take it apart."
        return QueryError("query-too-complex", 400, detail)
    return QueryError("worker-died", 500, "The query ended the process that ran it. Please report it.", {"said": said})
