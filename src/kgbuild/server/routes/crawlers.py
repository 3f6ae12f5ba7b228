"""What crawlers read: robots.txt (RFC 9309) and the sitemap (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

import asyncio
import re
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from starlette.types import Receive, Scope, Send

from kgbuild.core.namespaces import ID
from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.answers import document
from kgbuild.server.exchange.kept_documents import send_kept
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.rendering import local_path

PART: Final = 50_000
"""Addresses in a part of the sitemap: as many as the protocol allows."""
CLOSED: Final = ("/sparql", "/search", "/questions/*?", "/metrics")
"""What crawlers are kept off: what is made anew for each question."""
_PAGES: Final = ("/", "/dataset", "/questions/", "/about/persons", "/ontology", "/shapes", "/releases/")
"""What is always there; the last three are there with an ontology, and with releases."""
_THINGS: Final = f"""{{ SELECT DISTINCT ?s {{ ?s ?p ?o
  FILTER (isIRI(?s) && STRSTARTS(STR(?s), "{ID}") && REGEX(SUBSTR(STR(?s), {len(ID) + 1}), "^[^/#?]+(/[^/#?]+)+$"))
  FILTER (!REGEX(STR(?s), "%|/[.][.]?(/|$)|[.](ttl|nt|jsonld|rdf|trig|html)$"))
  FILTER NOT EXISTS {{ ?s owl:deprecated true }} }} }}"""
"""What has a document under its own name: no part of another thing, no retired id, no IRI that reads otherwise."""
_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"


async def robots(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /robots.txt."""
    public = address(scope["service"], scope)
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED), "", f"Sitemap: {public}/sitemap.xml", ""]

    async def make() -> Response:
        return document("text/plain; charset=utf-8", "\n".join(lines))

    await send_kept(scope, send, make)


async def sitemap(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /sitemap.xml: an index of the parts."""
    service: Service = scope["service"]
    public = address(service, scope)

    async def make() -> Response:
        parts = await _parts(service)
        entries = "".join(f"<sitemap><loc>{escape(public)}/sitemap-{n}.xml</loc></sitemap>\n" for n in range(parts))
        return _xml("sitemapindex", entries)

    await send_kept(scope, send, make)


async def sitemap_part(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /sitemap-<number>.xml: up to 50,000 addresses of pages, each thing once."""
    service: Service = scope["service"]
    name, public = scope["path_params"]["number"], address(service, scope)
    if not re.fullmatch("0|[1-9][0-9]{0,5}", name) or (number := int(name)) >= await _parts(service):
        raise problem("not-found", f"The sitemap has no part {name[:20]}. /sitemap.xml lists its parts.")

    async def make() -> Response:
        most = PART - len(_PAGES)
        query = f"SELECT ?s {{ {_THINGS} }} ORDER BY ?s LIMIT {most} OFFSET {number * most}"
        things = (await service.data.select(query)).records()
        paths = [*(_pages(service) if number == 0 else ()), *(local_path(row["s"].value) for row in things)]
        return await asyncio.to_thread(_part, public, paths)

    await send_kept(scope, send, make)


async def _parts(service: Service) -> int:
    """Count the parts: at least one, for the pages that are always there."""
    counting = f"SELECT (COUNT(*) AS ?n) {{ {_THINGS} }}"
    found = await service.shared(("things", service.release_id), lambda: service.data.select(counting))
    return max(1, -(-int(found.records()[0]["n"].value) // (PART - len(_PAGES))))


def _pages(service: Service) -> list[str]:
    releases, ontology = service.settings.has_releases, bool(service.catalogue.reference.terms)
    there = {"/ontology": ontology, "/shapes": releases and ontology, "/releases/": releases}
    return [path for path in _PAGES if there.get(path, True)]


def _part(public: str, paths: list[str]) -> Response:
    # The protocol wants what is no ASCII percent-encoded; what is so already stays.
    addresses = (escape(public + quote(path, safe="/:@!$&'()*+,;=~-._%?")) for path in paths)
    return _xml("urlset", "".join(f"<url><loc>{address}</loc></url>\n" for address in addresses))


def _xml(root: str, entries: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_NAMESPACE}">\n{entries}</{root}>\n'
    return document("application/xml; charset=utf-8", text)
