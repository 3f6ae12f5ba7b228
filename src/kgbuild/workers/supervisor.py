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
from typing import Any, ClassVar, Final

from kgbuild.core.confinement import bare_environment
from kgbuild.core.errors import EngineError
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers import spool
from kgbuild.workers.deaths import LOGGED, explain_death, log_death
from kgbuild.workers.lanes import Lanes, Limits, Load, Worker, going_down, resident
from kgbuild.workers.protocol import DATA, FAULT, HEAD, REQUEST, SIZE, Wire, pack
from kgbuild.workers.request import Request
from kgbuild.workers.spool import Answer, Spool

QUERIES: Final = {"query": "kgbuild.workers.evaluation:answer_query"}
"""What every worker can do: name of an operation -> module and function, see `zygote.Handler`."""
REFILL: Final = 0.05
"""Seconds after which a worker that died without a query is replaced."""
RETRY: Final = 0.25
"""Seconds after which starting a worker is tried again; twice as long each time, up to `RETRY_MOST`."""
RETRY_MOST: Final = 2.0
SCANS: Final = 600.0
"""Seconds that counting all data may take when a store on disk is opened, while nobody waits for it."""
_LAST_WORDS_WITHIN: Final = 2.0
_READY_WITHIN: Final = 3600.0
FORK_WITHIN: Final = 15.0
"""Seconds after which a zygote that does not answer is ended, and the data are loaded again: a fork takes 16 ms."""
ENDS_WITHIN: Final = 5.0
"""Seconds that a zygote may take to end by itself."""
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

    make_lanes: ClassVar[type[Lanes]] = Lanes

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
        self.lanes = self.make_lanes(limits, self._refill)
        self.spool = Spool()
        self._ordered = 0
        """Workers that the zygote has been told to fork, and has not told of."""
        self._forking = 0
        """Those, and the ones that are being taken in."""
        self._failed_starts = 0
        """In a row: forks that failed, and workers that ended before their first query."""
        self._told = ""
        """Why the last of them failed, by the log."""
        self._welcoming: set[asyncio.Future[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        """Set while starting workers waits for better times."""
        self._patience: asyncio.TimerHandle | None = None
        """Ends a zygote that does not answer."""
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
            "server": os.getpid(),
            "disk": str(self.disk) if self.disk else "",
            "handlers": dict(self.handlers),
        }
        command = [sys.executable, "-m", "kgbuild.workers.zygote", json.dumps(config)]
        self._control = ours
        with theirs:
            given, nothing = bare_environment(), subprocess.DEVNULL
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                command, pass_fds=(theirs.fileno(),), start_new_session=True, stdin=nothing, env=given
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
        await self._reap()
        self.lost.set()

    async def _reap(self) -> None:
        """Wait for the end of the zygote, which sees that its server has let go; one that does not is ended."""
        # No thread waits for it: where threads are short, or it is stopped, that would never end.
        end = asyncio.get_running_loop().time() + ENDS_WITHIN
        while self._process is not None and self._process.poll() is None:
            if asyncio.get_running_loop().time() > end:
                self._process.kill()
            await asyncio.sleep(0.01)

    def abort(self) -> None:
        """Let go of everything, now; safe to call twice, and from a signal's callback in the loop."""
        self._stopping = True
        self.lanes.refuse(going_down())
        for timer in filter(None, (self._retry, self._patience)):
            timer.cancel()
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
        return not self._stopping and not self.lost.is_set() and (not self._failed_starts or bool(self.lanes.workers))

    def _refill(self) -> None:
        if self._retry is not None or self._control is None or self._stopping:
            return
        try:
            for _ in range(self.lanes.missing() - self._forking):
                self._control.send(b"fork")
                self._forking += 1
                self._ordered += 1
        except ConnectionError:
            return  # it has ended, and we are about to be told
        except OSError as problem:
            self._retry_later(str(problem.strerror))
        self._expect_answer()

    def _retry_later(self, why: str = "") -> None:
        """Try again later: without a worker, without a descriptor, the others go on."""
        if why and why != self._told:
            self._told = why
            _log.error("A worker could not be started: %s. It is tried again until it succeeds.", why)
        self._failed_starts += 1
        if self._retry is None and not self._stopping:
            delay = min(RETRY * 2 ** min(self._failed_starts - 1, 10), RETRY_MOST)
            self._retry = asyncio.get_running_loop().call_later(delay, self._on_retry)

    def _on_retry(self) -> None:
        self._retry = None
        self._refill()

    def _expect_answer(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        later = asyncio.get_running_loop().call_later
        self._patience = later(FORK_WITHIN, self._on_zygote_hangs) if self._ordered else None

    def _on_zygote_hangs(self) -> None:
        """End it: it has answered nothing for long, and workers end with it; whoever waits for its loss loads anew."""
        _log.error("The process that forks workers has not answered for %g seconds. It is ended.", FORK_WITHIN)
        if self._process is not None:
            self._process.kill()
        self._on_zygote_gone()

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
        if "worker" in told or "no_worker" in told:
            self._ordered -= 1
            self._expect_answer()
        if "worker" in told:
            self._on_worker(told["worker"], descriptors)
        elif "exited" in told:
            self._on_exit(told)
        elif "no_worker" in told:
            self._forking -= 1
            self._retry_later(told["no_worker"])
        elif self._ready is not None and not self._ready.done():
            if "ready" in told:
                self._ready.set_result(told["ready"])
            else:
                self._ready.set_exception(EngineError(f"The data cannot be loaded: {told['failed']}"))

    def _on_zygote_gone(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(EngineError("The data cannot be loaded: the process that loads it has ended."))
        self.abort()  # its workers die with it
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
        self._forking -= 1
        self._retry_later(why)

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
        if self._stopping:
            worker.kill("shutting-down")
            worker.bury({"signal": signal.SIGKILL, "said": ""})
            return
        self.lanes.workers[pid] = worker
        if pid in self._early:
            self._on_exit(self._early.pop(pid))
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
        self.lanes.forget(worker)
        worker.bury(told)
        self.ended[explain_death(worker.killed, told, self.limits).kind] += 1
        if worker.began is None and not worker.killed:
            log_death("A worker ended without a query", told)
        if worker.is_new:  # where no worker can live, forking would be all that is done
            self._retry_later()
        else:
            asyncio.get_running_loop().call_later(REFILL, self._refill)

    async def run(self, request: Request, timeout: float | None = None, *, first: bool = False) -> Answer:
        """Answer a query, `first` before all who wait; QueryError where there is no answer.  Cancelling kills it."""
        if self._stopping:
            raise going_down()
        worker = await self.lanes.lease(first=first)
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
        self._failed_starts, self._told = 0, ""
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
            log_death(f"A worker ended at {' '.join(asked[:LOGGED].split())!r}", told)
        return explain_death(worker.killed, told, self.limits)
