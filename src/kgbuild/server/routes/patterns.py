"""The patterns of the ontology: for people each on a page with its diagram, for programs as RDF."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace

from pyoxigraph import RdfFormat, parse
from starlette.types import Receive, Scope, Send

from kgbuild.build.patterns import Pattern
from kgbuild.core.namespaces import ONTOLOGY, PREFIXES, expand
from kgbuild.server.exchange.answers import document
from kgbuild.server.exchange.kept_documents import alternates, asked_format, send_kept
from kgbuild.server.exchange.lookups import drive
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader, reader_of
from kgbuild.server.http.negotiation import HTML, VARY
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.ontology import draw_class
from kgbuild.server.pages.rendering import page
from kgbuild.sparql.formats import GRAPH_ALIASES, content_type, write_graph
from kgbuild.sparql.lookups import Bindings, LookUp, select


async def give_pattern(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /ontology/patterns/<name>."""
    service: Service = scope["service"]
    name = scope["path_params"]["name"]
    found = next((each for each in service.catalogue.patterns if each.name == name), None)
    if found is None:
        raise problem("not-found", f"There is no pattern '{name[:100]}'. /ontology lists those of the release.")
    media_type, path = asked_format(scope), f"/ontology/patterns/{name}"
    headers = {"Vary": VARY, "Link": alternates(path)}

    async def make() -> Response:
        if media_type == HTML:
            rows = await drive(service, _labels(found))
            reader = replace(reader_of(scope), here=path)
            return await asyncio.to_thread(_page, service, found, rows, reader, headers)
        triples = (quad.triple for quad in parse(found.turtle, format=RdfFormat.TURTLE))
        body = write_graph(triples, GRAPH_ALIASES.get(media_type, media_type), PREFIXES)
        return document(content_type(media_type), body, headers)

    await send_kept(scope, send, make, media_type)


def _labels(pattern: Pattern) -> LookUp[Bindings]:
    things = " ".join(f"<{expand(name)}>" for name in pattern.examples)
    return (yield from select(f"SELECT ?x ?label {{ VALUES ?x {{ {things} }} ?x rdfs:label ?label }}"))


def _page(service: Service, pattern: Pattern, rows: Bindings, reader: Reader, headers: dict[str, str]) -> Response:
    labels: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        labels[row["x"].value][row["label"].language] = row["label"].value
    reference = service.catalogue.reference
    shown = reference.terms.get(ONTOLOGY + pattern.shows)
    return page(
        "pattern.html",
        reader,
        headers=headers,
        pattern=pattern,
        diagram=draw_class(reference, reader, shown) if shown else "",
        examples=[(name, expand(name), labels[expand(name)]) for name in pattern.examples],
        question=service.settings.questions.get(pattern.question),
    )
