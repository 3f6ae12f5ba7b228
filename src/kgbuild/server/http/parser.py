"""HTTP/1.1 as uvicorn speaks it, with limits and deadlines, and with refusals as problems.

Each connection is at one of: a head, a body, an answer, or nothing.  `watch` looks once a second at all of them, which
costs less than a timer for each.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import unquote

from httptools import parse_url
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from kgbuild.server.http import limits
from kgbuild.server.http.negotiation import PROBLEM
from kgbuild.server.http.problems import Problem, problem
from kgbuild.server.http.responses import Response, header_lines

_REQUEST_LINE: Final = re.compile(rb"[A-Z]{3,7} /[^\r\n]*")
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_LINES: Final = re.compile(rb"(?:[a-z0-9-]+: [\t\x20-\x7e\x80-\xff]*\r\n)+")
_UNUSUAL: Final = frozenset({b"connection", b"transfer-encoding"})
_JOINED: Final = 64 << 10
"""Bytes of a body up to which it is copied behind its head."""
_EVERY: Final = 1.0
"""Seconds between two looks at the connections."""


async def watch(connections: Iterable[object]) -> None:
    """Give up the clients that are too slow, until cancelled; the connections are those of `Protocol`."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_EVERY)
        now = loop.time()
        for each in list(cast(Iterable[Protocol], connections)):
            each.check(now)


class Protocol(HttpToolsProtocol):
    """Takes raw UTF-8 in an address, as curl sends it; refuses what is too long, too slow or cannot be read."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.head_since: float | None = None
        """When the head that is being read began, or the connection; nothing where it came in one piece."""
        self.body_since: float | None = None
        self.in_body = False
        self.size = 0
        """Bytes of the head or body that is being read."""
        self._unread = bytearray()
        """What has come and is not parsed: reading is paused while there is any."""
        self._scheduled = False
        self._refused: Problem | None = None
        self._lingers_since: float | None = None
        self._untaken: tuple[float, int, object] | None = None
        """When it was last looked how much of an answer was not taken, how much that was, and of which."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a client, in place of one who asks nothing where there are too many; with none of these, refuse."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self)
        self.head_since = self.loop.time()
        most = limits.most_connections()
        if len(self.connections) <= most:
            return
        others = (each for each in cast(set[Protocol], self.connections) if each.is_idle and each is not self)
        oldest = min(others, key=Protocol.closes_at, default=None)
        if oldest is not None:
            oldest.transport.close()
        elif len(self.connections) > most + limits.backlog():
            transport.abort()
        else:
            detail = f"The server has {most:,} connections, which is all that it takes. Come back."
            self._refuse(Problem("too-many-connections", 503, detail, headers={"Retry-After": "1"}))

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is asked over the connection, and nothing of an answer is left to be taken."""
        done = self.cycle is not None and self.cycle.response_complete
        reads = self.head_since is not None or self.body_since is not None
        return done and not reads and not self.transport.is_closing() and not self.transport.get_write_buffer_size()

    def closes_at(self) -> float:
        """Tell when an idle connection is to be closed."""
        return self.timeout_keep_alive_task.when() if self.timeout_keep_alive_task else 0.0

    def data_received(self, data: bytes) -> None:
        """Percent-encode the request line where a request begins, and parse what has come, part by part."""
        if self._lingers_since is not None:
            return
        begins = not data.isascii() and (self.cycle is None or self.cycle.response_complete)
        if begins and not self._unread and (line := _REQUEST_LINE.match(data)):
            data = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line[0]) + data[line.end() :]
        if self._unread or len(data) > limits.READ:
            self._unread += data
            self.flow.pause_reading()
            self.go_on()
        else:
            self._parse(data)

    def go_on(self) -> None:
        """Let the next part be parsed in a turn of its own."""
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._parse_part)

    def _parse_part(self) -> None:
        self._scheduled = False
        part = bytes(self._unread[: limits.READ])
        del self._unread[: limits.READ]
        self._parse(part)
        # A request that waits for its turn, or a body that nobody has taken, is resumed from where that changes.
        if not self.pipeline and (self.cycle is None or len(self.cycle.body) <= HIGH_WATER_LIMIT):
            self.flow.resume_reading()

    @property
    def has_unread(self) -> bool:
        """Tell whether there is something to be parsed before more is read."""
        return bool(self._unread)

    def _parse(self, part: bytes) -> None:
        if self.parser is None:
            self._unread.clear()
            return
        self.size += len(part)
        HttpToolsProtocol.data_received(self, part)  # here and below: by `super()` a request would cost 3 µs more
        # Most requests came in one piece, and are read: no clock is asked for them.
        if self.size and self._lingers_since is None:
            self._go_on_reading()

    def _go_on_reading(self) -> None:
        """Keep to the limits of a head or body that is not whole yet."""
        if not self.in_body:
            self.head_since = self.head_since or self.loop.time()
            if self.size > limits.HEAD:
                self._refuse(self._head_problem())
            return
        self.body_since = self.body_since or self.loop.time()
        if self.size > limits.WIRE or len(self.headers) > limits.HEADERS:
            detail = f"The request takes more than {limits.WIRE:,} bytes, or has too many trailers. Ask it in parts."
            self._refuse(problem("query-too-long", detail))

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is too large."""
        is_large = self.size > limits.HEAD and len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers) > (
            limits.HEAD
        )
        if is_large or len(self.headers) > limits.HEADERS or len(self.url) > limits.ADDRESS:
            self._refused = self._head_problem()
            raise self._refused
        self.head_since, self.in_body, self.size = None, True, 1
        self._begin_answer()

    def _begin_answer(self) -> None:
        """Do what uvicorn's method does, without what is not used here, and with a cycle of ours."""
        scope, version, address = self.scope, self.parser.get_http_version(), parse_url(self.url)
        path = address.path.decode("ascii")
        scope["method"], scope["http_version"] = self.parser.get_method().decode("ascii"), version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"], scope["query_string"] = address.path, address.query or b""
        before = self.cycle
        self.cycle = Cycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue,
            version != "1.0" and self.parser.should_keep_alive(),
            self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_message_complete(self) -> None:
        """Wait for nothing more."""
        self.body_since, self.in_body, self.size = None, False, 0
        HttpToolsProtocol.on_message_complete(self)

    def _head_problem(self) -> Problem:
        if len(self.url) > limits.ADDRESS:
            detail = f"The address has more than {limits.ADDRESS:,} bytes. Send the query by POST."
            return problem("address-too-long", detail)
        detail = f"The head has more than {limits.HEAD:,} bytes or {limits.HEADERS} headers. Send fewer."
        return problem("head-too-large", detail)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take."""
        detail = f"{msg} An address holds no blanks, a header no line breaks."
        self._refuse(self._refused or problem("bad-request", detail))

    def _refuse(self, found: Problem) -> None:
        """Say why a request is not answered, and end the connection; where another answer is under way, end it."""
        self._unread.clear()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or not self.in_body:
                self.transport.close()
                return
            cycle.disconnected = True  # whoever waits for its body is told that there is no more
            cycle.message_event.set()
        headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store", "Connection": "close", **found.headers}
        answer = Response(found.status, header_lines(headers), found.to_json()).encoded(takes_gzip=False)
        lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
        status = f"HTTP/1.1 {found.status} {HTTPStatus(found.status).phrase}\r\n".encode()
        self.transport.write(b"".join([status, *lines, b"\r\n", answer.body]))
        # Closed at once, what the client still sends would be answered by a reset, and might take our words with it.
        self.transport.write_eof()
        self._lingers_since = self.loop.time()
        self.flow.resume_reading()

    def check(self, now: float) -> None:
        """Give the client up if it is too slow."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._lingers_since is not None:
            if now - self._lingers_since > limits.LINGER:
                self.transport.abort()
        elif self.head_since is not None:
            if answering:
                self.head_since = now  # it is read while the request before it is answered
            elif now - self.head_since > limits.HEAD_WITHIN:
                self._give_up(f"The head of the request did not come within {limits.HEAD_WITHIN:g} s.")
        elif self.body_since is not None and not self.flow.read_paused:
            allowed = min(limits.BODY_WITHIN, limits.HEAD_WITHIN + self.size / limits.SLOWEST)
            if now - self.body_since > allowed:
                detail = f"The body of the request did not come within {limits.BODY_WITHIN:g} s, or came too slowly."
                self._give_up(detail)
        if not answering or self.transport.is_closing():  # who streams an answer sees to its reader until then
            self._check_taken(now)

    def _give_up(self, detail: str) -> None:
        if self.cycle is None and not self.size:
            self.transport.close()  # nothing was asked
        else:
            self._refuse(Problem("too-slow", 408, f"{detail} Send it at once."))

    def _check_taken(self, now: float) -> None:
        left = self.transport.get_write_buffer_size()
        if not left:
            self._untaken = None
        elif self._untaken is None or self._untaken[2] is not self.cycle:
            self._untaken = now, left, self.cycle
        elif now - self._untaken[0] > limits.TAKEN_WITHIN:
            if left > self._untaken[1] - limits.TAKEN_WITHIN * limits.SLOWEST:
                self.transport.abort()
            self._untaken = now, left, self.cycle


