"""Who pays for the time of a query: whoever the request is from, from the moment that a worker is at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol

from kgbuild.workers.lanes import Lanes, Limits, Worker


class Payer(Protocol):
    """Whose budget is spent; None stands for nobody's."""

    def begin(self) -> float:
        """Begin to pay; gives what `end` takes."""

    def end(self, began: float) -> None:
        """Pay for the time since then."""


PAYER: Final[ContextVar[Payer | None]] = ContextVar("PAYER", default=None)
"""Set for each request; what is done once for many is a task that has the context of the first of them."""


@contextmanager
def charged() -> Iterator[None]:
    """Charge what is done inside."""
    payer = PAYER.get()
    began = payer.begin() if payer else 0.0
    try:
        yield
    finally:
        if payer:
            payer.end(began)


class ChargedLanes(Lanes):
    """Lanes that charge the time between `lease` and `release`: also that of a stream, and of what was killed."""

    def __init__(self, limits: Limits, refill: Callable[[], None]) -> None:
        super().__init__(limits, refill)
        self._bills: dict[Worker, tuple[Payer, float]] = {}

    def begin(self, worker: Worker) -> None:
        """Charge whoever asks from here on; who waited for a worker has paid nothing for that."""
        if payer := PAYER.get():
            self._bills[worker] = payer, payer.begin()

    def end(self, worker: Worker) -> None:
        """Charge whoever had the worker."""
        if bill := self._bills.pop(worker, None):
            payer, began = bill
            payer.end(began)
