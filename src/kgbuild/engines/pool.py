"""The pool: queries in forked workers, with a deadline that holds because it kills.

Asyncio, one event loop.  A query first runs in a quick lane; what is not done after a tenth of a second moves to a slow
lane of lower priority and bounded width, and its place is filled anew: small queries go on beside runaways.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from kgbuild.engines.evaluation import QueryError, Request
from kgbuild.engines.frames import DATA, FAULT, HEAD, REQUEST, Wire, pack
from kgbuild.errors import EngineError

QUICK: Final = 0.1
"""Seconds after which a query moves to the slow lane, if there is room."""
PATIENCE: Final = 1.0
"""Seconds after which it is ended if there is still no room."""
TICK: Final = 0.02
"""Seconds between looks at the clock."""
NICE: Final = 19
WAITING: Final = 512
"""Queries that may wait for a worker; more are told to come back."""
IN_MEMORY: Final = 1 << 20
SPOOL_ANSWER: Final = 256 << 20
SPOOL_ALL: Final = 2 << 30
SLOW_READER: Final = 30.0
"""Seconds within which the reader of a streamed answer must take a part."""
GREW: Final = 128 << 20
"""Bytes by which a worker may have grown when it is replaced: reading dirties the pages that it shares."""
REFILL: Final = 0.05
"""Seconds after which a worker that died without a query is replaced."""
OUR_OWN: Final = 600.0
"""Seconds that a question of the server's own may take, while nobody waits for it."""
_LAST_WORDS_WITHIN: Final = 2.0
_READY_WITHIN: Final = 3600.0


@dataclass(frozen=True)
class Limits:
    """What queries may use: seconds, bytes beyond the data, workers of the quick and the slow lane."""

    timeout: float = 30.0
    memory: int = 1 << 30
    workers: int = 2
    slow: int = 4


@dataclass(frozen=True)
class Load:
    """What a pool is at: queries that run and wait, living workers of the quick and the slow lane."""

    running: int
    waiting: int
    quick: int
    slow: int


@dataclass
class Answer:
    """An answer that is whole, in memory or on disk; or the beginning of one that is too large for both."""

    form: str
    media_type: str
    body: IO[bytes]
    size: int
    variables: tuple[str, ...] = ()
    pages: int = 1
    """Of a description."""
    rest: _Stream | None = None
    """What follows `body` while the worker still writes."""
    taken: bool = False
    """Whether somebody reads it already: it can be read once."""
    give_back: Callable[[int], None] | None = None
    """Told, once, how many bytes of the spool are free again."""

    def read(self) -> bytes:
        """Read the whole body."""
        self.body.seek(0)
        return self.body.read()

    def close(self) -> None:
        """Give space and worker back; what had not been read is lost."""
        self.body.close()
        if self.rest is not None:
            self.rest.close()
        if self.give_back is not None:
            self.give_back(self.size)
            self.give_back = None

    def __del__(self) -> None:
        """Let go of an answer whose client went in the moment it was done."""
        self.close()


