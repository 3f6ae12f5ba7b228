"""The endpoint: SPARQL 1.1 Protocol for queries (https://www.w3.org/TR/sparql11-protocol/), read-only."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.answers import (
    Prepared,
    accepted,
    document,
    read_format,
    read_pairs,
    read_text,
    respond,
    wants_sources,
)
from kgbuild.server.exchange.kept_documents import negotiate, send_kept
from kgbuild.server.exchange.service import Service
from kgbuild.server.http import limits
from kgbuild.server.http.languages import reader_of
from kgbuild.server.http.negotiation import GRAPH_OFFERS, HTML, RESULT_OFFERS, VARY
from kgbuild.server.http.problems import Problem, problem
from kgbuild.server.http.responses import Response, header
from kgbuild.server.pages import query as query_pages
from kgbuild.server.pages.rendering import write_address
from kgbuild.server.routes.service_description import describe_service
from kgbuild.sparql.formats import GRAPH_ALIASES, content_type
from kgbuild.sparql.query_error import QueryError
from kgbuild.sparql.syntax import unknown_terms
from kgbuild.workers.evaluation import refuse_long
from kgbuild.workers.spool import Answer

METHODS: Final = "GET, HEAD, POST, OPTIONS"
FORM: Final = "application/x-www-form-urlencoded"
QUERY: Final = "application/sparql-query"
UPDATE: Final = "application/sparql-update"
_GRAPHS: Final = ("default-graph-uri", "named-graph-uri")
_PLAIN: Final = re.compile(rb"[A-Za-z0-9%&=+._~*!():/?-]+")


@dataclass(frozen=True)
class SparqlRequest:
    """A request, read: `query` is None where only the service is asked about."""

    query: str | None
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]
    format: str | None
    sources: bool

    @property
    def has_address(self) -> bool:
        """Tell whether all of it may fit into an address, before it is written as one."""
        return len(self.query or "") + sum(map(len, self.default_graphs + self.named_graphs)) <= limits.ADDRESS

    def address(self, format_: str = "") -> str:
        """Write where the same can be asked by GET, relative to the server."""
        graphs = [("default-graph-uri", name) for name in self.default_graphs]
        graphs += [("named-graph-uri", name) for name in self.named_graphs]
        others = [("sources", "1" if self.sources else ""), ("format", format_)]
        return write_address("/sparql", [("query", self.query or ""), *graphs, *others])


async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request to the endpoint."""
    method: str = scope["method"]
    body = await _body(scope, receive)
    given = method, scope["query_string"], header(scope, b"content-type"), body
    asked = read_request(*given) if len(body) <= limits.INLINE else await asyncio.to_thread(read_request, *given)
    scope["query"], scope["sources"] = asked.query or "", asked.sources  # for the page of a problem
    accept = accepted(asked.format, scope)
    if asked.query is not None and not scope["asks_freely"]:
        detail = "This server answers no queries of your own. What can be asked is listed at /questions/."
        raise Problem("free-queries-off", 403, detail)
    refuse_long(asked.query or "")
    if asked.query is None:
        await _about(scope, send, accept)
    else:
        await respond(_Query(scope, asked, accept), scope, receive, send)


class _Query(Prepared):
    def __init__(self, scope: Scope, asked: SparqlRequest, accept: str | None) -> None:
        assert asked.query is not None  # noqa: S101 - whoever asks about the service does not come here
        self.asked = asked
        raw: bytes = scope["query_string"] if scope["method"] != "POST" and not asked.format else b""
        self.raw = raw.decode() if _PLAIN.fullmatch(raw) else ""
        graphs = asked.default_graphs, asked.named_graphs
        super().__init__(scope, asked.query, accept, (RESULT_OFFERS, GRAPH_OFFERS), graphs, sources=asked.sources)

    def address(self, format_: str = "") -> str:
        if not self.asked.has_address:
            return ""
        # What the client wrote serves as well, and is not encoded anew for each answer.
        return f"/sparql?{self.raw}&format={format_}" if format_ and self.raw else self.asked.address(format_)

    async def page(self, answer: Answer) -> Response:
        return await asyncio.to_thread(self._page, answer)

    def _page(self, answer: Answer) -> Response:
        address = self.address()
        reader = replace(self.reader, here=address or "/sparql")  # the same however the page was asked for
        return query_pages.results_page(self.query, answer, address, self.service, reader)

    def explained(self, found: QueryError) -> QueryError:
        known = self.service.catalogue.known_terms
        if found.kind == "syntax-error" and known and (unknown := unknown_terms(self.query, known)):
            found.extra["unknown_terms"] = unknown
        return found


