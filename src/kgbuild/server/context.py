"""The JSON-LD context (https://www.w3.org/TR/json-ld11/) of our prefixes and properties, made from the ontology.

Names are those of Turtle, `icn:joined` and `network:x`: bare ones would clash, since `institution` is a prefix of IRIs
and a property as well.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from kgbuild import __version__
from kgbuild.namespaces import EXTERNAL, LICENCE, ONTOLOGY, PREFIXES, shorten
from kgbuild.server.answering import send_response
from kgbuild.server.negotiation import VARY, best
from kgbuild.server.problems import problem
from kgbuild.server.responses import Response, header, header_lines
from kgbuild.server.service import Service, table
from kgbuild.server.things import IMMUTABLE, ontology_version

PATH: Final = "/context.jsonld"
TYPES: Final = ("application/ld+json", "application/json")
_DATES: Final = ("beganBy", "beganNotBefore", "earliest", "endedBy", "endedNotBefore", "latest")
"""Properties of dates: the ontology gives them no range, since HermiT aborts on date datatypes."""
_PROPERTIES: Final = f"""SELECT ?p ?kind ?range {{
  VALUES ?kind {{ owl:ObjectProperty owl:DatatypeProperty }} ?p a ?kind OPTIONAL {{ ?p rdfs:range ?range }}
  FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}")) }} ORDER BY ?p ?range"""


async def give_context(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Give the context, now or under the number of the ontology's version."""
    service: Service = scope["service"]
    media_type = best(header(scope, b"accept"), TYPES)
    if media_type is None:
        raise problem("not-acceptable", f"Available: {', '.join(TYPES)}.", available=list(TYPES))
    version = (await ontology_version(service)).rpartition("/")[2]
    numbered = f"/context/{version}.jsonld"
    if scope["path"] not in (PATH, numbered):
        have = f" That of the ontology here is {numbered}." if version else ""
        raise problem("not-found", f"There is no context at {scope['path'][:200]}.{have}")
    links = [f'<{PATH}>; rel="latest-version"', f'<{LICENCE}>; rel="license"', '</ontology>; rel="describedby"']
    headers = {
        "Content-Type": media_type,
        "Vary": VARY,
        "Cache-Control": IMMUTABLE if scope["path"] == numbered else "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Link": ", ".join(links),
        **({"Content-Location": numbered} if version else {}),
    }
    await send_response(scope, Response(200, header_lines(headers), await _body(service)), send)


async def _body(service: Service) -> bytes:
    """Write the context, once for each release."""
    key = blake2b(repr((service.release_id, __version__, "context")).encode()).digest()
    kept = service.cache.get(key)
    if kept is None:
        release = service.release_id
        context = make_context(await table(service, _PROPERTIES))
        body = (json.dumps({"@context": context}, ensure_ascii=False, indent=2) + "\n").encode()
        kept = Response(200, [], body).encoded(takes_gzip=False)
        if release == service.release_id:
            service.cache.put(key, kept)
    return kept.body


def make_context(properties: list[dict[str, dict[str, str]]]) -> dict[str, Any]:
    """Make the context from rows of property, its kind, and its range if it has one."""
    context: dict[str, Any] = {"@version": 1.1, **dict(sorted(PREFIXES.items()))}
    for row in properties:
        range_ = row.get("range", {"value": ""})["value"]
        if row["kind"]["value"] == EXTERNAL["owl"] + "ObjectProperty":
            context[shorten(row["p"]["value"])] = {"@id": row["p"]["value"], "@type": "@id"}
        elif range_.startswith(EXTERNAL["xsd"]) and range_ != EXTERNAL["xsd"] + "string":
            context[shorten(row["p"]["value"])] = {"@id": row["p"]["value"], "@type": range_}
    for name in _DATES if properties else ():
        context[f"icn:{name}"] = {"@id": f"{ONTOLOGY}{name}", "@type": EXTERNAL["xsd"] + "date"}
    return context
