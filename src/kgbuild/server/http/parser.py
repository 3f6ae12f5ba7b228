"""HTTP/1.1 as uvicorn speaks it, where the parser is stricter than people are, and refuses in plain text."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kgbuild.server.http.negotiation import PROBLEM
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response, header_lines

LONGEST_URL: Final = 65_535
"""Bytes that the parser takes."""
_REQUEST_LINE: Final = re.compile(rb"[A-Z]{3,7} /[^\r\n]*")
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")


class Protocol(HttpToolsProtocol):
    """Takes raw UTF-8 in an address, as curl sends it, and says in a problem what cannot be read."""

    def data_received(self, data: bytes) -> None:
        """Percent-encode the request line where a request begins."""
        begins = not data.isascii() and (self.cycle is None or self.cycle.response_complete)
        if begins and (line := _REQUEST_LINE.match(data)):
            data = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line[0]) + data[line.end() :]
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take."""
        found = problem("bad-request", f"{msg} An address holds no blanks, a header no line breaks.")
        if len(self.url) > LONGEST_URL:
            detail = f"The address has {len(self.url):,} bytes; {LONGEST_URL:,} are taken. Send the query by POST."
            found = problem("address-too-long", detail)
        headers = header_lines({"Content-Type": PROBLEM, "Cache-Control": "no-store", "Connection": "close"})
        answer = Response(found.status, headers, found.to_json()).encoded(takes_gzip=False)
        lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
        status = f"HTTP/1.1 {found.status} {HTTPStatus(found.status).phrase}\r\n".encode()
        self.transport.write(b"".join([status, *lines, b"\r\n", answer.body]))
        self.transport.close()
