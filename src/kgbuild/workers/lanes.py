"""Lanes: which worker takes which query, how long a query may go on, and who waits.

A query first runs in a quick lane; what is not done after a tenth of a second moves to a slow lane of lower priority
and bounded width, and its place is filled anew: small queries go on beside runaways.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.protocol import Wire

QUICK: Final = 0.1
"""Seconds after which a query moves to the slow lane, if there is room."""
PATIENCE: Final = 1.0
"""Seconds after which it is ended if there is still no room."""
TICK: Final = 0.02
"""Seconds between looks at the clock."""
NICE: Final = 19
WAITING: Final = 512
"""Queries that may wait for a worker; more are told to come back."""
GREW: Final = 128 << 20
"""Bytes by which a worker may have grown when it is replaced: reading dirties the pages that it shares."""


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

    running: int = 0
    waiting: int = 0
    quick: int = 0
    slow: int = 0


@dataclass(eq=False)
class Worker:
    """A process that answers one query at a time."""

    pid: int
    life: int
    """Its pidfd."""
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
    is_new: bool = True
    """Whether it has had no query yet."""
    killed: str = ""
    """Why we killed it: the kind of the problem; "" if we did not."""
    gone: asyncio.Future[dict[str, Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def is_spent(self) -> bool:
        """Tell whether it is replaced after its query."""
        return self.slow or bool(self.killed) or self.holds - self.resident > GREW

    def begin(self, seconds: float) -> None:
        """Start the clock of a query."""
        self.began, self.ticks, self.allowed = asyncio.get_running_loop().time(), 0, seconds
        self.is_new = False

    def kill(self, why: str) -> None:
        """End it, and whatever it does."""
        # Once it is gone its pidfd is closed, and the number may be another worker's.
        if not self.killed and not self.gone.done():
            self.killed = why
            with suppress(ProcessLookupError, OSError):
                signal.pidfd_send_signal(self.life, signal.SIGKILL)

    def bury(self, told: dict[str, Any]) -> None:
        """Tell whoever waits for its end how it ended, and let go of it."""
        if not self.gone.done():
            self.gone.set_result(told)
        self.wire.close()
        os.close(self.life)


class Lanes:
    """The workers that live, and the queries that wait for one; `refill` is called where a worker is missing."""

    def __init__(self, limits: Limits, refill: Callable[[], None]) -> None:
        self.limits, self.refill = limits, refill
        self.workers: dict[int, Worker] = {}
        self.idle: deque[Worker] = deque()
        self.waiting: deque[tuple[asyncio.Future[Worker], float]] = deque()
        """Who waits for a worker, and since when; who came first is first."""
        self.busy = 0
        """Queries that wait or run, and answers that are still written."""
        self.drained = asyncio.Event()
        self.drained.set()
        self._ticking = False

    def load(self) -> Load:
        """Tell what is under way."""
        alive = self._living()
        slow = sum(worker.slow for worker in alive)
        running = sum(worker.began is not None for worker in alive)
        waiting = sum(not waiting.done() for waiting, _ in self.waiting)
        return Load(running, waiting, len(alive) - slow, slow)

    def missing(self) -> int:
        """Count the workers that the quick lane is short of."""
        return self.limits.workers - sum(not worker.slow for worker in self._living())

    def _living(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if self._lives(worker)]

    def offer(self, worker: Worker) -> None:
        """Give a worker to who waits for one; one that has died meanwhile is replaced."""
        if not self._lives(worker):
            self.refill()
            return
        while self.waiting:
            waiting, _ = self.waiting.popleft()
            if not waiting.done():
                waiting.set_result(worker)
                return
        self.idle.append(worker)

    def _lives(self, worker: Worker) -> bool:
        return self.workers.get(worker.pid) is worker and not worker.killed and not worker.wire.lost

    async def lease(self, *, first: bool = False) -> Worker:
        """Take a worker, or wait for one, `first` ahead of all who wait; `release` gives it back."""
        self._enter()
        try:
            worker = await self._lease(first=first)
        except BaseException:
            self._leave()
            raise
        self.begin(worker)
        return worker

    def begin(self, worker: Worker) -> None:
        """Note that somebody has a worker, for lanes that count the time."""

    def end(self, worker: Worker) -> None:
        """Note that nobody has it any more."""

    async def _lease(self, *, first: bool) -> Worker:
        while self.idle:
            if self._lives(worker := self.idle.popleft()):
                return worker
            self.refill()
        if len(self.waiting) >= WAITING and not first:
            raise queue_full()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Worker] = loop.create_future()
        place = (waiting, loop.time())
        if first:
            self.waiting.appendleft(place)
        else:
            self.waiting.append(place)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self.offer(waiting.result())
            raise
        finally:
            if place in self.waiting:  # one whose client has gone takes no place any more
                self.waiting.remove(place)

    def release(self, worker: Worker, *, spoiled: bool) -> None:
        """Take a worker back, or replace it."""
        self.end(worker)
        self._leave()
        worker.began = None
        if spoiled or worker.is_spent:
            worker.kill("replaced")
            self.refill()
        else:
            self.offer(worker)

    def forget(self, worker: Worker) -> None:
        """Strike off a worker that has gone."""
        self.workers.pop(worker.pid, None)
        with suppress(ValueError):
            self.idle.remove(worker)

    def refuse(self, why: QueryError) -> None:
        """Send away everybody who waits."""
        for waiting, _ in self.waiting:
            if not waiting.done():
                waiting.set_exception(why)
        self.waiting.clear()

    def _enter(self) -> None:
        self.busy += 1
        self.drained.clear()
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(TICK, self._tick)

    def _leave(self) -> None:
        self.busy -= 1
        if not self.busy:
            self.drained.set()

    def _tick(self) -> None:
        """Look after all limits of time, again and again while there is work: timers for each query cost more."""
        loop = asyncio.get_running_loop()
        self._ticking = self.busy > 0
        if self._ticking:  # before all else: whatever goes wrong below must not stop the clock
            loop.call_later(TICK, self._tick)
        now = loop.time()
        for worker in list(self.workers.values()):
            if worker.began is not None:
                self._look_after(worker, now - worker.began)
        while self.waiting and (self.waiting[0][0].done() or now - self.waiting[0][1] >= self.limits.timeout):
            _give_up(self.waiting.popleft()[0])

    def _look_after(self, worker: Worker, taken: float) -> None:
        worker.ticks += 1
        if taken >= worker.allowed:
            worker.kill("deadline")
        elif taken >= PATIENCE:
            self._slow_down(worker, must=True)
        elif taken >= QUICK and worker.ticks > 2:
            self._slow_down(worker, must=False)

    def _slow_down(self, worker: Worker, *, must: bool) -> None:
        """Move a query that takes long to the slow lane; where that lane is full and it must move, end it."""
        if worker.slow or worker.killed:
            return
        if self.load().slow >= self.limits.slow:
            if must:
                worker.kill("too-many-long-queries")
            return
        worker.slow = True
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, worker.pid, NICE)
            # Whoever else wants the processor takes it at once, not at the end of a slice of time.
            os.sched_setscheduler(worker.pid, os.SCHED_IDLE, os.sched_param(0))
        self.refill()


def queue_full() -> QueryError:
    """Say that too many wait."""
    detail = f"{WAITING} queries are waiting already. Come back in a moment."
    return QueryError("queue-full", 503, detail, {"retry_after": 2})


def too_slow(seconds: float) -> QueryError:
    """Say that a query has met its deadline."""
    detail = f"The query took longer than {seconds:g} seconds and was stopped. Ask for less, or for a part."
    return QueryError("deadline", 504, detail)


def going_down() -> QueryError:
    """Say that the server ends."""
    return QueryError("shutting-down", 503, "The server is going down. Come back in a moment.", {"retry_after": 5})


def _give_up(waiting: asyncio.Future[Worker]) -> None:
    if not waiting.done():
        detail = "All workers were busy for as long as a query may take. Come back in a moment."
        waiting.set_exception(QueryError("queue-full", 503, detail, {"retry_after": 5}))


def resident(pid: int) -> int:
    """Measure the memory a process holds, in bytes; 0 if it has gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")
