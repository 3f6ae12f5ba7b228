"""Formats of answers: media types, and what writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pyoxigraph import QueryResultsFormat, RdfFormat, Triple, serialize

from kgbuild.sparql import jsonld

RESULTS: Final = {
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "text/csv": QueryResultsFormat.CSV,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}
"""Of SELECT and ASK; the first one is sent where anything goes."""
GRAPHS: Final = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "application/trig": RdfFormat.TRIG,
}
"""Of CONSTRUCT and DESCRIBE."""
READ_GRAPHS: Final = {
    "text/turtle": RdfFormat.TURTLE,
    "application/x-turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "text/plain": RdfFormat.N_TRIPLES,
}
"""Of other servers' answers: what their media types mean."""
FORMATS_NAMESPACE: Final = "http://www.w3.org/ns/formats/"
FORMAT_NAMES: Final = {
    **{media_type: results.iri.rpartition("/")[2] for media_type, results in RESULTS.items()},
    **{media_type: graphs.iri.rpartition("/")[2] for media_type, graphs in GRAPHS.items()},
}
"""Media type -> its name in https://www.w3.org/ns/formats/."""
WITH_PREFIXES: Final = frozenset({"text/turtle", "application/trig", "application/rdf+xml"})
RESULT_ALIASES: Final = {
    "application/json": "application/sparql-results+json",
    "application/xml": "application/sparql-results+xml",
    "text/xml": "application/sparql-results+xml",
}
GRAPH_ALIASES: Final = {
    "application/json": "application/ld+json",
    "application/xml": "application/rdf+xml",
    "text/xml": "application/rdf+xml",
    "text/plain": "application/n-triples",
    "application/x-turtle": "text/turtle",
}
"""Media types that clients ask for, and what they are sent: a general one means that of the query's form."""
NOT_FOR_ASK: Final = frozenset({"text/csv", "text/tab-separated-values"})
"""https://www.w3.org/TR/sparql11-results-csv-tsv/ has no form for a boolean."""
EXTENSIONS: Final = {
    ".ttl": RdfFormat.TURTLE,
    ".nt": RdfFormat.N_TRIPLES,
    ".nq": RdfFormat.N_QUADS,
    ".trig": RdfFormat.TRIG,
    ".rdf": RdfFormat.RDF_XML,
    ".owl": RdfFormat.RDF_XML,
    ".xml": RdfFormat.RDF_XML,
    ".jsonld": RdfFormat.JSON_LD,
}
"""End of a file's name -> the RDF in it."""
CHARSET: Final = frozenset({"text/csv", "text/plain", "text/tab-separated-values", "text/turtle"})


def content_type(media_type: str) -> str:
    """Write a media type as a header does: with its charset where text has one.

    >>> content_type("text/csv")
    'text/csv; charset=utf-8'
    """
    return f"{media_type}; charset=utf-8" if media_type in CHARSET else media_type


def write_graph(triples: Iterable[Triple], media_type: str, prefixes: Mapping[str, str]) -> bytes:
    """Write a small graph with those prefixes where the format has them."""
    if media_type == jsonld.MEDIA_TYPE:
        parts: list[bytes] = []
        jsonld.write(triples, jsonld.Context(prefixes, {}), parts.append)
        return b"".join(parts)
    listed = dict(prefixes) if media_type in WITH_PREFIXES else None
    return serialize(triples, format=GRAPHS[media_type], prefixes=listed) or b""
