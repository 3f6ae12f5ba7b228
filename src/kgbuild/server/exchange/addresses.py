"""Addresses of the server as its clients know them: `--public-url`, the path in it, and the Host header."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgbuild.core.errors import UsageError
from kgbuild.server.exchange.service import Service
from kgbuild.server.http import limits
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import header

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?")
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")
_LINK_TARGET: Final = re.compile(rb"(?<=<)/(?!/)")
_OUTWARD: Final = frozenset({b"location", b"content-location"})


def read_public_url(text: str) -> str:
    """Read the value of `--public-url`: an absolute http(s) URL, without the slashes at its end; "" for none.

    >>> read_public_url("https://example.org/icn/"), read_public_url("http://[::1]:8000")
    ('https://example.org/icn', 'http://[::1]:8000')
    """
    url = text.rstrip("/")
    try:
        parts = urlsplit(url)
        # `port` raises ValueError where it is no number up to 65535.
        whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        whole = False
    if not text or (
        whole and _HOST.fullmatch(parts.netloc) and _PATH.fullmatch(parts.path) and not set(text) & set("?#")
    ):
        return url
    raise UsageError(
        f"--public-url {text}: this is no address of a server. "
        "Give an absolute one, such as https://example.org or https://example.org/icn, without ? and #."
    )


def authority(host: str, port: int) -> str:
    """Write host and port as a URL has them.

    >>> authority("::1", 8000), authority("127.0.0.1", 8000)
    ('[::1]:8000', '127.0.0.1:8000')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def root_path(public_url: str) -> str:
    """Give the path of `--public-url`, under which all addresses of the server stand; "" where it has none."""
    return urlsplit(public_url).path


def address(service: Service, scope: Scope, path: str = "") -> str:
    """Write the absolute address of a path of this server: under `--public-url`, else by the request's Host header."""
    if service.settings.public_url:
        return service.settings.public_url + path
    given = header(scope, b"host")
    host = authority(*scope["server"]) if given is None else given  # HTTP/1.0 need not send one
    if len(host) > limits.HOST or not _HOST.fullmatch(host):
        raise problem("bad-request", "The Host header names no host. Send the name under which the server is reached.")
    return f"{scope['scheme']}://{host}{path}"


class PrefixMiddleware:
    """Puts the whole application under a path: it is taken from requests and set before addresses in headers.

    A proxy may pass the path on or take it off itself.  Pages get it where they are made (`rendering.page`), and
    absolute addresses from `address`.
    """

    def __init__(self, app: ASGIApp, root: str) -> None:
        self.app, self.root, self.raw_root = app, root, root.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = {**scope, "root": self.root}
        if f"{scope['path']}/".startswith(f"{self.root}/"):
            scope["path"] = scope["path"].removeprefix(self.root) or "/"
            scope["raw_path"] = scope["raw_path"].removeprefix(self.raw_root) or b"/"

        async def send_outward(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [(name, self._outward(name, v)) for name, v in message["headers"]]}
            await send(message)

        await self.app(scope, receive, send_outward)

    def _outward(self, name: bytes, value: bytes) -> bytes:
        if name == b"link":
            return _LINK_TARGET.sub(self.raw_root + b"/", value)
        return self.raw_root + value if name in _OUTWARD and value.startswith(b"/") else value
