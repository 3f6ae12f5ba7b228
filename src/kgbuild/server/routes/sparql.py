"""The endpoint: SPARQL 1.1 Protocol for queries (https://www.w3.org/TR/sparql11-protocol/), read-only."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
    send_response,
    wants_sources,
)
from kgbuild.server.exchange.kept_documents import negotiate, send_kept
from kgbuild.server.exchange.service import Service
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
from kgbuild.workers.spool import Answer

LARGEST_BODY: Final = 1 << 20
"""Bytes of a request; a query may have fewer (see `evaluation.LONGEST_QUERY`)."""
METHODS: Final = "GET, HEAD, POST, OPTIONS"
FORM: Final = "application/x-www-form-urlencoded"
QUERY: Final = "application/sparql-query"
UPDATE: Final = "application/sparql-update"
_PLAIN: Final = re.compile(rb"[A-Za-z0-9%&=+._~*!():/?-]+")


@dataclass(frozen=True)
class SparqlRequest:
    """A request, read: `query` is None where only the service is asked about."""

    query: str | None
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]
    format: str | None
    sources: bool

    def address(self, format_: str = "") -> str:
        """Write where the same can be asked by GET, relative to the server."""
        graphs = [("default-graph-uri", name) for name in self.default_graphs]
        graphs += [("named-graph-uri", name) for name in self.named_graphs]
        others = [("sources", "1" if self.sources else ""), ("format", format_)]
        return write_address("/sparql", [("query", self.query or ""), *graphs, *others])


async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request to the endpoint."""
    method: str = scope["method"]
    asked = read_request(method, scope["query_string"], header(scope, b"content-type"), await _body(scope, receive))
    scope["query"], scope["sources"] = asked.query or "", asked.sources  # for the page of a problem
    accept = accepted(asked.format, scope)
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
        # What the client wrote serves as well, and is not encoded anew for each answer.
        return f"/sparql?{self.raw}&format={format_}" if format_ and self.raw else self.asked.address(format_)

    async def page(self, answer: Answer) -> Response:
        reader = replace(self.reader, here=self.address())  # the same however the page was asked for
        return query_pages.results_page(self.query, answer, self.address(), self.service, reader)

    def explained(self, found: QueryError) -> QueryError:
        unknown = unknown_terms(self.query, self.service.catalogue.known_terms)
        if found.kind == "syntax-error" and self.service.catalogue.known_terms and unknown:
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
        if size > LARGEST_BODY:
            raise problem("query-too-long", f"The request has more than {LARGEST_BODY:,} bytes. Ask it in parts.")
        parts.append(part)
    return b"".join(parts)


def read_request(method: str, url_query: bytes, given_type: str | None, body: bytes) -> SparqlRequest:
    """Read the three ways to ask: GET, a form, a query as the body; raises Problem where it cannot be read."""
    pairs = read_pairs(url_query)
    if method == "POST":
        media_type, charset = _media_type(given_type)
        if charset not in ("utf-8", "utf8", ""):
            raise problem("unsupported-media-type", f"The charset {charset} is not taken. Send UTF-8.")
        if media_type == UPDATE:
            raise _read_only()
        if media_type == FORM:
            pairs = [*pairs, *read_pairs(body)]
        elif media_type == QUERY:
            pairs = [*pairs, ("query", read_text(body, "The query"))]
        else:
            detail = f"A query is sent as {FORM} or {QUERY}, not as {media_type or 'nothing'}."
            raise problem("unsupported-media-type", detail, {"Accept-Post": f"{FORM}, {QUERY}"})
    return _asked(method, pairs)


def _asked(method: str, pairs: list[tuple[str, str]]) -> SparqlRequest:
    if any(name == "update" for name, _ in pairs):
        raise _read_only()
    queries = [value for name, value in pairs if name == "query"]
    if len(queries) > 1:
        raise problem("bad-request", f"The request has {len(queries)} queries. Send one.")
    if not queries and method == "POST":
        raise problem("bad-request", "The request has no query. Send it as `query`.")
    return SparqlRequest(
        queries[0].removeprefix("\ufeff") if queries else None,  # some editors begin a file with it
        # Clients send an empty one where nothing was chosen.
        tuple(value for name, value in pairs if name == "default-graph-uri" and value),
        tuple(value for name, value in pairs if name == "named-graph-uri" and value),
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
        await send_response(scope, query_pages.form_page(service, "", reader_of(scope)), send)
        return

    async def make() -> Response:
        body = describe_service(service, address(service, scope), GRAPH_ALIASES.get(media_type, media_type))
        return document(content_type(media_type), body, {"Vary": VARY})

    await send_kept(scope, send, make, media_type)