async def _body(scope: Scope, receive: Receive) -> bytes:
    if scope["method"] != "POST":
        return b""
    request = HttpRequest(scope, receive)
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        detail = "A request is taken as it is, without Content-Encoding."
        raise problem("unsupported-media-type", detail, {"Accept-Encoding": "identity"})
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limits.BODY:
            raise problem("query-too-long", f"The request has more than {limits.BODY:,} bytes. Ask it in parts.")
        parts.append(part)
    return b"".join(parts)


def read_request(method: str, url_query: bytes, given_type: str | None, body: bytes) -> SparqlRequest:
    """Read the three ways to ask: GET, a form, a query as the body; raises Problem where it cannot be read."""
    pairs = read_pairs(url_query)
    if method == "POST":
        media_type, charset = _media_type(given_type)
        if charset not in ("utf-8", "utf8", ""):
            raise problem("unsupported-media-type", f"The charset {charset[:50]} is not taken. Send UTF-8.")
        if media_type == UPDATE:
            raise _read_only()
        if media_type == FORM:
            pairs = [*pairs, *read_pairs(body)]
        elif media_type == QUERY:
            pairs = [*pairs, ("query", read_text(body, "The query"))]
        else:
            detail = f"A query is sent as {FORM} or {QUERY}, not as {media_type[:100] or 'nothing'}."
            raise problem("unsupported-media-type", detail, {"Accept-Post": f"{FORM}, {QUERY}"})
    return _asked(method, pairs)


def _asked(method: str, pairs: list[tuple[str, str]]) -> SparqlRequest:
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    if "update" in given:
        raise _read_only()
    queries = given.get("query", [])
    if len(queries) > 1:
        raise problem("bad-request", f"The request has {len(queries)} queries. Send one.")
    if not queries and method == "POST":
        raise problem("bad-request", "The request has no query. Send it as `query`.")
    # Clients send an empty one where nothing was chosen.
    default, named = (tuple(filter(None, given.get(name, ()))) for name in _GRAPHS)
    if any(len(name) > limits.GRAPH for name in default + named):
        raise problem("bad-request", f"The name of a graph has more than {limits.GRAPH:,} characters.")
    return SparqlRequest(
        queries[0].removeprefix("\ufeff") if queries else None,  # some editors begin a file with it
        default,
        named,
        read_format(pairs),
        wants_sources(pairs),
    )


def _media_type(given: str | None) -> tuple[str, str]:
    media_type, *parameters = (given or "").split(";")
    pairs = dict(parameter.strip().lower().partition("=")[::2] for parameter in parameters)
    return media_type.strip().lower(), pairs.get("charset", "").strip('"')


def _read_only() -> Problem:
    return Problem("read-only", 403, "This endpoint is read-only: it answers queries and takes no updates.")


async def _about(scope: Scope, send: Send, accept: str | None) -> None:
    service: Service = scope["service"]
    media_type = negotiate(accept, (*GRAPH_OFFERS, HTML))
    if media_type == HTML:
        reader = reader_of(scope)
        await send_kept(
            scope, send, partial(asyncio.to_thread, query_pages.form_page, service, "", reader), reader.here
        )
        return

    async def make() -> Response:
        body = describe_service(service, address(service, scope), GRAPH_ALIASES.get(media_type, media_type))
        return document(content_type(media_type), body, {"Vary": VARY})

    await send_kept(scope, send, make, media_type)
