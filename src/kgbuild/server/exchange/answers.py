"""Queries asked and answered over HTTP, whoever wrote them: representations, answers kept, clients that go."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable, Mapping
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.cache_keys import cache_key
from kgbuild.server.exchange.service import Service
from kgbuild.server.http import limits
from kgbuild.server.http.head import check_format
from kgbuild.server.http.languages import Reader, reader_of
from kgbuild.server.http.links import link
from kgbuild.server.http.negotiation import HTML, SHORT_NAMES, VARY, fitting, named_format, takes_gzip, wants_html
from kgbuild.server.http.problems import Problem, from_query_error, problem
from kgbuild.server.http.responses import ALWAYS, Encoded, Response, header, header_lines
from kgbuild.sparql import jsonld, lexer
from kgbuild.sparql.formats import GRAPH_ALIASES, RESULT_ALIASES, content_type
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.request import Request
from kgbuild.workers.spool import SLOW_READER, Answer

T = TypeVar("T")

KEPT: Final = 8 << 20
"""Bytes up to which an answer is kept in memory and compressed; larger ones are sent from the disk."""
UNWATCHED: Final = 0.1
"""Seconds of work after which it is watched whether the client is still there."""
_COMMON: Final = tuple((b"%%%02X" % sign, bytes([sign])) for sign in b' \n"#(),/:;<=>?{}')
_YES_OR_NO: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
_GENERAL: Final = {
    "json": "application/sparql-results+json, application/ld+json",
    "xml": "application/sparql-results+xml, application/rdf+xml",
}
"""Names of formats that mean another one for graphs: SPARQLWrapper asks for all its queries with `format=xml`."""
_NAMED: Final = {meant: name for name, meant in reversed(SHORT_NAMES.items())}
"""Media type -> the first of its short names."""
LONGEST_LOCATION: Final = 2000
"""Characters of a Content-Location: proxies refuse long headers."""


def read_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Read a form from its bytes: raw UTF-8 is taken as well as what is percent-encoded."""
    if raw.count(b"&") >= limits.PARAMETERS:
        raise problem("bad-request", f"The request has more than {limits.PARAMETERS:,} parameters. Send fewer.")
    return [
        (_plain(name), _plain(value)) for name, _, value in (part.partition(b"=") for part in raw.split(b"&")) if name
    ]


def _plain(encoded: bytes) -> str:
    return read_text(_unquoted(encoded.replace(b"+", b" ")), "A parameter")


def _unquoted(encoded: bytes) -> bytes:
    """Decode piece by piece: the lists of what stands between a million signs of percent would hold all threads up."""
    pieces, at = [], 0
    while at < len(encoded):
        end = at + limits.INLINE
        escape = encoded.rfind(b"%", end - 2, end)  # one that would be cut
        end = escape if escape > at else end
        pieces.append(_decoded(encoded[at:end]))
        at = end
    return b"".join(pieces)


def _decoded(encoded: bytes) -> bytes:
    """Decode first what is common in queries, each sign at once; no sign of these is part of another escape."""
    if b"%" in encoded:
        for escape, sign in _COMMON:
            encoded = encoded.replace(escape, sign)
    return unquote_to_bytes(encoded) if b"%" in encoded else encoded


def read_text(raw: bytes, what: str) -> str:
    """Read UTF-8; `what` is how the refusal calls it."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise problem("bad-request", f"{what} is not UTF-8 (at byte {fault.start}). Send UTF-8.") from fault


def read_format(pairs: Iterable[tuple[str, str]]) -> str | None:
    """Read the last `format=` of a request; raises Problem for one that there is not."""
    formats = [value for name, value in pairs if name == "format"]
    if not formats:
        return None
    check_format(formats[-1])
    if named_format(formats[-1]) is None:
        raise problem("bad-request", f"There is no format '{formats[-1][:100]}'. Use one of {', '.join(SHORT_NAMES)}.")
    return formats[-1]


def wants_sources(pairs: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a request wants its rows led back to their sources; raises Problem where it does not say."""
    given = [value for name, value in pairs if name == "sources"]
    if given and given[-1] not in _YES_OR_NO:
        raise problem("bad-request", f"sources={given[-1][:50]} is neither 1 nor 0. Send one of them.")
    return bool(given) and _YES_OR_NO[given[-1]]


def accepted(format_: str | None, scope: Scope) -> str | None:
    """Give the media types that a client takes: by `format=`, else by its Accept header."""
    return _GENERAL.get(format_.lower()) or named_format(format_) if format_ else header(scope, b"accept")


