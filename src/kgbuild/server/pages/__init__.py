"""Pages of things: each is a list of sections that one look-up makes, and that `thing.html` writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote, urlencode

from kgbuild.core.namespaces import BASE, ID
from kgbuild.server.exchange.lookups import drive
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.responses import Response
from kgbuild.server.pages import articles, references, things
from kgbuild.server.pages.layout import Page
from kgbuild.server.pages.rendering import local_path, page
from kgbuild.server.pages.terms import Terms, terms_of
from kgbuild.sparql.lookups import LookUp

View = Callable[[str, Reader, Terms], LookUp[Page]]

VIEWS: Final[dict[str, View]] = {
    "article": articles.article,
    "claim": articles.claim,
    "date": references.date,
    "disagreement": references.disagreement,
    "graph": references.graph,
    "vocabulary": references.concept,
}
"""The first part of an IRI after id/, or after the base -> what makes its page; `things.thing` makes any other."""
FORMATS: Final = {"Turtle": "ttl", "N-Triples": "nt", "JSON-LD": "jsonld", "RDF/XML": "rdf"}


def view_of(node: str) -> View:
    """Choose what makes the page of a thing, by its IRI."""
    rest = node.removeprefix(ID) if node.startswith(ID) else node.removeprefix(BASE)
    kind, _, slug = rest.partition("/")
    is_part = "#" in slug  # the target of a claim, or the place of one
    return VIEWS.get(kind, things.thing) if slug and not is_part else things.thing


async def thing_page(service: Service, node: str, reader: Reader, links: Iterable[Any]) -> Response:
    """Make the page of a thing; `links` stand in its head."""
    return await drive(service, _written(node, reader, await terms_of(service), tuple(links), service.release_id))


def _written(node: str, reader: Reader, terms: Terms, links: Iterable[Any], release: str) -> LookUp[Response]:
    made = yield from view_of(node)(node, reader, terms)
    yield ()
    return write_page(made, reader, links, release)


def write_page(made: Page, reader: Reader, links: Iterable[Any], release: str) -> Response:
    """Write the page of a thing."""
    bare = local_path(made.thing).partition("#")[0]
    return page(
        "thing.html",
        reader,
        made=made,
        links=links,
        formats=[(name, f"{bare}.{end}") for name, end in FORMATS.items()],
        query="/sparql?" + urlencode({"query": f"DESCRIBE <{made.thing}>"}, quote_via=quote),
        release=release,
    )
