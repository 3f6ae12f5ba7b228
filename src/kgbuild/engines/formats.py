"""Formats of answers: media types, and what writes them."""

from __future__ import annotations

from typing import Final

from pyoxigraph import QueryResultsFormat, RdfFormat

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
