"""Responses as bytes, ready to be sent again: headers, body, and the body compressed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from starlette.types import Scope, Send

from kgbuild.server.http import limits

Headers = list[tuple[bytes, bytes]]
Fixed = tuple[tuple[bytes, bytes], ...]

ALWAYS: Final[Headers] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Allow, Content-Location, ETag, Link, Location, Retry-After, Vary"),
    # Data stay data, wherever a browser meets them; a page of ours has a wider policy of its own.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
"""What every answer has, unless it says otherwise: open to the scripts of all sites, harmless in a browser."""
_ALWAYS_NAMES: Final = frozenset(name for name, _ in ALWAYS)
_OF_A_BODY: Final = frozenset({b"content-type", b"content-disposition"})
WORTH_PACKING: Final = 1000
"""Bytes from which compressing pays."""


def header_lines(headers: dict[str, str]) -> Headers:
    """Write headers as ASGI takes them; what is not Latin-1 is left out of a value."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1", "ignore")) for name, value in headers.items()]


@dataclass(frozen=True)
class Response:
    """A whole answer; `headers` without length, encoding and ETag."""

    status: int
    headers: Headers
    body: bytes

    def varying(self, name: str) -> Response:
        """Say that it differs by one more of the request's headers."""
        headers = [(key, value + b", " + name.encode() if key == b"vary" else value) for key, value in self.headers]
        return Response(self.status, headers, self.body)

    @cached_property
    def etag(self) -> bytes:
        """Name the bytes: a strong validator."""
        return b'"' + hashlib.blake2b(self.body, digest_size=16).hexdigest().encode() + b'"'

    @cached_property
    def packed(self) -> bytes:
        """Compress the body; the same bytes each time."""
        return gzip.compress(self.body, compresslevel=6, mtime=0)

    def encoded(self, *, takes_gzip: bool) -> Encoded:
        """Choose the representation for a client."""
        packs = takes_gzip and len(self.body) >= WORTH_PACKING
        body = self.packed if packs else self.body
        tag = self.etag[:-1] + b'-gzip"' if packs else self.etag
        return Encoded.make(self, body, tag, packs=packs)

    async def encode(self, *, takes_gzip: bool) -> Encoded:
        """Choose the representation for a client, in a thread where that takes long: compressing, and hashing much."""
        if len(self.body) <= (limits.INLINE if takes_gzip else 16 * limits.INLINE):
            return self.encoded(takes_gzip=takes_gzip)
        return await asyncio.to_thread(self.encoded, takes_gzip=takes_gzip)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One representation: what goes out for GET, HEAD and 304.

    Tuples of bytes and nothing else: tens of thousands are kept, and the garbage collector passes such by.
    """

    etag: bytes
    status: int
    headers: Fixed
    unchanged: Fixed
    """The headers of a 304."""
    body: bytes

    @property
    def size(self) -> int:
        """Measure what keeping it costs, in bytes."""
        return len(self.body) + 1000

    @classmethod
    def make(cls, response: Response, body: bytes, etag: bytes, *, packs: bool) -> Encoded:
        """Write the headers of a representation."""
        own = {name for name, _ in response.headers}
        more = ALWAYS if _ALWAYS_NAMES.isdisjoint(own) else [line for line in ALWAYS if line[0] not in own]
        tagged = [*response.headers, *more]
        if response.status != 200 or (b"cache-control", b"no-store") in response.headers:
            etag = b""  # what differs each time has no validator
        else:
            tagged.append((b"etag", etag))
        # RFC 9110 §8.6: no length where there can be no content.
        sized = tagged if response.status == 204 else [*tagged, (b"content-length", str(len(body)).encode())]
        if packs:
            sized = [*sized, (b"content-encoding", b"gzip")]
        kept = [line for line in tagged if line[0] not in _OF_A_BODY]
        return cls(etag, response.status, tuple(sized), tuple(kept), body)

    async def send(self, method: str, if_none_match: str | None, send: Send) -> int:
        """Send what fits the request: the body, its headers alone, or that nothing has changed; gives the status."""
        body = b"" if method == "HEAD" else self.body
        status, headers = self.status, self.headers
        if method in ("GET", "HEAD") and if_none_match is not None and matches(if_none_match.encode(), self.etag):
            status, headers, body = 304, self.unchanged, b""
        await send({"type": "http.response.start", "status": status, "headers": headers, "whole": True})
        await send({"type": "http.response.body", "body": body})
        return status


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Tell whether a tag is in an If-None-Match list; a weak one counts, as RFC 9110 §13.1.2 says; no tag matches none.

    >>> matches(b'W/"a", "b"', b'"b"'), matches(b'*', b'"b"'), matches(b'"c"', b'"b"')
    (True, True, False)
    """
    # No tag holds a quotation mark: the list is not taken apart, however long it is.
    return bool(etag) and (etag in if_none_match or if_none_match.strip() == b"*")


def header(scope: Scope, name: bytes) -> str | None:
    """Read a request's header; several lines of it are one list (RFC 9110 §5.3)."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


class Cache:
    """Least recently used responses, up to a size in bytes."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.size = capacity, 0
        self._kept: OrderedDict[Hashable, Encoded] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Encoded | None:
        """Find a response."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, response: Encoded) -> None:
        """Keep a response; those not used for longest go. One that is too large is not kept."""
        if response.size > self.capacity // 8:
            return
        if (old := self._kept.pop(key, None)) is not None:
            self.size -= old.size
        self._kept[key] = response
        self.size += response.size
        while self.size > self.capacity:
            _, gone = self._kept.popitem(last=False)
            self.size -= gone.size

    def clear(self) -> None:
        """Forget everything: another release answers now."""
        self._kept.clear()
        self.size = 0
