"""Documents about the data: negotiated, made once for each release and representation, and kept until the next one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.types import Scope, Send

from kgbuild.server.exchange.answers import read_format, read_pairs
from kgbuild.server.exchange.cache_keys import document_key
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.negotiation import GRAPH_OFFERS, HTML, SHORT_NAMES, best, named_format, takes_gzip
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Encoded, Response, header

FORMATS: Final = ("ttl", "nt", "jsonld", "rdf")
"""Short names of the RDF formats that documents link to."""


async def send_kept(scope: Scope, send: Send, make: Callable[[], Awaitable[Response]], *decides: Any) -> None:
    """Send what `make` makes, made once for all who ask for the same, until another release comes in.

    `decides` is what the document depends on besides its address, its reader and the release.
    """
    service: Service = scope["service"]
    gzip, release = takes_gzip(header(scope, b"accept-encoding")), service.release_id
    name = document_key(service, scope, *decides)
    found = service.cache.get(name)
    if found is None:

        async def encode() -> Encoded:
            made = await make()
            # Without --public-url the addresses in it are those by which this client reaches us.
            made = made if service.settings.public_url else made.varying("Host")
            return await made.encode(takes_gzip=gzip)

        found = await service.shared(name, encode)
        if service.release_id == release and found.status == 200:
            service.cache.put(name, found)
    await found.send(scope["method"], header(scope, b"if-none-match"), send)


def asked_format(scope: Scope) -> str:
    """Choose the media type of a document that comes as RDF and as a page, by `format=` or Accept; else a problem."""
    given = read_format(pair for pair in read_pairs(scope["query_string"]) if pair[1])
    return negotiate(named_format(given) if given else header(scope, b"accept"), (*GRAPH_OFFERS, HTML))


def negotiate(accept: str | None, offered: tuple[str, ...]) -> str:
    """Choose the media type that fits best; raises Problem, with all that is offered, if none does."""
    media_type = best(accept, offered)
    if media_type is None:
        raise problem("not-acceptable", f"Available: {', '.join(offered)}.", available=list(offered))
    return media_type


def alternates(path: str) -> str:
    """Write the Link header of a document (RFC 8288): its other formats, and the licence of what it says."""
    links = [f'<{path}?format={name}>; rel="alternate"; type="{SHORT_NAMES[name]}"' for name in (*FORMATS, "html")]
    return ", ".join([*links, '<https://creativecommons.org/licenses/by/4.0/>; rel="license"'])
