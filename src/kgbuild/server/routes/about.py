"""Whom to turn to: the persons in the data, and faults of security (https://www.rfc-editor.org/rfc/rfc9116)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from pyoxigraph import Store
from starlette.types import Receive, Scope, Send

from kgbuild.build.catalogue.descriptions import PUBLISHER
from kgbuild.core.namespaces import ONTOLOGY
from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.answers import document, send_response
from kgbuild.server.exchange.kept_documents import send_kept
from kgbuild.server.exchange.lookups import drive
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader, reader_of
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.reading import Reading
from kgbuild.server.pages.rendering import page
from kgbuild.server.pages.terms import Terms, terms_of
from kgbuild.sparql.lookups import LookUp, select

_KINDS: Final = f"""SELECT ?p (COUNT(DISTINCT ?person) AS ?persons) (COUNT(*) AS ?facts) {{
  ?person a icn:Person . {{ ?person ?p ?other }} UNION {{ ?other ?p ?person }}
  FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}") && ?p NOT IN (icn:claims, icn:statedIn))
}} GROUP BY ?p ORDER BY DESC(?facts) ?p"""


async def persons(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /about/persons: how many persons there are, what is kept of them, and how they object."""
    service: Service = scope["service"]
    reader = reader_of(scope)

    async def make() -> Response:
        return await drive(service, _made(reader, await terms_of(service)))

    await send_kept(scope, send, make, reader.here)


def _made(reader: Reader, terms: Terms) -> LookUp[Response]:
    (counted,) = yield from select("SELECT (COUNT(DISTINCT ?person) AS ?n) { ?person a icn:Person }")
    rows = yield from select(_KINDS)
    reading = Reading(reader, terms, Store(), {})
    kinds = [
        (reading.heading(row["p"].value), int(row["persons"].value), int(row["facts"].value))
        for row in rows
        if "p" in row
    ]
    return page("persons.html", reader, total=int(counted["n"].value), kinds=kinds, publisher=PUBLISHER)


async def security_text(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /.well-known/security.txt, where whoever runs the server has said whom to tell."""
    service: Service = scope["service"]
    told = service.settings.security
    if told is None or told.expires <= datetime.now(UTC).date():
        raise problem("not-found", "Whoever runs this server has not said whom to tell of faults of its security.")
    lines = [
        *(f"Contact: {each}" for each in told.contacts),
        f"Expires: {told.expires.isoformat()}T00:00:00Z",
        "Preferred-Languages: en, ru",
        f"Canonical: {address(service, scope, '/.well-known/security.txt')}",
        "",
    ]
    await send_response(scope, document("text/plain; charset=utf-8", "\n".join(lines)), send)
