"""Dereferencing: every IRI of ours has an answer (https://www.w3.org/TR/cooluris/), and every answer its formats.

`/id/<kind>/<slug>` names a thing and leads (303) to `/doc/<kind>/<slug>`, which describes it.  Dates, vocabularies,
graphs and the ontology are described under their own address.  A suffix asks for a format whatever is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from kgbuild.core.composition import compose
from kgbuild.core.namespaces import BASE, EXTERNAL, GRAPH, ID, LICENCE, ONTOLOGY_IRI
from kgbuild.server.exchange.answers import Prepared, read_format, read_pairs, respond, send_redirect
from kgbuild.server.exchange.cache_keys import cache_key
from kgbuild.server.exchange.service import Service
from kgbuild.server.http import limits
from kgbuild.server.http.negotiation import GRAPH_OFFERS, SHORT_NAMES, named_format
from kgbuild.server.http.problems import Problem, from_query_error, problem
from kgbuild.server.http.responses import Encoded, Response, header
from kgbuild.server.pages import thing_page
from kgbuild.server.pages.ontology import ontology_page
from kgbuild.server.pages.rendering import local_path
from kgbuild.sparql import jsonld
from kgbuild.sparql.formats import GRAPH_ALIASES, RESULT_ALIASES
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.request import Request
from kgbuild.workers.spool import Answer

FORMATS: Final = {
    "ttl": "Turtle",
    "nt": "N-Triples",
    "jsonld": "JSON-LD",
    "rdf": "RDF/XML",
    "trig": "TriG",
    "html": "HTML",
}
"""Suffix of an address -> name of the format; media types are those of `negotiation.SHORT_NAMES`."""
_NAMES: Final = ", ".join(FORMATS)
IMMUTABLE: Final = "public, max-age=31536000, immutable"
_SAFE: Final = "/!$&'()*+,;=:@"
"""Besides letters, digits and `-._~`: what stands in a path as it is (RFC 3986 §3.3)."""
_SUFFIX: Final = re.compile(rf"(.+)\.({'|'.join(FORMATS)})")
_VERSION_IRI: Final = f"{EXTERNAL['owl']}versionIRI"
"""No registered relation says this; an address may stand for one (RFC 8288 §2.1.2)."""


@dataclass(frozen=True)
class Link:
    """A link of RFC 8288, as the header and the head of a page have it."""

    rel: str
    target: str
    type: str = ""
    title: str = ""

    def written(self) -> str:
        """Write it as an element of a Link header."""
        more = "".join(f'; {name}="{value}"' for name, value in (("type", self.type), ("title", self.title)) if value)
        return f'<{self.target}>; rel="{self.rel}"{more}'


@dataclass(frozen=True)
class Address:
    """A request's address, read: the path without its suffix, encoded and decoded; the format; the page."""

    path: str
    decoded: str
    suffix: str
    page: int
    query: str

    @property
    def iri(self) -> str:
        """Give the IRI of what is described: that of the path, but for `/doc/`, which describes what `/id/` names."""
        name = self.decoded.removeprefix("/")
        return ID + name.removeprefix("doc/") if name.startswith("doc/") else BASE + name

    def located(self, suffix: str = "", page: int = 0) -> str:
        """Write the address of a format, and of a page, relative to the server."""
        number = page or self.page
        return f"{self.path}{'.' + suffix if suffix else ''}{f'?page={number}' if number > 1 else ''}"


