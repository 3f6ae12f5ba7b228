"""All limits of a request: what it may hold, how long it may take, and how many clients are connected at one time.

Whatever the event loop does for a client is bounded by one of these: a few milliseconds for each request at its most.
"""

from __future__ import annotations

import resource
from functools import cache
from typing import Final

ADDRESS: Final = 16 << 10
"""Bytes of path and query together."""
HEAD: Final = 32 << 10
"""Bytes of the request line and all headers."""
HEADERS: Final = 100
"""Lines of headers, trailers included."""
PREFERENCES: Final = 1000
"""Characters of a list that is read item by item (`head.LISTS`), and of `format=`."""
RANGES: Final = 30
"""Items of such a list."""
HOST: Final = 255
"""Characters of the Host header: as many as the name of a host has at most."""
BODY: Final = 1 << 20
"""Bytes of a body, without the framing of its chunks; a query may have fewer (`evaluation.LONGEST_QUERY`)."""
WIRE: Final = 8 << 20
"""Bytes of a body as it is sent: a megabyte in chunks of one byte takes six."""
PARAMETERS: Final = 1000
GRAPH: Final = 2000
"""Characters of the name of a graph in a parameter."""
PATH: Final = 2000
"""Characters of the path of a thing: composing Unicode takes the square of its combining marks."""
FINDINGS: Final = 10
"""Wrong parameters that a refusal names."""
INLINE: Final = 16 << 10
"""Bytes up to which a body is read, or an answer compressed, at once; a thread does what is longer."""

READ: Final = 16 << 10
"""Bytes that are parsed in one turn of the loop."""
HEAD_WITHIN: Final = 10.0
"""Seconds from the first byte of a request to the end of its head, and from a connection to its first request."""
BODY_WITHIN: Final = 60.0
"""Seconds from the end of the head to the end of the body."""
SLOWEST: Final = 1000
"""Bytes a second: a client whose body comes slower, after `HEAD_WITHIN` seconds, is given up, and one who takes an
answer slower."""
TAKEN_WITHIN: Final = 30.0
"""Seconds after each of which it is looked how much of an answer was taken."""
IDLE: Final = 30
"""Seconds that a connection is kept between requests."""
LINGER: Final = 2.0
"""Seconds that a client whose request was refused has to read why, while what he still sends is thrown away."""
CONNECTIONS: Final = 1000


@cache
def most_connections() -> int:
    """Give how many clients may be connected: half of the descriptors, so that workers and files have the others."""
    return min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def backlog() -> int:
    """Give how many clients may wait to be connected: they are connected all at once, before any can be refused."""
    return max(8, most_connections() // 4)
