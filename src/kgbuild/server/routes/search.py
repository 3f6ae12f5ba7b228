"""`/search`: all names, in all scripts, as a page or as JSON; and its description for browsers (OpenSearch 1.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from starlette.types import Receive, Scope, Send

from kgbuild.search import KINDS
from kgbuild.search.query import Found, Hit
from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.answers import document, send_response
from kgbuild.server.exchange.cache_keys import request_key
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader, reader_of
from kgbuild.server.http.negotiation import HTML, VARY, best, takes_gzip
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response, header
from kgbuild.server.pages.rendering import best_label, local_path, page, write_address

JSON: Final = "application/json"
LONGEST: Final = 200
"""Characters of a query."""
PAGE: Final = 20
"""Results on a page."""
LAST_PAGE: Final = 10
_FORMATS: Final = {"json": JSON, "html": HTML}


@dataclass(frozen=True)
class SearchRequest:
    """A request, read."""

    query: str = ""
    kind: str = ""
    """"" for all kinds."""
    page: int = 1
    format: str = ""
    language: str = ""
    """As `lang=` says it; links carry it on."""

    def address(self, **changes: Any) -> str:
        """Write where the same can be asked, with changes, relative to the server."""
        asked = replace(self, **changes)
        pairs = [("q", asked.query), ("kind", asked.kind), ("page", str(asked.page) if asked.page > 1 else "")]
        return write_address("/search", [*pairs, ("lang", asked.language), ("format", asked.format)])


async def search(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer a search."""
    service: Service = scope["service"]
    asked, reader = read_request(scope["query_string"]), reader_of(scope)
    accept = _FORMATS[asked.format] if asked.format else header(scope, b"accept")
    media_type = best(accept, (JSON, HTML))
    if media_type is None:
        raise problem("not-acceptable", "A search is answered as JSON or as a page.", available=[JSON, HTML])
    if media_type == JSON and not asked.query:
        raise problem("bad-request", "What to search for is missing: /search?q=WORDS.")
    searcher = service.searcher
    found = await searcher.find(asked.query, asked.kind) if asked.query else Found()
    response = _as_json if media_type == JSON else _as_page
    answer = response(asked, found, reader, service)
    encoded = await answer.encode(takes_gzip=takes_gzip(header(scope, b"accept-encoding")))
    if service.searcher is searcher and asked.query:  # a release that came meanwhile answers otherwise
        service.cache.put(request_key(service, scope), encoded)
    await encoded.send(scope["method"], header(scope, b"if-none-match"), send)


def read_request(query_string: bytes) -> SearchRequest:
    """Read the parameters; raises a problem for those that cannot be meant."""
    try:
        pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=20)
    except ValueError as many:
        raise problem("bad-request", "The address has too many parameters.") from many
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given and name != "lang":
            raise problem("bad-request", f"'{name[:20]}' is given twice. Give it once.")
        given[name] = value
    query = " ".join(given.get("q", "").split())
    if len(query) > LONGEST:
        detail = f"What is searched for has {len(query):,} characters. Search for at most {LONGEST}."
        raise problem("bad-request", detail)
    kind, number, format_ = given.get("kind", ""), given.get("page") or "1", given.get("format", "")
    if kind and kind not in KINDS:
        raise problem("bad-request", f"There is no kind '{kind[:40]}'. Kinds are {', '.join(KINDS)}.")
    if not (number.isascii() and number.isdigit() and 1 <= int(number[:4]) <= LAST_PAGE and len(number) < 4):
        raise problem("bad-request", f"'page' is a number from 1 to {LAST_PAGE}.")
    if format_ and format_ not in _FORMATS:
        raise problem("bad-request", f"There is no format '{format_[:20]}'. Formats are json and html.")
    return SearchRequest(query, kind, int(number), format_, given.get("lang", "")[:20])


def _as_json(asked: SearchRequest, found: Found, reader: Reader, service: Service) -> Response:
    addresses = _neighbours(asked, found)
    said = {
        "query": asked.query,
        "kind": asked.kind or None,
        "release": service.release_id,
        "total": len(found.hits),
        "more": found.more,
        "didYouMean": found.instead or None,
        "page": asked.page,
        "pages": _pages(found),
        **addresses,
        "results": [_hit_json(hit, reader) for hit in _shown(asked, found)],
    }
    body = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
    linked = {"Link": ", ".join(f'<{path}>; rel="{name}"' for name, path in addresses.items())} if addresses else {}
    return document("application/json; charset=utf-8", body, {"Vary": VARY, **linked})


def _hit_json(hit: Hit, reader: Reader) -> dict[str, Any]:
    text, language = best_label(hit.labels, reader)
    return {
        "iri": hit.iri,
        "page": local_path(hit.iri),
        "kind": hit.kind,
        "label": {"text": text or hit.text, "language": language if text else hit.language},
        "name": {"text": hit.text, "language": hit.language, "kind": hit.name_kind},
        "match": hit.match,
    }


def _as_page(asked: SearchRequest, found: Found, reader: Reader, service: Service) -> Response:
    neighbours = _neighbours(asked, found)
    return page(
        "search.html",
        reader,
        asked=asked,
        hits=_shown(asked, found),
        total=len(found.hits),
        more=found.more,
        instead=found.instead,
        kinds=[kind for kind in KINDS if kind in service.searcher.kinds],
        previous=neighbours.get("prev", ""),
        next=neighbours.get("next", ""),
        pages=_pages(found),
        first=(asked.page - 1) * PAGE + 1,
        longest=LONGEST,
        as_json=asked.address(format="json"),
        release=service.release_id,
    )


def _pages(found: Found) -> int:
    return max(1, -(-len(found.hits) // PAGE))


def _neighbours(asked: SearchRequest, found: Found) -> dict[str, str]:
    numbers = {"next": asked.page + 1 if asked.page < _pages(found) else 0, "prev": asked.page - 1}
    return {name: asked.address(page=number) for name, number in numbers.items() if number}


def _shown(asked: SearchRequest, found: Found) -> tuple[Hit, ...]:
    return found.hits[(asked.page - 1) * PAGE : asked.page * PAGE]


async def opensearch(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Tell browsers how to search here."""
    service: Service = scope["service"]
    public = escape(address(service, scope), {'"': "&quot;"})
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">\n'
        "<ShortName>ICN</ShortName>\n"
        "<Description>Names in the Intergovernmental Cooperation Networks knowledge graph</Description>\n"
        "<InputEncoding>UTF-8</InputEncoding>\n"
        f'<Url type="text/html" template="{public}/search?q={{searchTerms}}&amp;page={{startPage?}}"/>\n'
        f'<Url type="application/json" template="{public}/search?q={{searchTerms}}&amp;page={{startPage?}}'
        '&amp;format=json"/>\n'
        "</OpenSearchDescription>\n"
    )
    media_type = "application/opensearchdescription+xml; charset=utf-8"
    await send_response(scope, document(media_type, body, {"Vary": "Accept-Encoding, Host"}), send)
