# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Links and headers of every route, over data and for requests that would lead readers astray."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from kgbuild.server.app import routes
from kgbuild.server.http.links import link
from kgbuild.server.http.responses import ALWAYS
from markup import checked
from nonempty import nonempty
from serving import BROWSER, MINI, PATIENCE, Served, mini_file, serving

ELSEWHERE = (
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "//evil.example/x",
    "urn:x:y",
)
ICN, ID = "https://w3id.org/icn/ontology#", "https://w3id.org/icn/id/"
RDF, RDFS, OWL = (
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://www.w3.org/2000/01/rdf-schema#",
    "http://www.w3.org/2002/07/owl#",
)
CONTROLS = "\\u0000\\u001B[2J\\u0085\\u202Eabc\\u2066"
"""As N-Quads write them: NUL, an escape sequence of terminals, a C1 control, a change of direction that never ends."""
SUCH = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ATTRIBUTE = re.compile(r"""\b(?:href|src|action|formaction|poster|cite)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")


def hostile() -> Iterator[str]:
    """Write N-Quads: things that lead elsewhere by each property that pages link, with names that are none."""
    for number, target in enumerate(ELSEWHERE):
        thing, old, article = (f"<{ID}{kind}/hostile-{number}>" for kind in ("network", "institution", "article"))
        iri = f"<{target}>" if ":" in target else f"<http:{target}>"
        yield f"{thing} <{RDF}type> <{ICN}Network> ."
        yield f'{thing} <{RDFS}label> "Hostile {CONTROLS} network {number}"@en .'
        for predicate in (
            f"{OWL}sameAs",
            f"{RDFS}seeAlso",
            "http://xmlns.com/foaf/0.1/homepage",
            "https://schema.org/url",
        ):
            yield f"{thing} <{predicate}> {iri} ."
        yield f"{iri} <{RDF}type> <{ICN}Institution> ."
        yield f'{iri} <{RDFS}label> "Hostile elsewhere {number}"@en .'
        yield f'{old} <{OWL}deprecated> "true"^^<http://www.w3.org/2001/XMLSchema#boolean> .'
        yield f"{old} <http://purl.org/dc/terms/isReplacedBy> {iri} ."
        yield f"{article} <{RDF}type> <{ICN}Article> ."
        yield f'{article} <https://schema.org/url> "{target}" .'
        yield f"{article} <https://schema.org/url> {iri} ."
        yield f"{article} <http://purl.org/dc/terms/publisher> {iri} ."
        yield f'{article} <http://purl.org/dc/terms/title> "{CONTROLS}"@en .'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the mini fixture with hostile data beside it."""
    folder = tmp_path_factory.mktemp("hostile")
    data = folder / "hostile.nq"
    data.write_text("".join(f"{line}\n" for line in hostile()), encoding="utf-8")
    with serving(folder, mini_file(folder), data) as found:
        yield found


def ask(served: Served, path: str, accept: str = BROWSER, method: str = "GET") -> tuple[int, dict[str, str], str]:
    """Ask for a path exactly as it is written: status, headers, body."""
    connection = HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers={"Accept": accept})
        answer = connection.getresponse()
        return (
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read().decode("utf-8", "replace"),
        )
    finally:
        connection.close()


def paths() -> list[str]:
    """List an address of each route, with values that are there and values that would lead elsewhere."""
    there = {
        "path": "network/lakes-academies",
        "suffix": "ttl",
        "number": "0",
        "id": "x",
        "file": "graph.nq",
        "name": "x",
    }
    found = []
    for route in routes():
        filled = re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: there.get(part[1], "x"), route.path)
        wrong = re.sub(r"\{(\w+)(?::\w+)?\}", "javascript:alert(1)", route.path)
        found += [
            filled,
            wrong,
            f"/{filled}",
            f"//evil.example{filled}",
            f"{filled}?lang=ru&q=%22%3E&next=//evil.example",
        ]
        found += [f"{filled}/", f"/%5Cevil.example{filled}", f"{filled}?q=academy"]
    return [
        *found,
        "//evil.example/x",
        "///evil.example",
        "/\\evil.example",
        "/%2F%2Fevil.example/",
        "//evil.example/sparql/",
    ]


