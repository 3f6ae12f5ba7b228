"""Pages of things: each kind has a view, which chooses what is shown; `thing.html` and `parts.html` write it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, quote, urlencode

from pyoxigraph import Quad, Store
from starlette.types import Scope

from kgbuild.namespaces import BASE, ID
from kgbuild.server.languages import Reader
from kgbuild.server.negotiation import SHORT_NAMES
from kgbuild.server.rendering import best_label, local_path, page, translations_of
from kgbuild.server.responses import Response
from kgbuild.server.service import Service
from kgbuild.server.views import actors, generic, others, told
from kgbuild.server.views.graph import Described, Thing
from kgbuild.server.views.kinds import KIND_NAMES
from kgbuild.server.views.layout import Page
from kgbuild.server.views.more import whole
from kgbuild.server.views.schema import described_for_search

View = Callable[[Described], Page]

VIEWS: Final[dict[str, View]] = {
    "institution": actors.institution,
    "network": actors.network,
    "person": actors.person,
    "place": others.place,
    "programme": others.programme,
    "state": actors.state,
    "territory": actors.state,
}
"""The part of an IRI after id/ -> the view; any other thing has the generic one."""
FORMATS: Final = {"Turtle": "ttl", "N-Triples": "nt", "JSON-LD": "jsonld", "RDF/XML": "rdf"}


@dataclass(frozen=True, slots=True)
class About:
    """What the frame of a page says of the thing: addresses, formats, page numbers."""

    thing: Thing
    title: str
    canonical: str
    alternates: tuple[tuple[str, str], ...]
    formats: tuple[tuple[str, str], ...]
    query: str
    schema: dict[str, object]
    page: int
    pages: int
    path: str
    chosen: str

    def page_address(self, number: int) -> str:
        """Write the address of another page of this thing."""
        parameters = {**({"page": number} if number > 1 else {}), **({"lang": self.chosen} if self.chosen else {})}
        return self.path + (f"?{urlencode(parameters)}" if parameters else "")


async def thing_page(scope: Scope, iri: str, described: Store, reader: Reader) -> Response:
    """Make the page of a thing from its description; made in a thread, since a large one takes a while."""
    service: Service = scope["service"]
    number = _page_number(scope)
    if teller := told.teller_of(iri):
        template, values = await teller(service, iri, reader, number)
        made = Page((), values.pop("data", {}))
        about = _about(Described(iri, described), made, reader, (number, 1), service.settings.public_url)
        values.update(about=about, kind_names=KIND_NAMES, release=service.release_id, links=scope["links"])
        return await asyncio.to_thread(lambda: page(template, reader, **values))
    quads, pages = await whole(service, iri, described, number)
    return await asyncio.to_thread(
        make_page, iri, quads, reader, (number, pages), service.release_id, service.settings.public_url
    )


def make_page(
    iri: str, described: Iterable[Quad], reader: Reader, numbers: tuple[int, int], release: str, public_url: str
) -> Response:
    """Make the page of a thing from its description; `numbers` are this page's and the last one's."""
    graph = Described(iri, described)
    made = view_of(iri)(graph)
    about = _about(graph, made, reader, numbers, public_url)
    shown = set(graph.labels(iri).values())
    names = [text for text in graph.texts(iri, "rdfs:label", "skos:altLabel") if text.text not in {about.title}]
    return page(
        made.template,
        reader,
        about=about,
        sections=made.sections,
        names=names if shown else [],
        kind_names=KIND_NAMES,
        release=release,
        **made.values,
    )


def view_of(iri: str) -> View:
    """Choose the view of a thing by its IRI."""
    kind = iri[len(ID) :].partition("/")[0] if iri.startswith(ID) else iri.removeprefix(BASE).partition("/")[0]
    return VIEWS.get(kind, generic.view)


def _page_number(scope: Scope) -> int:
    texts = parse_qs(scope["query_string"].decode("latin-1")).get("page", [])
    return int(texts[-1]) if texts and texts[-1].isascii() and texts[-1].isdecimal() and len(texts[-1]) < 7 else 1


def _about(graph: Described, made: Page, reader: Reader, numbers: tuple[int, int], public_url: str) -> About:
    thing = graph.thing(graph.iri)
    path = local_path(graph.iri)
    kind = translations_of(reader.interface).gettext(KIND_NAMES[thing.kind]) if thing.kind else ""
    title = best_label(thing.labels, reader)[0] or (f"{kind} {thing.slug}".strip())
    bare = path.partition("#")[0]
    formats = [(name, f"{bare}.{end}") for name, end in FORMATS.items()]
    types = [(SHORT_NAMES[end], address) for (_, address), end in zip(formats, FORMATS.values(), strict=True)]
    return About(
        thing,
        title,
        f"{public_url.rstrip('/')}{bare}" if public_url else "",
        tuple(types),
        tuple(formats),
        "/sparql?" + urlencode({"query": f"DESCRIBE <{graph.iri}>"}, quote_via=quote),
        described_for_search(graph, made.schema),
        *numbers,
        bare,
        reader.chosen,
    )
