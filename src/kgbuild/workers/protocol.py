"""Frames on the socket between the server and a worker: one byte of kind, four of length, the payload."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

HEADER: Final = struct.Struct("!cI")

REQUEST: Final = b"Q"
"""What is asked, as `Request.pack` writes it."""
HEAD: Final = b"H"
"""A `Head`; comes before the first data."""
DATA: Final = b"D"
"""A part of the answer's bytes."""
FAULT: Final = b"E"
"""JSON: why there is no answer."""
END: Final = b"X"
"""A `SIZE`: the answer is whole; the bytes that the worker has held at most."""
SIZE: Final = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Head:
    r"""What is known of an answer before its first data.

    >>> Head.unpack(Head("table", "text/csv", ("a", "b")).pack())
    Head(form='table', media_type='text/csv', variables=('a', 'b'), pages=1)
    """

    form: str
    """Of the query: table, boolean or graph; `found` for a thing that is there."""
    media_type: str = ""
    variables: tuple[str, ...] = ()
    pages: int = 1
    """Of a description."""

    def pack(self) -> bytes:
        """Write it: none of its parts has a NUL, and JSON would take longer than the rest of a small answer."""
        return "\0".join((self.form, self.media_type, str(self.pages), *self.variables)).encode()

    @classmethod
    def unpack(cls, payload: bytes) -> Head:
        """Read what `pack` wrote."""
        form, media_type, pages, *variables = payload.decode().split("\0")
        return cls(form, media_type, tuple(variables), int(pages))


def pack(kind: bytes, payload: bytes) -> bytes:
    r"""Write a frame.

    >>> pack(DATA, b"{}")
    b'D\x00\x00\x00\x02{}'
    """
    return HEADER.pack(kind, len(payload)) + payload


def cut(raw: bytearray) -> list[tuple[bytes, bytes]]:
    r"""Take the whole frames from the beginning of what was received.

    >>> raw = bytearray(pack(FAULT, b"{}") + pack(DATA, b"abc")[:6])
    >>> cut(raw), raw
    ([(b'E', b'{}')], bytearray(b'D\x00\x00\x00\x03a'))
    """
    found = []
    at, last = 0, len(raw) - HEADER.size
    while at <= last:
        kind, size = HEADER.unpack_from(raw, at)
        end = at + HEADER.size + size
        if end > len(raw):
            break
        found.append((kind, bytes(raw[at + HEADER.size : end])))
        at = end
    del raw[:at]
    return found


class Outbox:
    """The worker's end: gathers frames and sends them together, so that a small answer wakes the server once."""

    FULL: Final = 1 << 16
    """Bytes from which what was gathered is sent."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self.send = send
        self.parts: list[bytes] = []
        self.size = 0

    def put(self, kind: bytes, payload: bytes) -> None:
        """Take a frame."""
        self.parts += (HEADER.pack(kind, len(payload)), payload)
        self.size += len(payload)
        if self.size >= self.FULL:
            self.flush()

    def flush(self) -> None:
        """Send what there is."""
        whole = b"".join(self.parts)
        self.parts, self.size = [], 0
        self.send(whole)


class Wire(asyncio.Protocol):
    """The server's end: the frames of one worker, in order; reading stops while too much waits to be taken."""

    HIGH: Final = 2 << 20
    """Bytes."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self._raw = bytearray()
        self._frames: deque[tuple[bytes, bytes]] = deque()
        self._size = 0
        self._paused = False
        self._waiting: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)  # of a stream socket; uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        """Cut what has come into frames."""
        self._raw += data
        for frame in cut(self._raw):
            self._frames.append(frame)
            self._size += len(frame[1])
        if self._size > self.HIGH and self.transport is not None:
            self.transport.pause_reading()
            self._paused = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - what asyncio gives
        """End: the worker has gone, or was let go."""
        self.lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def frame(self) -> tuple[bytes, bytes]:
        """Take the next frame; ConnectionError where none will come."""
        while not self._frames:
            if self.lost:
                raise ConnectionResetError
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        found = self._frames.popleft()
        self._size -= len(found[1])
        if self._paused and self._size < self.HIGH and self.transport is not None:
            self.transport.resume_reading()
            self._paused = False
        return found

    def write(self, data: bytes) -> None:
        """Send."""
        if self.transport is not None and not self.lost:
            self.transport.write(data)

    def close(self) -> None:
        """Let go of the worker's socket."""
        if self.transport is not None:
            self.transport.close()
