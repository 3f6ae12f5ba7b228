"""The endpoint: SPARQL 1.1 Protocol for queries (https://www.w3.org/TR/sparql11-protocol/), read-only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, TypeVar
from urllib.parse import unquote_to_bytes, urlencode

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from kgbuild import __version__
from kgbuild.engines import lexer
from kgbuild.engines.evaluation import QueryError, Request
from kgbuild.engines.formats import ALIASES, content_type
from kgbuild.engines.pool import SLOW_READER, Answer
from kgbuild.engines.syntax import unknown_terms
from kgbuild.server import pages
from kgbuild.server.description import describe_service
from kgbuild.server.languages import Reader, reader_of
from kgbuild.server.negotiation import (
    ALL_OFFERS,
    GRAPH_OFFERS,
    HTML,
    RESULT_OFFERS,
    SHORT_NAMES,
    VARY,
    best,
    fitting,
    named_format,
    takes_gzip,
    wants_html,
)
from kgbuild.server.problems import Problem, from_query_error, problem
from kgbuild.server.responses import CORS, Encoded, Response, header, header_lines
from kgbuild.server.service import Service

T = TypeVar("T")

LARGEST_BODY: Final = 1 << 20
"""Bytes of a request; a query may have fewer (see `evaluation.LONGEST_QUERY`)."""
KEPT: Final = 8 << 20
"""Bytes up to which an answer is kept in memory and compressed; larger ones are sent from the disk."""
UNWATCHED: Final = 0.1
"""Seconds of work after which it is watched whether the client is still there."""
METHODS: Final = "GET, HEAD, POST, OPTIONS"
FORM: Final = "application/x-www-form-urlencoded"
QUERY: Final = "application/sparql-query"
UPDATE: Final = "application/sparql-update"
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?")
LONGEST_LOCATION: Final = 2000
"""Characters of a Content-Location: proxies refuse long headers."""


@dataclass(frozen=True)
class Asked:
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
        others = [*([("sources", "1")] if self.sources else []), *([("format", format_)] if format_ else [])]
        return f"/sparql?{urlencode([('query', self.query or ''), *graphs, *others])}"


async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request to the endpoint."""
    service: Service = scope["service"]
    method: str = scope["method"]
    asked = read_request(method, scope["query_string"], header(scope, b"content-type"), await _body(scope, receive))
    scope["query"], scope["sources"] = asked.query or "", asked.sources  # for the page of a problem
    accept = _accept(asked, header(scope, b"accept"))
    gzip = takes_gzip(header(scope, b"accept-encoding"))
    if_none_match = header(scope, b"if-none-match")
    if asked.query is None:
        encoded = _about(service, scope, accept, gzip)
        await encoded.send(method, if_none_match, send)
        return
    prepared = _Prepared(service, asked, accept, gzip, public_url(service, scope), reader_of(scope))
    kept = service.cache.get(prepared.key)
    if kept is None:
        large = await _answer(prepared, receive)
        if isinstance(large, Answer):
            await _send_large(prepared, large, scope, receive, send)
            return
        kept = large
        if prepared.keeps_now():
            service.cache.put(prepared.key, kept)
    if prepared.keeps_now() and method in ("GET", "HEAD"):
        service.cache.put(scope["raw_key"], kept)
    await kept.send(method, if_none_match, send)


def raw_key(scope: Scope) -> bytes:
    """Name a request without reading it: what the layer in front of the routes looks answers up by.

    A digest, as the other keys are: the cache counts answers, and must not grow by long questions.
    """
    decides = [header(scope, name) for name in (b"accept", b"accept-language", b"accept-encoding", b"host")]
    return blake2b(repr((scope["path"], scope["query_string"], decides)).encode()).digest()


# --- reading a request --------------------------------------------------------------------------------------------


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


def read_request(method: str, url_query: bytes, given_type: str | None, body: bytes) -> Asked:
    """Read the three ways to ask: GET, a form, a query as the body; raises Problem where it cannot be read."""
    pairs = _pairs(url_query)
    if method == "POST":
        media_type, charset = _media_type(given_type)
        if charset not in ("utf-8", "utf8", ""):
            raise problem("unsupported-media-type", f"The charset {charset} is not taken. Send UTF-8.")
        if media_type == UPDATE:
            raise _read_only()
        if media_type == FORM:
            pairs = [*pairs, *_pairs(body)]
        elif media_type == QUERY:
            pairs = [*pairs, ("query", _text(body, "The query"))]
        else:
            detail = f"A query is sent as {FORM} or {QUERY}, not as {media_type or 'nothing'}."
            raise problem("unsupported-media-type", detail, {"Accept-Post": f"{FORM}, {QUERY}"})
    return _asked(method, pairs)