@dataclass(eq=False)
class _Worker:
    pid: int
    life: int
    wire: Wire
    resident: int
    """Bytes that it held when it was new."""
    holds: int = 0
    """Bytes that it has held at most, by its own word."""
    slow: bool = False
    began: float | None = None
    """When its query began, on the loop's clock; None between queries."""
    allowed: float = 0.0
    """Seconds that its query may take."""
    ticks: int = 0
    """How often it was found at that query: where the loop itself was held up, time alone says little."""
    killed: str = ""
    """Why we killed it: the kind of the problem; "" if we did not."""
    gone: asyncio.Future[dict[str, Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def kill(self, why: str) -> None:
        # Once it is gone its pidfd is closed, and the number may be another worker's.
        if not self.killed and not self.gone.done():
            self.killed = why
            with suppress(ProcessLookupError, OSError):
                signal.pidfd_send_signal(self.life, signal.SIGKILL)


class _Stream:
    """What a worker still writes; ends with QueryError if it dies, and takes it from a reader who is too slow."""

    def __init__(self, pool: Pool, worker: _Worker) -> None:
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
        if kind == FAULT:
            self.close()
            raise QueryError.unpack(payload)
        if kind != DATA:
            self._end(whole=True)
            raise StopAsyncIteration
        self.idle = asyncio.get_running_loop().call_later(SLOW_READER, self.worker.kill, "slow-reader")
        return payload

    def close(self) -> None:
        """Give the worker up."""
        self._end(whole=False)

    def _end(self, *, whole: bool) -> None:
        if not self.open:
            return
        self.open = False
        if self.idle is not None:
            self.idle.cancel()
        self.pool.release(self.worker, spoiled=not whole)


class Pool:
    """Workers over one set of data; `start` before anything, `stop` after everything."""

    def __init__(
        self,
        files: tuple[Path, ...],
        limits: Limits,
        disk: Path | None = None,
        ended: Counter[str] | None = None,
    ) -> None:
        self.files, self.limits, self.disk = files, limits, disk
        self.ended: Counter[str] = Counter() if ended is None else ended
        """Why workers ended -> how many did; those that go with the pool are not counted."""
        self.quads = 0
        self._idle: deque[_Worker] = deque()
        self._workers: dict[int, _Worker] = {}
        self._waiting: deque[tuple[asyncio.Future[_Worker], float]] = deque()
        """Who waits for a worker, and since when; who came first is first."""
        self._forking = 0
        self._spooled = 0
        self._stopping = False
        self._ticking = False
        self._busy = 0
        """Queries that wait or run, and answers that are still written."""
        self._early: dict[int, dict[str, Any]] = {}
        """Deaths told before the workers were welcome."""
        self.lost = asyncio.Event()
        """Set when the process that holds the data has ended: nothing is answered from here any more."""
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._drained: asyncio.Event = asyncio.Event()
        self._drained.set()

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the data and fork the first workers; raises EngineError if the data cannot be loaded."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        config = {
            "files": [str(path) for path in self.files],
            "memory": self.limits.memory,
            # The second guard, in processor time, leaves room for our own questions about much data.
            "timeout": max(self.limits.timeout, OUR_OWN) if self.disk else self.limits.timeout,
            "control": theirs.fileno(),
            "disk": str(self.disk) if self.disk else "",
        }
        command = [sys.executable, "-m", "kgbuild.engines.zygote", json.dumps(config)]
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            command, pass_fds=(theirs.fileno(),), start_new_session=True, stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._control = ours
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(ours, self._on_message)
        told = await asyncio.wait_for(self._ready, _READY_WITHIN)
        self.quads = told["quads"]
        for _ in range(self.limits.workers):
            self._fork()

    async def stop(self, *, drain: bool = False) -> None:
        """End: at once, or after the queries under way have ended or met their deadlines."""
        if drain:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), 2 * self.limits.timeout + SLOW_READER)
        self.abort()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        self.lost.set()

    def abort(self) -> None:
        """Let go of everything, now; safe to call twice, and from a signal's callback in the loop."""
        self._stopping = True
        for waiting, _ in self._waiting:
            if not waiting.done():
                waiting.set_exception(_going_down())
        self._waiting.clear()
        for worker in self._workers.values():
            worker.kill("shutting-down")
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        for worker in self._workers.values():
            if not worker.gone.done():
                worker.gone.set_result({"signal": signal.SIGKILL, "said": ""})
            worker.wire.close()
            os.close(worker.life)
        self._workers.clear()
        self._idle.clear()

    def load(self) -> Load:
        """Tell what is under way."""
        alive = [worker for worker in self._workers.values() if not worker.killed]
        slow = sum(worker.slow for worker in alive)
        return Load(
            sum(worker.began is not None for worker in alive),
            sum(not waiting.done() for waiting, _ in self._waiting),
            len(alive) - slow,
            slow,
        )

    # -- the zygote ----------------------------------------------------------------------------------------------

    def _fork(self) -> None:
        if self._control is not None and not self._stopping:
            with suppress(ConnectionError):  # it has ended, and we are about to be told
                self._control.send(b"fork")
                self._forking += 1

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
            _keep(asyncio.ensure_future(self._welcome(told["worker"], *descriptors)))
        elif "exited" in told:
            self._on_exit(told)
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

    async def _welcome(self, pid: int, connection: int, life: int) -> None:
        stream = socket.socket(fileno=connection)
        stream.setblocking(False)
        _, wire = await asyncio.get_running_loop().create_connection(Wire, sock=stream)
        worker = _Worker(pid, life, wire, _resident(pid))
        self._forking -= 1
        if self._stopping:
            worker.kill("shutting-down")
            wire.close()
            os.close(life)
            return
        self._workers[pid] = worker
        if pid in self._early:
            self._on_exit(self._early.pop(pid))
            self._refill()
            return
        self._offer(worker)

    def _on_exit(self, told: dict[str, Any]) -> None:
        worker = self._workers.pop(told["exited"], None)
        if worker is None:
            self._early[told["exited"]] = told
            return
        if not worker.gone.done():
            worker.gone.set_result(told)
        self.ended[_explain_death(worker.killed, told, self.limits).kind] += 1
        os.close(worker.life)
        worker.wire.close()
        if worker in self._idle:
            self._idle.remove(worker)
            # Not at once: where no worker can live, forking would be all that is done.
            asyncio.get_running_loop().call_later(REFILL, self._refill)

    def _refill(self) -> None:
        quick = sum(1 for worker in self._workers.values() if not worker.slow and not worker.killed)
        for _ in range(self.limits.workers - quick - self._forking):
            self._fork()

    # -- leasing -------------------------------------------------------------------------------------------------

    def _offer(self, worker: _Worker) -> None:
        while self._waiting:
            waiting, _ = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(worker)
                return
        self._idle.append(worker)

    async def _lease(self) -> _Worker:
        if self._stopping:
            raise _going_down()
        if self._idle:
            return self._idle.popleft()
        if len(self._waiting) >= WAITING:
            detail = f"{WAITING} queries are waiting already. Come back in a moment."
            raise QueryError("queue-full", 503, detail, {"retry_after": 2})
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[_Worker] = loop.create_future()
        place = (waiting, loop.time())
        self._waiting.append(place)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._offer(waiting.result())
            raise
        finally:
            if place in self._waiting:  # one whose client has gone takes no place any more
                self._waiting.remove(place)

    def _begin(self) -> None:
        self._busy += 1
        self._drained.clear()
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(TICK, self._tick)

    def _finish(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._drained.set()

    def _tick(self) -> None:
        """Look after all limits of time, again and again while there is work: timers for each query cost more."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for worker in list(self._workers.values()):
            if worker.began is not None:
                self._look_after(worker, now - worker.began)
        while self._waiting and (self._waiting[0][0].done() or now - self._waiting[0][1] >= self.limits.timeout):
            _give_up(self._waiting.popleft()[0])
        self._ticking = self._busy > 0
        if self._ticking:
            loop.call_later(TICK, self._tick)

    def _look_after(self, worker: _Worker, taken: float) -> None:
        worker.ticks += 1
        if taken >= worker.allowed:
            worker.kill("deadline")
        elif taken >= PATIENCE:
            self._slow_down(worker, must=True)
        elif taken >= QUICK and worker.ticks > 2:
            self._slow_down(worker, must=False)

    def release(self, worker: _Worker, *, spoiled: bool) -> None:
        """Take a worker back, or replace it."""
        self._finish()
        worker.began = None
        if spoiled or worker.slow or worker.killed or worker.holds - worker.resident > GREW:
            worker.kill("replaced")
            self._refill()
        elif worker.pid in self._workers:
            self._offer(worker)

    def _slow_down(self, worker: _Worker, *, must: bool) -> None:
        """Move a query that takes long to the slow lane; where that lane is full and it must move, end it."""
        if worker.slow or worker.killed:
            return
        if sum(1 for other in self._workers.values() if other.slow and not other.killed) >= self.limits.slow:
            if must:
                worker.kill("too-many-long-queries")
            return
        worker.slow = True
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, worker.pid, NICE)
            # Whoever else wants the processor takes it at once, not at the end of a slice of time.
            os.sched_setscheduler(worker.pid, os.SCHED_IDLE, os.sched_param(0))
        self._refill()

    # -- running -------------------------------------------------------------------------------------------------

    async def run(self, request: Request, timeout: float | None = None) -> Answer:
        """Answer a query; raises QueryError for every reason why there is none.  Cancelling kills the query."""
        self._begin()
        try:
            worker = await self._lease()
        except BaseException:
            self._finish()
            raise
        worker.began, worker.ticks = asyncio.get_running_loop().time(), 0
        worker.allowed = timeout or self.limits.timeout
        whole = streams = False
        try:
            found = await self._spool(worker, request)
        except QueryError as problem:
            worker.holds = _resident(worker.pid)
            whole = problem.kind != "out-of-memory" and not worker.killed and not worker.gone.done()
            raise
        except asyncio.CancelledError:
            worker.kill("abandoned")
            raise
        else:
            whole, streams = True, found.rest is not None
            return found
        finally:
            if not streams:
                self.release(worker, spoiled=not whole)

    async def _spool(self, worker: _Worker, request: Request) -> Answer:
        worker.wire.write(pack(REQUEST, request.pack()))
        kind, payload = await self.frame(worker)
        if kind == FAULT:
            raise QueryError.unpack(payload)
        if kind != HEAD:
            raise EngineError(f"A worker sent a frame of kind {kind!r} first.")
        head = json.loads(payload)
        variables = tuple(head.get("variables", ()))
        body, pages = io.BytesIO(), head.get("pages", 1)
        found = Answer(head["form"], head["media_type"], body, 0, variables, pages, give_back=self._give_back)
        try:
            await self._fill(worker, found)
        except BaseException:
            found.close()
            raise
        return found

    async def _fill(self, worker: _Worker, found: Answer) -> None:
        while True:
            kind, payload = await self.frame(worker)
            if kind == FAULT:
                raise QueryError.unpack(payload)
            if kind != DATA:
                worker.holds = json.loads(payload)["holds"]
                return
            if found.size <= IN_MEMORY < found.size + len(payload):
                found.body = _to_disk(found.body)
            found.body.write(payload)
            found.size += len(payload)
            self._spooled += len(payload)
            if found.size > SPOOL_ANSWER or self._spooled > SPOOL_ALL:
                found.rest = _Stream(self, worker)
                return

    def _give_back(self, size: int) -> None:
        self._spooled -= size

    async def frame(self, worker: _Worker) -> tuple[bytes, bytes]:
        """Read a worker's next frame; raises QueryError if it has died."""
        try:
            return await worker.wire.frame()
        except ConnectionError as problem:
            raise await self._why_gone(worker) from problem

    async def _why_gone(self, worker: _Worker) -> QueryError:
        told: dict[str, Any] = {"signal": 0, "said": ""}
        if not worker.killed:
            with suppress(TimeoutError):
                told = await asyncio.wait_for(asyncio.shield(worker.gone), _LAST_WORDS_WITHIN)
        return _explain_death(worker.killed, told, self.limits)


_NO_MEMORY: Final = ("memory allocation", "MemoryError", "bad_alloc")
"""Last words of Rust, Python and C++ (a store on disk)."""


def _explain_death(killed: str, told: dict[str, Any], limits: Limits) -> QueryError:
    """Say why a worker ended before its answer did."""
    if killed == "deadline" or told["signal"] == signal.SIGXCPU:
        detail = f"The query took longer than {limits.timeout:g} seconds and was stopped. Ask for less, or for a part."
        return QueryError("deadline", 504, detail)
    if killed == "too-many-long-queries":
        detail = f"{limits.slow} long queries are running already. Come back in a moment, or ask for less."
        return QueryError("too-many-long-queries", 503, detail, {"retry_after": 10})
    if killed == "shutting-down":
        return _going_down()
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


def _to_disk(body: IO[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    body.seek(0)
    shutil.copyfileobj(body, file)
    body.close()
    return file


def _give_up(waiting: asyncio.Future[_Worker]) -> None:
    if not waiting.done():
        detail = "All workers were busy for as long as a query may take. Come back in a moment."
        waiting.set_exception(QueryError("queue-full", 503, detail, {"retry_after": 5}))


def _going_down() -> QueryError:
    return QueryError("shutting-down", 503, "The server is going down. Come back in a moment.", {"retry_after": 5})


def _resident(pid: int) -> int:
    """Measure the memory a process holds, in bytes; 0 if it has gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


_tasks: set[asyncio.Future[Any]] = set()


def _keep(task: asyncio.Future[Any]) -> None:
    """Hold a task until it is done: the loop itself would let it be collected."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
