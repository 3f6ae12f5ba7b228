"""Why workers end: what the log says of it, and what whoever asked is told."""

from __future__ import annotations

import logging
import signal
from typing import Any, Final

from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.lanes import Limits, going_down, too_slow

LOGGED: Final = 300
"""Characters of a query, and of a worker's last words, that go into the log."""
_log: Final = logging.getLogger("kgbuild.workers")
_NO_MEMORY: Final = ("memory allocation", "MemoryError", "bad_alloc")
"""Last words of Rust, Python and C++ (a store on disk)."""


def log_death(what: str, told: dict[str, Any]) -> None:
    """Log a death that was not ours, with the end of what the worker wrote."""
    how = f"signal {told['signal']}" if told["signal"] else "no signal"
    said = " ".join(told["said"].split())[-LOGGED:] or "nothing"
    _log.warning("%s, with %s; it said: %s", what, how, said)


def explain_death(killed: str, told: dict[str, Any], limits: Limits) -> QueryError:
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
    if told["signal"] == signal.SIGKILL:
        detail = "The process that ran the query was ended from outside, as the kernel does where memory is short."
        return QueryError("out-of-memory", 503, f"{detail} Come back in a moment, or ask for less.", {"retry_after": 5})
    if told["signal"] in (signal.SIGSEGV, signal.SIGBUS) or "stack" in said:
        detail = "The query is too complex: it has too many nested or chained parts. Take it apart."
        return QueryError("query-too-complex", 400, detail)
    return QueryError("worker-died", 500, "The query ended the process that ran it. Please report it.", {"said": said})
