"""Content negotiation (https://www.rfc-editor.org/rfc/rfc9110#section-12): what a client takes, best first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from werkzeug.datastructures import Accept, MIMEAccept
from werkzeug.http import parse_accept_header

from kgbuild.sparql.formats import GRAPH_ALIASES, GRAPHS, RESULT_ALIASES, RESULTS

HTML: Final = "text/html"
PROBLEM: Final = "application/problem+json"
VARY: Final = "Accept, Accept-Language, Accept-Encoding"
"""What answers depend on where pages are among them; a cache then never hands a page to a program."""
SHORT_NAMES: Final = {
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "ttl": "text/turtle",
    "nt": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdf": "application/rdf+xml",
    "trig": "application/trig",
    "html": HTML,
}
"""Values of `format=`: for links and spreadsheets, which cannot set a header."""
_OTHER_NAMES: Final = {"turtle": "ttl", "n3": "ttl", "ntriples": "nt", "n-triples": "nt", "json-ld": "jsonld"}
"""What clients write there by themselves, beside media types: SPARQLWrapper does, in every request."""


def fitting(accept: str | None, offered: tuple[str, ...]) -> tuple[str, ...]:
    """List the media types offered that fit an Accept header, best first; no header takes anything.

    Of equal quality, the one offered first is better; `q=0` refuses.

    >>> fitting("text/csv, */*;q=0.1", ("text/turtle", "text/csv")), fitting("text/turtle;q=0", ("text/turtle",))
    (('text/csv', 'text/turtle'), ())
    """
    if accept is None or not accept.strip():
        return offered
    return _fitting(accept, offered)


# Clients send the same few headers all the time, and reading one costs as much as a small query.
@lru_cache(maxsize=1024)
def _fitting(accept: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    # Without parameters: a range with a charset or a version means the type that we have all the same.
    read = MIMEAccept([(name.partition(";")[0].strip(), q) for name, q in parse_accept_header(accept, MIMEAccept)])
    rated = [(-read.quality(media_type), i, media_type) for i, media_type in enumerate(offered)]
    return tuple(media_type for quality, _, media_type in sorted(rated) if quality < 0)


def named_format(name: str) -> str | None:
    """Read a value of `format=` as an Accept header: a name, or media types as they are; None if it is neither.

    >>> named_format("csv"), named_format("application/ld+json,application/x-json+ld"), named_format("xlsx")
    ('text/csv', 'application/ld+json,application/x-json+ld', None)
    """
    return name if "/" in name else SHORT_NAMES.get(_OTHER_NAMES.get(name.lower(), name.lower()))


def best(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """Choose the media type that fits best; None if none does."""
    return next(iter(fitting(accept, offered)), None)


def takes_gzip(accept_encoding: str | None) -> bool:
    """Tell whether a client takes gzip."""
    return bool(accept_encoding) and _takes_gzip(accept_encoding or "")


@lru_cache(maxsize=256)
def _takes_gzip(accept_encoding: str) -> bool:
    return parse_accept_header(accept_encoding, Accept).quality("gzip") > 0


def wants_html(accept: str | None, others: tuple[str, ...]) -> bool:
    """Tell whether a client wants a page rather than anything else: a browser does, `*/*` does not."""
    return best(accept, (*others, HTML)) == HTML


def offers(known: Iterable[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """List formats with the other names that clients have for them."""
    formats = tuple(known)
    return (*formats, *(alias for alias, meant in aliases.items() if meant in formats))


RESULT_OFFERS: Final = offers(RESULTS, RESULT_ALIASES)
GRAPH_OFFERS: Final = offers(GRAPHS, GRAPH_ALIASES)