async def identify(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Lead from the IRI of a thing to the document that describes it."""
    address = await _read(scope, send)
    if address is None:
        return
    try:
        await _exists(scope["service"], address.iri, _with_addresses)
    except Problem as found:
        await _answer_moved(found, address, scope, send)
        return
    path = f"/doc/{address.path.removeprefix('/id/')}"
    links = [Link("describedby", f"{path}.ttl", SHORT_NAMES["ttl"]), *_general_links(address.iri)]
    suffix = f".{address.suffix}" if address.suffix else ""
    await _redirect(303, f"{path}{suffix}{address.query}", scope, send, links)


async def describe(scope: Scope, receive: Receive, send: Send) -> None:
    """Describe what an address names."""
    await _respond(_Description, scope, receive, send)


async def describe_ontology(scope: Scope, receive: Receive, send: Send) -> None:
    """Give the ontology, now or under the number of its version."""
    await _respond(_Ontology, scope, receive, send)


async def _respond(prepare: Callable[[Scope, Address], Prepared], scope: Scope, receive: Receive, send: Send) -> None:
    address = await _read(scope, send)
    if address is None:
        return
    try:
        await respond(prepare(scope, address), scope, receive, send)
    except Problem as found:
        await _answer_moved(found, address, scope, send)


async def _answer_moved(found: Problem, address: Address, scope: Scope, send: Send) -> None:
    """Lead from a retired IRI to its successor, with the same suffix; raises any other problem again."""
    if found.kind != "moved":
        raise found
    successor = found.extra["successor"]
    path = local_path(successor)
    if path.startswith("/doc/") and address.path.startswith("/id/"):
        path = f"/id/{path.removeprefix('/doc/')}"
    suffix = f".{address.suffix}" if address.suffix and path.startswith("/") else ""
    await _redirect(301, f"{path}{suffix}{address.query}", scope, send, [Link("successor-version", path)])


async def _redirect(status: int, location: str, scope: Scope, send: Send, links: list[Link]) -> None:
    await send_redirect(scope, send, status, location, {"Cache-Control": "no-cache", **_header(links)})


async def _exists(service: Service, iri: str, explained: Callable[[QueryError], QueryError]) -> None:
    """Raise the problem of an IRI that nothing is known of, as it is explained; what is there is remembered."""
    key = cache_key(service, "exists", iri)
    if service.cache.get(key) is None:
        release = service.release_id
        try:
            answer = await service.data.run(Request("", (), (), describe=iri))
        except QueryError as found:
            raise from_query_error(explained(found)) from found
        answer.close()
        if release == service.release_id:
            service.cache.put(key, Response(303, [], b"").encoded(takes_gzip=False))


async def _read(scope: Scope, send: Send) -> Address | None:
    """Read the address; one that is not written in the canonical way is redirected, and None returned."""
    decoded: str = scope["path"]
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    names = decoded.split("/")[1:]
    if (
        len(decoded) > limits.PATH
        or not all(names)
        or {".", ".."} & set(names)
        or re.search("[\x00-\x1f\x7f\ufffd]", decoded)
    ):
        raise problem("not-found", f"There is nothing at {decoded[:200]}. No address of a thing is written so.")
    composed = compose(decoded)
    canonical = quote(composed, safe=_SAFE)
    if scope["raw_path"].decode("latin-1") != canonical:
        await _redirect(301, canonical + query, scope, send, [])
        return None
    path, whole, suffix = canonical, composed, ""
    if match := _SUFFIX.fullmatch(composed):
        whole, suffix = match.groups()
        path = canonical.removesuffix(f".{suffix}")
    return Address(path, whole, _format(scope, suffix), _page(scope), query)


def _format(scope: Scope, suffix: str) -> str:
    """Read `format=`, which means what the same word means as a suffix."""
    given = read_format(read_pairs(scope["query_string"]))
    if given is None:
        return suffix
    wanted = named_format(given)
    found = next((name for name in FORMATS if SHORT_NAMES[name] == wanted), "")
    if not found or found != (suffix or found):
        said = f" and .{suffix}" if suffix else ""
        raise problem("bad-request", f"format={given[:50]}{said}: there is no such document. Use one of {_NAMES}.")
    return found


def _page(scope: Scope) -> int:
    given = [value for name, value in read_pairs(scope["query_string"]) if name == "page"]
    if not given:
        return 1
    if not re.fullmatch("[1-9][0-9]{0,5}", given[-1]):
        raise problem("bad-request", f"page={given[-1][:50]} is no number of a page. Pages count from 1.")
    return int(given[-1])


class _Description(Prepared):
    """The description of a thing, in one format."""

    def __init__(self, scope: Scope, address: Address, iri: str = "") -> None:
        accept = SHORT_NAMES[address.suffix] if address.suffix else header(scope, b"accept")
        asked_by = repr(("thing", address.path, address.suffix, address.page))
        super().__init__(scope, "", accept, ((), GRAPH_OFFERS), asked_by=asked_by)
        # People see all of a thing on one page, programs a large description page by page, and a graph whole.
        self.at = replace(address, page=1) if self.is_page else address
        self.iri, self.pages = address.iri, 1
        described = iri or self.iri
        number = 0 if self.is_page or described.startswith(GRAPH) else address.page
        # A general name says less of a document than is known of it.
        self.graphs = tuple(GRAPH_ALIASES[each] if each in RESULT_ALIASES else each for each in self.graphs)
        wanted = tuple(GRAPH_ALIASES.get(each, each) for each in self.graphs[:1])
        context = self.service.context if wanted == (jsonld.MEDIA_TYPE,) else ""
        self.request = Request("", (), wanted, describe=described, page=number, context=context)
        self.reader = replace(self.reader, here=self.at.located())

    def address(self, format_: str = "") -> str:
        return self.at.located(format_)

    async def make(self) -> Encoded | Answer:
        """Give the description, or the page, which asks for no more of it than whether there is one."""
        if not self.is_page:
            return await super().make()
        await _exists(self.service, self.request.describe, self.explained)
        return await self.finished(await self.view()).encode(takes_gzip=self.gzip)

    async def page(self, answer: Answer) -> Response:  # noqa: ARG002 - no page is made of a description
        return await self.view()

    async def view(self) -> Response:
        """Make what people see."""
        return await thing_page(self.service, self.iri, self.reader, self.all_links())

    def headers(self, answer: Answer) -> dict[str, str]:
        self.pages = answer.pages
        return super().headers(answer)

    def links(self) -> dict[str, str]:
        return _header(list(self.all_links()))

    def all_links(self) -> Iterator[Link]:
        """List what belongs to the document."""
        yield Link("canonical", f"{BASE}{self.at.located().removeprefix('/')}")
        for suffix, title in FORMATS.items():
            yield Link("alternate", self.at.located(suffix), SHORT_NAMES[suffix], title)
        if self.is_page:
            yield Link("describedby", self.at.located("ttl"), SHORT_NAMES["ttl"])
        yield Link("describedby", "/.well-known/void")
        yield from _general_links(self.iri)
        for rel, number in (("prev", self.at.page - 1), ("next", self.at.page + 1)):
            if self.request.page and 1 <= number <= self.pages:
                yield Link(rel, self.at.located(self.at.suffix, number))

    def explained(self, found: QueryError) -> QueryError:
        return _with_addresses(found)


class _Ontology(_Description):
    """The ontology: the graph that holds it, under its own name or its version's."""

    def __init__(self, scope: Scope, address: Address) -> None:
        super().__init__(scope, replace(address, page=1), f"{GRAPH}ontology")
        self.request = replace(self.request, page=0)
        self.version = ""

    @property
    def is_versioned(self) -> bool:
        """Tell whether one version is asked for by its number."""
        return self.iri != ONTOLOGY_IRI

    async def make(self) -> Encoded | Answer:
        """Give the ontology if it is the version that is asked for."""
        self.version = self.service.catalogue.ontology_version
        if self.is_versioned and self.version != self.iri:
            have = f" The version here is {self.version}." if self.version else ""
            raise problem("not-found", f"There is no {self.iri} here.{have}")
        return await super().make()

    def explained(self, found: QueryError) -> QueryError:
        if found.kind != "not-found":
            return found
        return QueryError("not-found", 404, "The data that are served here come without the ontology.")

    async def view(self) -> Response:
        return await ontology_page(self.service, self.reader, list(self.all_links()))

    def all_links(self) -> Iterator[Link]:
        """List what belongs to the document, its version included."""
        yield from super().all_links()
        yield Link("latest-version", "/ontology")
        if self.version:
            yield Link(_VERSION_IRI, local_path(self.version))

    def _caching(self) -> str:
        return IMMUTABLE if self.is_versioned else super()._caching()


def _general_links(iri: str) -> list[Link]:
    return [Link("license", LICENCE), Link("cite-as", quote(iri, safe=_SAFE + "#%"))]


def _header(links: list[Link]) -> dict[str, str]:
    return {"Link": ", ".join(link.written() for link in links)} if links else {}


def _with_addresses(found: QueryError) -> QueryError:
    if "near" not in found.extra:
        return found
    extra = {**found.extra, "near": [{"iri": iri, "address": local_path(iri)} for iri in found.extra["near"]]}
    return QueryError(found.kind, found.status, found.detail, extra)
