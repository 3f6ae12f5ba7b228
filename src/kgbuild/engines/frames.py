"""Frames on the socket between the server and a worker: one byte of kind, four of length, the payload."""

from __future__ import annotations

import struct
from typing import Final

HEADER: Final = struct.Struct("!cI")

REQUEST: Final = b"Q"
"""JSON: what is asked."""
HEAD: Final = b"H"
"""JSON: form of the query and media type of the answer; comes before the first data."""
DATA: Final = b"D"
"""A part of the answer's bytes."""
FAULT: Final = b"E"
"""JSON: why there is no answer."""
END: Final = b"X"
"""JSON: the answer is whole; what the worker has used."""


def pack(kind: bytes, payload: bytes) -> bytes:
    r"""Write a frame.

    >>> pack(END, b"{}")
    b'X\x00\x00\x00\x02{}'
    """
    return HEADER.pack(kind, len(payload)) + payload