class Prepared(ABC):
    """A query with all that decides its answer; who asks says what the page is, and where the answer is had again."""

    def __init__(
        self,
        scope: Scope,
        query: str,
        accept: str | None,
        offers: tuple[tuple[str, ...], tuple[str, ...]],
        graphs: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
        *,
        sources: bool = False,
        asked_by: str = "",
    ) -> None:
        """Read what the client takes out of what is offered: results and graphs.

        `graphs` are the default and the named ones; `asked_by` keeps answers apart whose headers or pages differ.
        """
        service: Service = scope["service"]
        self.service, self.query, self.release_id = service, query, service.release_id
        self.gzip = takes_gzip(header(scope, b"accept-encoding"))
        result_offers, graph_offers = offers
        self.is_page = wants_html(accept, (*result_offers, *graph_offers))
        self.reader = reader_of(scope) if self.is_page else Reader()
        self.results = ("application/sparql-results+json",) if self.is_page else fitting(accept, result_offers)
        self.graphs = ("application/n-triples",) if self.is_page else fitting(accept, graph_offers)
        if not self.results and not self.graphs:
            available = [*result_offers, *graph_offers, HTML]
            raise problem("not-acceptable", f"Available: {', '.join(available)}.", available=available)
        base = address(service, scope, "/sparql")
        wanted = _canonical(self.graphs, GRAPH_ALIASES)
        context = service.context if wanted[:1] == (jsonld.MEDIA_TYPE,) else ""
        asked = query, _canonical(self.results, RESULT_ALIASES), wanted, *graphs, sources, base
        self.request = Request(*asked, context=context)
        reads = (self.reader.labels, self.reader.chosen) if self.is_page else ()
        decides = self.results[:1], self.graphs[:1], reads, self.gzip, asked_by
        self.key = cache_key(service, "answer", *decides, *self.request.fields())
        self.keeps = lexer.is_deterministic(query)

    @abstractmethod
    def address(self, format_: str = "") -> str:
        """Write where the same can be asked by GET, relative to the server."""

    @abstractmethod
    async def page(self, answer: Answer) -> Response:
        """Make the page of an answer."""

    def links(self) -> dict[str, str]:
        """Give the header that tells what belongs to the answer, if there is one."""
        return {}

    def explained(self, found: QueryError) -> QueryError:
        """Add to the reason why there is no answer what the one who asks knows of it; in a thread."""
        return found

    def keeps_now(self) -> bool:
        """Tell whether the answer may be kept: not if another release has come in while it was made."""
        return self.keeps and self.release_id == self.service.release_id

    def location(self, media_type: str) -> dict[str, str]:
        """Write Content-Location: where this representation is had, whatever a client accepts; if that is short."""
        name = _NAMED.get(media_type, "")
        address = self.address(name) if name else ""
        return {"Content-Location": address} if 0 < len(address) <= LONGEST_LOCATION else {}

    def headers(self, answer: Answer) -> dict[str, str]:
        """Write the headers of an answer; its type is the name under which it was asked for."""
        is_graph = answer.form == "graph"
        asked_for, aliases = (self.graphs, GRAPH_ALIASES) if is_graph else (self.results, RESULT_ALIASES)
        named = next((name for name in asked_for if aliases.get(name, name) == answer.media_type), answer.media_type)
        return {
            "Content-Type": content_type(named),
            "Vary": VARY,
            "Cache-Control": self._caching(),
            **self.location(named),
            **self.links(),
        }

    async def make(self) -> Encoded | Answer:
        """Run the query; a large answer comes as it is."""
        try:
            answer = await self.service.data.run(self.request)
        except QueryError as found:
            raise from_query_error(await asyncio.to_thread(self.explained, found)) from found
        if answer.size > KEPT or answer.rest is not None:
            return answer
        try:
            if self.is_page:
                made = self.finished(await self.page(answer))
            else:
                made = Response(200, header_lines(self.headers(answer)), answer.read())
        finally:
            answer.close()
        return await made.encode(takes_gzip=self.gzip)

    def finished(self, page: Response) -> Response:
        """Give a page the headers of an answer."""
        more = {**self.location(HTML), **self.links(), "Cache-Control": self._caching()}
        kept = [(name, value) for name, value in page.headers if name != b"cache-control"]
        return Response(200, [*kept, *header_lines(more)], page.body)

    def _caching(self) -> str:
        return "no-cache" if self.keeps else "no-store"