def things() -> list[str]:
    """List the pages of what is hostile."""
    kinds = ("network", "institution", "article")
    return [f"/{root}/{kind}/hostile-{n}" for root in ("id", "doc") for kind in kinds for n in range(len(ELSEWHERE))]


QUERIES = [
    f"/sparql?query={quote('SELECT * { ?s ?p ?o FILTER (?s = <' + iri + '> || ?o = <' + iri + '>) }')}&sources=1"
    for iri in (each if ":" in each else f"http:{each}" for each in ELSEWHERE)
] + ["/search?q=hostile", "/search?q=hostile&lang=ru", "/sparql?query=SELECT+*+%7B+%3Fs+%3Fp+%3Fo+%7D+LIMIT+900"]


@pytest.mark.parametrize("path", dict.fromkeys([*paths(), *things(), *QUERIES]))
def test_no_link_leads_astray(served: Served, path: str) -> None:
    """Every link, form and Location is a path of ours or an http address; every answer has all headers of its kind."""
    status, headers, body = ask(served, path)
    assert status < 500, body
    open_to_all = {name for name, _ in ALWAYS if name.startswith(b"access-control")}
    needless = open_to_all if path.partition("?")[0] == "/metrics" else set()
    assert dict(ALWAYS).keys() - needless <= {name.encode() for name in headers}
    assert "nosniff" == headers["x-content-type-options"]
    if "location" in headers:
        assert link(headers["location"]) == headers["location"] != ""
        assert "evil.example/" not in headers["location"] or headers["location"].startswith(
            ("/", "http://evil.example/x")
        )
    targets = re.findall(r"<([^>]*)>;", headers.get("link", ""))
    assert [link(target) for target in targets] == targets
    if headers.get("content-type", "").startswith("text/html"):
        assert "script-src" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        checked(body)
        for found in nonempty(ATTRIBUTE.findall(body)):
            target = "".join(found)
            assert not target or link(target) == target, target
        assert not SUCH.search(body)


@pytest.mark.parametrize(
    "path", ["/", "/sparql?query=ASK%7B%7D", "/style.css", "/icon.svg", "/nothing", "/doc/network/lakes-academies"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("accept", ["text/html", "application/json", "text/turtle", "image/png"])
def test_every_answer_has_the_headers(served: Served, path: str, method: str, accept: str) -> None:
    """Also a refusal, a preflight, and what has no body."""
    _, headers, _ = ask(served, path, accept, method)
    assert dict(ALWAYS).keys() <= {name.encode() for name in headers}


@pytest.mark.parametrize(
    "path", ["/robots.txt", "/sitemap.xml", "/sitemap-0.xml", "/openapi.json", "/opensearch.xml", "/sparql"]
)
def test_what_names_our_address_varies_by_host(served: Served, path: str) -> None:
    """A cache must not give one host's addresses to readers of another."""
    _, headers, _ = ask(served, path, "*/*")
    assert "Host" in headers["vary"].split(", ")


@pytest.mark.parametrize("number", range(len(ELSEWHERE)))
def test_a_successor_that_no_browser_may_follow(served: Served, number: int) -> None:
    """A retired thing whose successor is no web address: its name is told, and nobody is sent there."""
    target = ELSEWHERE[number]
    status, headers, body = ask(served, f"/id/institution/hostile-{number}", "application/json")
    if ":" not in target:
        assert (301, f"http:{target}") == (status, headers["location"])
    else:
        assert 404 == status
        assert target in body
        assert "location" not in headers


def test_the_fixture_is_there() -> None:
    """The mini fixture has what the paths above name."""
    assert "lakes-academies" in "".join(path.name for path in nonempty(list(Path(MINI).rglob("*.yaml"))))
