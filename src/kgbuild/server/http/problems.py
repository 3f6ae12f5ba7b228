"""Problems as answers: the one place where HTTP status is decided (https://www.rfc-editor.org/rfc/rfc9457)."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from kgbuild.core.namespaces import BASE
from kgbuild.sparql.query_error import QueryError

TITLES: Final = {
    "address-too-long": "The address is too long",
    "answer-too-large": "The answer is too large",
    "bad-parameter": "A parameter is wrong",
    "bad-request": "The request cannot be understood",
    "client-budget": "Your share of processing time is used up",
    "client-errors": "Too many requests failed",
    "dataset-too-large": "The default graphs asked for are too large together",
    "deadline": "The query took too long",
    "engine-unreachable": "The data cannot be reached",
    "evaluation-failed": "The query could not be evaluated",
    "federated-query": "Federated queries are refused",
    "free-queries-off": "Queries of your own are not answered here",
    "gone": "What was at this address was withdrawn",
    "head-too-large": "The head of the request is too large",
    "method-not-allowed": "The method is not allowed here",
    "not-acceptable": "None of the formats asked for is available",
    "no-room": "There is no room for the answer",
    "no-search": "Search is not ready",
    "not-found": "There is nothing at this address",
    "not-ready": "The server answers no queries now",
    "out-of-memory": "The query needs too much memory",
    "query-too-complex": "The query is too complex",
    "query-too-long": "The query is too long",
    "queue-full": "Too many queries are waiting",
    "range-not-satisfiable": "The file has no such part",
    "read-only": "This endpoint is read-only",
    "shutting-down": "The server is going down",
    "sources-for-select-only": "Only a SELECT comes with sources",
    "syntax-error": "The query is not SPARQL",
    "too-many-connections": "Too many clients are connected",
    "too-many-long-queries": "Too many long queries are running",
    "too-slow": "The request came too slowly",
    "unauthorized": "A token is needed",
    "unknown-graph": "There is no such graph",
    "unsupported-media-type": "The query was sent in a form that is not taken",
}
_SHORT: Final = frozenset(
    (errno.EAGAIN, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC)
)
_STATUS: Final = {
    "address-too-long": 414,
    "bad-parameter": 400,
    "bad-request": 400,
    "head-too-large": 431,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "not-found": 404,
    "query-too-long": 413,
    "range-not-satisfiable": 416,
    "unauthorized": 401,
    "unsupported-media-type": 415,
}


@dataclass
class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """Why there is no answer; `headers` go with it."""

    kind: str
    status: int
    detail: str
    extra: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Name the kind of problem in words."""
        return TITLES.get(self.kind, HTTPStatus(self.status).phrase)

    def members(self) -> dict[str, Any]:
        """Give the members of the problem's JSON."""
        kind = {"type": f"{BASE}problem/{self.kind}", "title": self.title, "status": self.status}
        return {**kind, "detail": self.detail, **self.extra}

    def to_json(self) -> bytes:
        """Write the problem."""
        return (json.dumps(self.members(), ensure_ascii=False, indent=2) + "\n").encode()


def problem(kind: str, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> Problem:
    """Make a problem of the request itself."""
    return Problem(kind, _STATUS[kind], detail, extra, headers or {})


def from_query_error(found: QueryError) -> Problem:
    """Turn the reason why a query has no answer into a problem."""
    extra = {key: value for key, value in found.extra.items() if key not in ("retry_after", "said")}
    headers = {"Retry-After": str(found.extra["retry_after"])} if "retry_after" in found.extra else {}
    return Problem(found.kind, found.status, found.detail, extra, headers)


def shortage(found: Exception) -> Problem | None:
    """Say what the machine is short of, where that is why something failed: memory, threads, descriptors, room."""
    is_short = isinstance(found, MemoryError) or (isinstance(found, OSError) and found.errno in _SHORT)
    if not is_short and not (isinstance(found, RuntimeError) and "new thread" in str(found)):
        return None
    detail = f"The machine is short of something now ({str(found) or 'memory'}). Come back in a moment."
    return Problem("no-room", 503, detail, headers={"Retry-After": "5"})