def _canonical(media_types: Iterable[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(aliases.get(media_type, media_type) for media_type in media_types))


async def respond(prepared: Prepared, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the answer to a query: one that is kept, or a new one."""
    cache = prepared.service.cache
    kept = cache.get(prepared.key)
    if kept is None:
        made = await _answer(prepared, scope, receive)
        if isinstance(made, Answer):
            await _send_large(prepared, made, scope, receive, send)
            return
        kept = made
        if prepared.keeps_now():
            cache.put(prepared.key, kept)
    if prepared.keeps_now() and "raw_key" in scope:
        cache.put(scope["raw_key"], kept)
    await kept.send(scope["method"], header(scope, b"if-none-match"), send)


async def send_response(scope: Scope, response: Response, send: Send) -> None:
    """Send what is made already, compressed for a client that takes that."""
    encoded = await response.encode(takes_gzip=takes_gzip(header(scope, b"accept-encoding")))
    await encoded.send(scope["method"], header(scope, b"if-none-match"), send)


def document(media_type: str, body: str | bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Make an answer that caches ask about each time; `headers` are others, or have other values."""
    own = {"Content-Type": media_type, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    lines = header_lines({**own, **(headers or {})})
    return Response(200, lines, body.encode() if isinstance(body, str) else body)


async def send_redirect(scope: Scope, send: Send, status: int, location: str, more: Mapping[str, str]) -> None:
    """Lead elsewhere; `more` are other headers.  Raises Problem where no browser should be led."""
    target = link(location)
    if not target:
        raise problem("not-found", f"What is asked for is now {location[:200]}, which no link leads to.")
    await send_response(scope, Response(status, header_lines({"Location": target, "Vary": VARY, **more}), b""), send)


async def _answer(prepared: Prepared, scope: Scope, receive: Receive) -> Encoded | Answer:
    """Run a query for all who ask the same at this moment; one whose clients have gone is ended."""
    service = prepared.service
    # RAND() and its like differ for each who asks, also at the same moment.
    work = service.shared(prepared.key, prepared.make) if prepared.keeps else prepared.make()
    found = await _watched(scope, receive, work)
    if isinstance(found, Answer):
        if found.taken:  # a large answer is read once: whoever comes second has one of his own
            found = await _watched(scope, receive, prepared.make())
        if isinstance(found, Answer):
            found.taken = True
    return found


async def _watched(scope: Scope, receive: Receive, work: Awaitable[T]) -> T:
    """Watch for the client of a POST, whose body has been read by now; that of a GET is watched from the beginning."""
    return await (watched(receive, work) if scope["method"] == "POST" else work)


async def watched(receive: Receive, work: Awaitable[T]) -> T:
    """Wait for work for a client, and cancel it when the client has gone; raises ClientDisconnect then."""
    doing = asyncio.current_task()
    assert doing is not None  # noqa: S101 - whoever awaits is in a task
    watching: list[asyncio.Future[None]] = []
    gone = False

    def leave(watch: asyncio.Future[None]) -> None:
        nonlocal gone
        if watching and not watch.cancelled():
            gone = True
            doing.cancel()

    def begin() -> None:
        watching.append(asyncio.ensure_future(_disconnected(receive)))
        watching[0].add_done_callback(leave)

    # Most work is done before a watch would be set up, and a task of its own would cost as much as a small query.
    later = asyncio.get_running_loop().call_later(UNWATCHED, begin)
    try:
        return await work
    except asyncio.CancelledError:
        if gone and not doing.uncancel():
            raise ClientDisconnect from None
        raise
    finally:
        later.cancel()
        while watching:  # from here on it cancels nothing
            watching.pop().cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_large(prepared: Prepared, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer part by part; one that breaks off is cut, never closed as if it were whole."""
    if prepared.is_page:
        answer.close()
        detail = "The answer is too large for a page. Choose a format to download, or add a LIMIT."
        raise Problem("not-acceptable", 406, detail)
    headers = [*header_lines(prepared.headers(answer)), *ALWAYS]
    if answer.rest is None:
        headers.append((b"content-length", str(answer.size).encode()))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] != "HEAD":
            await _watched(scope, receive, _send_parts(answer, send))
        await send({"type": "http.response.body", "body": b""})
    except (QueryError, TimeoutError, OSError) as found:
        raise CutOffError from found
    finally:
        answer.close()


async def _send_parts(answer: Answer, send: Send) -> None:
    async for part in answer.parts():
        # A reader who takes nothing would keep the place on the disk, or the worker, for ever.
        async with asyncio.timeout(SLOW_READER):  # wait_for of Python 3.11 may swallow that the client has gone
            await send({"type": "http.response.body", "body": part, "more_body": True})


class CutOffError(Exception):
    """An answer broke off after its beginning was sent: the connection must be cut."""
