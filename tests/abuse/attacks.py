"""Requests at their most and one beyond, for every route, parameter and header that there is.

Routes are those of the server's table, parameters those of its description, headers those that its modules read: what
is added there is attacked by itself.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kgbuild.server
from kgbuild.server.app import routes
from kgbuild.server.http import limits
from kgbuild.server.http.head import LISTS

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
BROWSER = "text/html"
READ = {
    name
    for path in Path(kgbuild.server.__file__).parent.rglob("*.py")
    for name in re.findall(r'header\(\s*\w+, b"([a-z-]+)"\)', path.read_text("utf-8"))
}
"""Headers that the server reads."""
HEADERS = sorted(
    READ
    | {name.decode() for name in LISTS}
    | {"connection", "content-encoding", "cookie", "expect", "forwarded", "host", "if-modified-since", "if-range"}
    | {"origin", "te", "trailer", "transfer-encoding", "upgrade", "x-unheard-of"}
)
LINES = ("a/b;q=0.1,", "*/*,", '"x",', "0-0,", "en-US;q=0.5,", ";a=b", "a", ",", "%", "(", " ", "\u0436")
"""What the value of a header is filled with."""
TEXTS = (
    "a", "9", "%", "%25", "%41", "%D0%96", "%CC%81%CC%A3", "%0A", "%00", "+", "/", "../", "%2e%2e%2f", "a/b,",
    "*/*;q=0.1,",
    "icn:membr%20", "%3Ca%20", "%22", "%27%27%27", "%7B", "x&", "&", "=", ";", "en,", "-",
)  # fmt: skip
"""What a parameter or a path is filled with."""
EACH = ("/sparql", "/search", "/questions/members-as-of")
"""Where everything is filled with everything."""
KEYS = {
    "distinct terms": " ".join(f"icn:memb{n}" for n in range(20_000)),
    "open IRIs": "<a " * 85_000,
    "open IRIs, too many": "<a " * 349_000,
    "a long IRI that is open": "<" + "a" * 255_000,
    "open strings": "'\\" * 127_000,
    "lines": "\n" * 255_000,
    "brackets": "{" * 255_000,
    "prefixes": " ".join(f"p{n}:x" for n in range(30_000)),
    "letters beyond ASCII": "\u00df" * 255_000,
    "one that may differ": "SELECT (NOW() AS ?x) {} #" + "<a " * 84_000,
    "SERVICE": "SERVICE " * 31_000,
    "FROM": "SELECT * " + "FROM <urn:x> " * 19_000 + "{}",
    "a comment": "ASK {} #" + "x" * 255_900,
    "one that is too long": "ASK {} #" + "x" * 255_993,
    "a large answer": "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000",
    "a large graph": "CONSTRUCT { ?a ?b ?c . ?d ?e ?f } WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 20000",
}
"""Queries, by what is in them."""
FORMS = {
    "media ranges": b"format=" + b"a/b," * 262_000,
    "media ranges beside a query": b"query=ASK%7B%7D&format=" + b"*/*;q=0.1," * 104_000,
    "letters, encoded": b"query=" + b"%41" * 349_000,
    "signs of percent": b"query=" + b"%" * 1_048_000,
    "pairs": b"a=b&" * 262_000,
    "as many pairs as may be": b"query=ASK%7B%7D" + b"&a=b" * 999,
    "names of graphs": b"query=ASK%7B%7D" + b"".join(b"&default-graph-uri=urn:%d" % n for n in range(999)),
    "long names of graphs": b"query=ASK%7B%7D" + (b"&named-graph-uri=urn:" + b"x" * 1996) * 500,
    "names of graphs that are too long": b"query=ASK%7B%7D&named-graph-uri=urn:" + b"x" * 1_000_000,
    "languages": b"query=ASK%7B%7D&lang=" + b"en," * 340_000,
}


@dataclass(frozen=True)
class Attack:
    """A request: what it is, and its bytes."""

    name: str
    request: bytes


def every_attack(described: dict[str, Any], release: str) -> Iterator[Attack]:
    """List all attacks on a server, which `described` describes in OpenAPI; `release` is one that it has."""
    paths = [path.replace("{id}", release) for path in _paths(described)]
    for path in paths:
        plain = re.sub(r"\{\w+\}", "a", path)
        yield from _on_headers(plain)
        yield from _on_path(path)
        yield from _on_parameters(plain, _parameters(described, path))
    for name, query in KEYS.items():
        for accept in (BROWSER, "*/*"):
            yield _post(f"{name}, for {accept}", query.encode(), QUERY, accept)
    for name, form in FORMS.items():
        for accept in (BROWSER, "*/*"):
            yield _post(f"{name}, for {accept}", form, FORM, accept)
    chunk = b"1\r\nA\r\n"
    for size in (250_000, limits.BODY + 1):
        yield Attack(f"{size} chunks", _head("POST", "/sparql", f"{_typed(QUERY)}Transfer-Encoding: chunked\r\n")
                     + chunk * size + b"0\r\n\r\n")  # fmt: skip
    yield _post(
        "a packed body", gzip.compress(b"ASK {} #" + b"x" * limits.BODY), QUERY, "*/*", "Content-Encoding: gzip\r\n"
    )
    yield _post("a body that is too large", b"x" * (limits.BODY + 1), QUERY, "*/*")
    yield Attack("a digit too many", _head("GET", f"/sitemap-{'9' * 5000}.xml"))
    yield Attack("many requests at once", _head("GET", "/healthz").replace(b"Connection: close\r\n", b"") * 2000
                 + _head("GET", "/healthz"))  # fmt: skip


def _paths(described: dict[str, Any]) -> list[str]:
    table = {re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path) for route in routes()}
    return sorted(table | set(described["paths"]))


def _parameters(described: dict[str, Any], path: str) -> list[str]:
    listed = described["paths"].get(path, {}).get("get", {}).get("parameters", [])
    return sorted({each["name"] for each in listed if each["in"] == "query"} | {"lang", "unheard-of"})


def _on_headers(path: str) -> Iterator[Attack]:
    method = "OPTIONS" if path == "/sparql" else "GET"
    query = "?query=ASK%7B%7D" if path == "/sparql" else ""
    for number, name in enumerate(HEADERS):
        for size in (limits.PREFERENCES, limits.PREFERENCES + 1, limits.HEAD - 200 - len(path), limits.HEAD + 1):
            for filler in _some(LINES, number + len(path), path):
                value = _filled(filler, size)
                for asked in dict.fromkeys((method, "GET")):
                    request = _head(asked, path + query, f"{name}: {value}\r\n", host=name != "host")
                    yield Attack(f"{asked} {path}, {size} bytes of {name}: {filler}", request)
    for count in (limits.HEADERS - 3, limits.HEADERS + 1):
        yield Attack(f"{path}, {count} headers", _head("GET", path, "a: b\r\n" * count))
        yield Attack(f"{path}, {count} lines of Accept", _head("GET", path, "Accept: a/b\r\n" * count))


def _on_path(path: str) -> Iterator[Attack]:
    if "{" not in path:
        return
    for filler in TEXTS:
        for size in (limits.PATH, limits.ADDRESS - len(path), limits.ADDRESS + 1):
            for accept in ("", f"Accept: {BROWSER}\r\n"):
                request = _head("GET", re.sub(r"\{\w+\}", lambda _: _filled(filler, size), path, count=1), accept)  # noqa: B023
                yield Attack(f"{path}, {size} bytes of {filler}", request)


def _on_parameters(path: str, names: list[str]) -> Iterator[Attack]:
    for number, name in enumerate(names):
        for filler in _some(TEXTS, number + len(path), path):
            for size in (limits.PREFERENCES, limits.ADDRESS - len(path) - len(name) - 2, limits.ADDRESS + 1):
                for accept in ("", f"Accept: {BROWSER}\r\n"):
                    request = _head("GET", f"{path}?{name}={_filled(filler, size)}", accept)
                    yield Attack(f"{path}, {size} bytes of {name}={filler}, {accept.strip()}", request)
        for count in (limits.PARAMETERS, limits.PARAMETERS + 1):
            pairs = "&".join([f"{name[:10]}=x"] * count)
            yield Attack(f"{path}, {count} times {name}", _head("GET", f"{path}?{pairs}", f"Accept: {BROWSER}\r\n"))


def _some(fillers: tuple[str, ...], number: int, path: str) -> tuple[str, ...]:
    """Choose with what something is filled: with all in turn where queries are asked, elsewhere with two of them."""
    return fillers if path in EACH else (fillers[number % len(fillers)], fillers[(5 * number + 3) % len(fillers)])


def _filled(filler: str, size: int) -> str:
    return (filler * (size // len(filler) + 1))[:size]


def _head(method: str, path: str, more: str = "", *, host: bool = True) -> bytes:
    first = f"{method} {path} HTTP/1.1\r\n{'Host: x' if host else 'X: x'}\r\nConnection: close\r\n"
    return f"{first}{more}\r\n".encode()


def _typed(media_type: str) -> str:
    return f"Content-Type: {media_type}\r\n"


def _post(name: str, body: bytes, media_type: str, accept: str, more: str = "") -> Attack:
    packed = f"{_typed(media_type)}Content-Length: {len(body)}\r\nAccept: {accept}\r\nAccept-Encoding: gzip\r\n{more}"
    return Attack(f"POST {name}", _head("POST", "/sparql", packed) + body)
