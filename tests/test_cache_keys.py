# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Names of kept answers: whatever decides an answer is in its name, and the same request has the same name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from kgbuild.server import cache_keys
from kgbuild.server.answering import Prepared
from kgbuild.server.cache_keys import document_key, request_key
from kgbuild.server.negotiation import GRAPH_OFFERS, RESULT_OFFERS
from kgbuild.server.service import Service, Settings
from kgbuild.workers.spool import Answer

HEADERS = {
    b"accept": b"text/html",
    b"accept-language": b"en",
    b"accept-encoding": b"gzip",
    b"host": b"a.example",
}
MUTATIONS: dict[str, Any] = {
    "accept": {"headers": {**HEADERS, b"accept": b"text/turtle"}},
    "no accept": {"headers": {name: value for name, value in HEADERS.items() if name != b"accept"}},
    "language": {"headers": {**HEADERS, b"accept-language": b"ru"}},
    "encoding": {"headers": {**HEADERS, b"accept-encoding": b"identity"}},
    "host": {"headers": {**HEADERS, b"host": b"b.example"}},
    "scheme": {"scheme": "https"},
    "public path": {"root": "/icn"},
    "path": {"path": "/releases/", "raw_path": b"/releases/"},
    "way to write the path": {"raw_path": b"/dat%61set"},
    "parameter": {"query_string": b"lang=ru&a=1&b=2"},
    "order of parameters": {"query_string": b"a=1&lang=en&b=2"},
    "release": {"release": "b" * 16},
    "version": {"version": "9.9.9"},
}
IN_A_DOCUMENT = ("language", "encoding", "host", "scheme", "path", "parameter", "release", "version")
"""What decides a document, whose media type its maker gives."""
IN_AN_ANSWER = ("accept", "language", "encoding", "host", "scheme", "parameter", "release", "version")


def made(**changes: Any) -> tuple[Service, Any]:
    """Make a service and a request."""
    service = Service(Settings(build=Path("build")))
    service.release_id = changes.pop("release", "a" * 16)
    scope = {
        "type": "http", "method": "GET", "scheme": "http", "path": "/dataset", "raw_path": b"/dataset",
        "query_string": b"lang=en&a=1&b=2", "service": service, "headers": HEADERS, **changes,
    }  # fmt: skip
    scope["headers"] = list(scope["headers"].items())
    return service, scope


class _Query(Prepared):
    def address(self, format_: str = "") -> str:
        return format_

    async def page(self, answer: Answer) -> Any:
        raise NotImplementedError


def answer_key(_: Service, scope: Any) -> bytes:
    """Name the answer to a query."""
    accept = dict(scope["headers"]).get(b"accept", b"").decode()
    return _Query(scope, "ASK {}", accept, (RESULT_OFFERS, GRAPH_OFFERS)).key


KEYS = {
    "request": (request_key, tuple(MUTATIONS)),
    "document": (document_key, IN_A_DOCUMENT),
    "answer": (answer_key, IN_AN_ANSWER),
}


@pytest.mark.parametrize(
    ("name", "mutation"), [(name, mutation) for name, (_, mutations) in KEYS.items() for mutation in mutations]
)
def test_what_decides_is_in_the_name(monkeypatch: pytest.MonkeyPatch, name: str, mutation: str) -> None:
    """Each by itself makes another name; nothing else does."""
    key = KEYS[name][0]
    changes = dict(MUTATIONS[mutation])
    before = key(*made())
    assert before == key(*made())
    if version := changes.pop("version", ""):
        monkeypatch.setattr(cache_keys, "__version__", version)
    if name != "request" and mutation == "language":  # what the address asks for goes before the header
        changes["query_string"] = b"a=1&b=2"
    assert before != key(*made(**changes))


def test_the_address_decides_as_it_is_public() -> None:
    """Where the address is set, the Host header decides nothing; another address does."""
    keys = set()
    for public, host in (("https://a.example", b"x"), ("https://a.example", b"y"), ("https://a.example/icn", b"x")):
        service, scope = made(headers={**HEADERS, b"host": host})
        service.settings = replace(service.settings, public_url=public)
        keys.add(document_key(service, cast(Any, scope)))
    assert 2 == len(keys)