def _asked(method: str, pairs: list[tuple[str, str]]) -> Asked:
    if any(name == "update" for name, _ in pairs):
        raise _read_only()
    queries = [value for name, value in pairs if name == "query"]
    if len(queries) > 1:
        raise problem("bad-request", f"The request has {len(queries)} queries. Send one.")
    if not queries and method == "POST":
        raise problem("bad-request", "The request has no query. Send it as `query`.")
    formats = [value for name, value in pairs if name == "format"]
    if formats and named_format(formats[-1]) is None:
        raise problem("bad-request", f"There is no format '{formats[-1]}'. Use one of {', '.join(SHORT_NAMES)}.")
    return Asked(
        queries[0] if queries else None,
        tuple(value for name, value in pairs if name == "default-graph-uri"),
        tuple(value for name, value in pairs if name == "named-graph-uri"),
        formats[-1] if formats else None,
        any(name == "sources" and value in ("1", "true") for name, value in pairs),
    )


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    """Read a form from its bytes: raw UTF-8 is taken as well as what is percent-encoded."""
    if raw.count(b"&") >= 1000:
        raise problem("bad-request", "The request has more than a thousand parameters. Send fewer.")
    return [
        (_plain(name), _plain(value)) for name, _, value in (part.partition(b"=") for part in raw.split(b"&")) if name
    ]


def _plain(encoded: bytes) -> str:
    return _text(unquote_to_bytes(encoded.replace(b"+", b" ")), "A parameter")


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise problem("bad-request", f"{what} is not UTF-8 (at byte {fault.start}). Send UTF-8.") from fault


def _media_type(given: str | None) -> tuple[str, str]:
    media_type, *parameters = (given or "").split(";")
    pairs = dict(parameter.strip().lower().partition("=")[::2] for parameter in parameters)
    return media_type.strip().lower(), pairs.get("charset", "").strip('"')


def _read_only() -> Problem:
    return Problem("read-only", 403, "This endpoint is read-only: it answers queries and takes no updates.")


def _accept(asked: Asked, accept: str | None) -> str | None:
    return named_format(asked.format) if asked.format else accept


# --- answering ----------------------------------------------------------------------------------------------------


class _Prepared:
    """A query with all that decides its answer."""

    def __init__(
        self, service: Service, asked: Asked, accept: str | None, gzip: bool, public: str, reader: Reader
    ) -> None:
        assert asked.query is not None  # noqa: S101 - whoever asks about the service does not come here
        self.service, self.asked, self.gzip, self.release_id = service, asked, gzip, service.release_id
        self.page = wants_html(accept, ALL_OFFERS)
        self.reader = reader
        self.results = ("application/sparql-results+json",) if self.page else fitting(accept, RESULT_OFFERS)
        self.graphs = ("application/n-triples",) if self.page else fitting(accept, GRAPH_OFFERS)
        if not self.results and not self.graphs:
            available = [*ALL_OFFERS, HTML]
            raise problem("not-acceptable", f"Available: {', '.join(available)}.", available=available)
        self.request = Request(
            asked.query,
            _canonical(self.results),
            _canonical(self.graphs),
            asked.default_graphs,
            asked.named_graphs,
            asked.sources,
            f"{public}/sparql",
        )
        decides = (
            service.release_id,
            __version__,
            self.results[:1],
            self.graphs[:1],
            self.page and (reader.labels, reader.chosen),
            gzip,
        )
        self.key = blake2b(repr(decides).encode() + self.request.packed).digest()
        self.keeps = lexer.is_deterministic(asked.query)

    def keeps_now(self) -> bool:
        """Tell whether the answer may be kept: not if another release has come in while it was made."""
        return self.keeps and self.release_id == self.service.release_id

    def location(self, media_type: str) -> dict[str, str]:
        """Write Content-Location: where this representation is had, whatever a client accepts; if that is short."""
        name = next((name for name, meant in SHORT_NAMES.items() if meant == media_type), "")
        address = self.asked.address(name)
        return {"Content-Location": address} if name and len(address) <= LONGEST_LOCATION else {}

    def headers(self, answer: Answer) -> dict[str, str]:
        """Write the headers of an answer; its type is the name under which it was asked for."""
        asked_for = self.graphs if answer.form == "graph" else self.results
        named = next((name for name in asked_for if ALIASES.get(name, name) == answer.media_type), answer.media_type)
        return {
            "Content-Type": content_type(named),
            "Vary": VARY,
            "Cache-Control": "no-cache" if self.keeps else "no-store",
            "X-Content-Type-Options": "nosniff",
            **self.location(named),
        }

    async def make(self) -> Encoded | Answer:
        """Run the query; a large answer comes as it is."""
        try:
            answer = await self.service.query(self.request)
        except QueryError as found:
            unknown = unknown_terms(self.asked.query or "", self.service.known.terms)
            if found.kind == "syntax-error" and self.service.known.terms and unknown:
                found.extra["unknown_terms"] = unknown
            raise from_query_error(found) from found
        if answer.size > KEPT or answer.rest is not None:
            return answer
        try:
            if self.page:
                address = self.asked.address()
                reader = replace(self.reader, here=address)  # the same however the page was asked for
                made = pages.results_page(self.asked.query or "", answer, address, self.service, reader)
                more = {**self.location(HTML), "Cache-Control": "no-cache" if self.keeps else "no-store"}
                kept = [(name, value) for name, value in made.headers if name != b"cache-control"]
                made = Response(200, [*kept, *header_lines(more)], made.body)
            else:
                made = Response(200, header_lines(self.headers(answer)), answer.read())
        finally:
            answer.close()
        return made.encoded(takes_gzip=self.gzip)