class Cycle(RequestResponseCycle):
    """A request and its answer; an ordinary head of an answer is checked as a whole, not header by header."""

    _head = b""
    """What waits for the body."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send a part of the answer; RuntimeError where a header would be more than one, or none."""
        if not (self._send_rest(message) if self.response_started else self._send_head(message)):
            await RequestResponseCycle.send(self, message)

    def _send_rest(self, message: Any) -> bool:
        """Send the body that a whole answer has, together with its head: twice would wake the client twice."""
        head, self._head = self._head, b""
        if not head:
            return False
        body: bytes = message["body"]
        if self.scope["method"] == "HEAD" or len(body) != self.expected_content_length or len(body) > _JOINED:
            self.transport.write(head)
            return False
        self.transport.write(head + body)
        self.expected_content_length, self.response_complete = 0, True
        self.message_event.set()
        self.on_response()
        return True

    def _send_head(self, message: Any) -> bool:
        """Send the head of an answer whose length is told, over a connection that is kept and takes it.

        That of a whole answer waits for the body, which comes next.
        """
        if message["type"] != "http.response.start":
            return False
        headers = [*self.default_headers, *message["headers"]]
        named = dict(headers)
        size = named.get(b"content-length")
        if size is None or not self.keep_alive or self.disconnected or self.flow.write_paused:
            return False
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        if not _UNUSUAL.isdisjoint(named) or lines.count(b"\n") != len(headers) or not _LINES.fullmatch(lines):
            return False
        self.response_started, self.waiting_for_100_continue = True, False
        self.expected_content_length, self.chunked_encoding = int(size), False
        head = b"%b%b\r\n" % (STATUS_LINE[message["status"]], lines)
        if message.get("whole"):
            self._head = head
        else:
            self.transport.write(head)
        return True


class _Flow(FlowControl):
    """Reads more only when all that has come is parsed."""

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        super().__init__(transport)
        self.protocol = protocol

    def resume_reading(self) -> None:
        """Go on, with what has come or with what comes."""
        if not self.read_paused:
            return
        if self.protocol.has_unread:
            self.protocol.go_on()
        else:
            super().resume_reading()
