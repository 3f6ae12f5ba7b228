"""Names of answers that are kept: the program, the release, and all of a request that decides its answer."""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import Any, Final

from starlette.types import Scope

from kgbuild import __version__
from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import reader_of
from kgbuild.server.http.negotiation import takes_gzip
from kgbuild.server.http.responses import header

_SHORT: Final = 500
"""Bytes up to which what decides an answer names it as it is."""
_DECIDING: Final = frozenset({b"accept", b"accept-language", b"accept-encoding", b"host"})


def cache_key(service: Service, *decides: Any) -> bytes:
    """Name an answer by what decides it.

    A digest of what is long: the cache counts answers, and must not grow by long questions.
    """
    # The second version of `marshal` writes the same for what is equal, in a third of the time of `repr`.
    written = marshal.dumps((__version__, service.release_id, decides), 2)
    return written if len(written) < _SHORT else blake2b(written).digest()


def request_key(service: Service, scope: Scope) -> bytes:
    """Name a request without reading it: what the layer in front of the routes looks answers up by.

    The path is taken as it was sent: another way to write it is redirected, not answered.
    """
    headers = [line for line in scope["headers"] if line[0] in _DECIDING]
    place = scope["scheme"], scope.get("root", ""), scope["raw_path"], scope["query_string"]
    return cache_key(service, "request", place, headers)


def document_key(service: Service, scope: Scope, *decides: Any) -> bytes:
    """Name a document that is at a path: where it is, who reads it, in which coding, and what else decides."""
    reader = reader_of(scope)
    reads = reader.labels, reader.chosen, takes_gzip(header(scope, b"accept-encoding"))
    return cache_key(service, "document", address(service, scope, scope["path"]), *reads, *decides)