def _canonical(media_types: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ALIASES.get(media_type, media_type) for media_type in media_types))


async def _answer(prepared: _Prepared, receive: Receive) -> Encoded | Answer:
    """Run a query for all who ask the same at this moment; one whose clients have gone is ended."""
    service = prepared.service
    # RAND() and its like differ for each who asks, also at the same moment.
    work = service.shared(prepared.key, prepared.make) if prepared.keeps else prepared.make()
    found = await watched(receive, work)
    if isinstance(found, Answer):
        if found.taken:  # a large answer is read once: whoever comes second has one of his own
            found = await watched(receive, prepared.make())
        if isinstance(found, Answer):
            found.taken = True
    return found


async def watched(receive: Receive, work: Awaitable[T]) -> T:
    """Wait for work for a client, and cancel it when the client has gone; raises ClientDisconnect then."""
    doing = asyncio.ensure_future(work)
    watching: list[asyncio.Future[None]] = []
    # Most work is done before a watch would be set up.
    later = asyncio.get_running_loop().call_later(UNWATCHED, lambda: watching.append(_watch(receive, doing)))
    try:
        return await doing
    except asyncio.CancelledError:
        if watching and watching[0].done() and not watching[0].cancelled():
            raise ClientDisconnect from None
        raise
    finally:
        later.cancel()
        for watch in watching:
            watch.cancel()


def _watch(receive: Receive, doing: asyncio.Future[Any]) -> asyncio.Future[None]:
    """Cancel what is done for a client when the client goes."""
    watch = asyncio.ensure_future(_disconnected(receive))
    watch.add_done_callback(lambda seen: None if seen.cancelled() else doing.cancel())
    return watch


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_large(prepared: _Prepared, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer part by part; one that breaks off is cut, never closed as if it were whole."""
    if prepared.page:
        answer.close()
        detail = "The answer is too large for a page. Choose a format to download, or add a LIMIT."
        raise Problem("not-acceptable", 406, detail)
    headers = [*header_lines(prepared.headers(answer)), *CORS]
    if answer.rest is None:
        headers.append((b"content-length", str(answer.size).encode()))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] != "HEAD":
            await watched(receive, _send_parts(answer, send))
        await send({"type": "http.response.body", "body": b""})
    except (QueryError, TimeoutError, OSError) as found:
        raise CutOffError from found
    finally:
        answer.close()


async def _send_parts(answer: Answer, send: Send) -> None:
    async for part in _parts(answer):
        # A reader who takes nothing would keep the place on the disk, or the worker, for ever.
        async with asyncio.timeout(SLOW_READER):  # wait_for of Python 3.11 may swallow that the client has gone
            await send({"type": "http.response.body", "body": part, "more_body": True})


class CutOffError(Exception):
    """An answer broke off after its beginning was sent: the connection must be cut."""


async def _parts(answer: Answer) -> AsyncIterator[bytes]:
    answer.body.seek(0)
    while part := answer.body.read(1 << 18):
        yield part
    if answer.rest is not None:
        async for part in answer.rest:
            yield part


# --- about the service --------------------------------------------------------------------------------------------


def _about(service: Service, scope: Scope, accept: str | None, gzip: bool) -> Encoded:
    if wants_html(accept, GRAPH_OFFERS):
        return pages.form_page(service, "", reader_of(scope)).encoded(takes_gzip=gzip)
    media_type = best(accept, GRAPH_OFFERS)
    if media_type is None:
        available = [*GRAPH_OFFERS, HTML]
        raise problem("not-acceptable", f"Available: {', '.join(available)}.", available=available)
    public = public_url(service, scope)
    key = blake2b(repr(("description", service.release_id, public, media_type, gzip)).encode()).digest()
    kept = service.cache.get(key)
    if kept is None:
        body = describe_service(service, public, ALIASES.get(media_type, media_type))
        headers = {"Content-Type": content_type(media_type), "Vary": VARY, "Cache-Control": "no-cache"}
        kept = Response(200, header_lines(headers), body).encoded(takes_gzip=gzip)
        service.cache.put(key, kept)
    return kept


def public_url(service: Service, scope: Scope) -> str:
    """Give the server's address as the client knows it: as set, else from its Host header, which may hold anything."""
    if service.settings.public_url:
        return service.settings.public_url
    given = header(scope, b"host")
    host = ":".join(map(str, scope["server"])) if given is None else given  # HTTP/1.0 need not send one
    if not _HOST.fullmatch(host):
        raise problem("bad-request", "The Host header names no host. Send the name under which the server is reached.")
    return f"{scope['scheme']}://{host}"
