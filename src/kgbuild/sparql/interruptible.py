"""An engine whose answer is waited for, and no longer than its user wants."""

from __future__ import annotations

import time
from threading import Thread

from kgbuild.core.errors import EngineError
from kgbuild.core.terms import Answer, Engine

_LOOK_EVERY = 0.2
"""Seconds: on Windows, Ctrl-C does not end a longer wait."""


class InterruptibleEngine:
    """Asks another engine, until `seconds` are over (0: without end) or the user interrupts.

    The query runs in a thread, since Python cannot interrupt pyoxigraph; one that is left ends with the process.
    """

    def __init__(self, engine: Engine, seconds: float = 0) -> None:
        self._engine, self._seconds = engine, seconds
        self._end = time.monotonic() + (seconds or float("inf"))

    def query(self, text: str, name: str = "query") -> Answer:
        """Answer a query; see `Engine.query`.  An EngineError says that the time is over."""
        done: list[Answer | BaseException] = []

        def ask() -> None:
            try:
                done.append(self._engine.query(text, name))
            except BaseException as problem:
                done.append(problem)

        thread = Thread(target=ask, daemon=True)
        thread.start()
        while thread.is_alive():
            left = self._end - time.monotonic()
            if left <= 0:
                raise EngineError(f"{name}: no answer within {self._seconds:g} s. Ask for less, or give it more time.")
            thread.join(min(left, _LOOK_EVERY))
        if isinstance(done[0], BaseException):
            raise done[0]
        return done[0]
