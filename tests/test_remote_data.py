# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""`kgbuild serve --engine`: pages, questions and the endpoint over the Oxigraph server and Virtuoso 7, as embedded."""

from __future__ import annotations

import asyncio
import csv
import difflib
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from pyoxigraph import QueryResultsFormat, QuerySolutions, RdfFormat, parse, parse_query_results

from canary import DISGUISED, PLAIN, listening
from kgbuild.build.loading import RESOLVED_GRAPH, find_target, load_release
from kgbuild.core.progress import Silent
from kgbuild.questions.named import load_questions
from kgbuild.server.data.access import OPERATIONS, Data, EmbeddedData, RemoteEndpoint
from kgbuild.server.data.remote import RemoteData
from kgbuild.workers.lanes import Limits
from nonempty import nonempty
from servers import oxigraph_server, virtuoso_server
from serving import BROWSER, JSON, PATIENCE, ROOT, RUNAWAY, Served, is_alive, serving, until

PROBLEM = "https://w3id.org/icn/problem/"
QUESTIONS = load_questions(ROOT / "queries" / "questions")
PATHS = ("/", "/questions/", "/dataset", "/ontology", "/search?q=school", "/sparql", "/releases/", "/context.jsonld")
FORMATS = {
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "jsonld": RdfFormat.JSON_LD,
    "rdf": RdfFormat.RDF_XML,
    "trig": RdfFormat.TRIG,
}
NO_RELEASE = "files of a release are beside the server that made it: none to list or to download, no shapes or patterns"
DEVIATIONS: Final[dict[tuple[str, str], str]] = {
    (server, path): NO_RELEASE
    for server in ("oxigraph", "virtuoso")
    for path in ("/dataset", "/ontology", "/releases/", "/shapes")
}
"""(server, what) -> why it may differ from the embedded engine."""


@pytest.fixture(scope="module")
def embedded(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("embedded"), build=project / "build") as served:
        yield served


@pytest.fixture(scope="module", params=["oxigraph", "virtuoso"])
def engine(
    request: pytest.FixtureRequest, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, RemoteEndpoint]]:
    """Load the release of the golden fixture into another server; gives its name as well."""
    name: str = request.param
    start = oxigraph_server if name == "oxigraph" else virtuoso_server
    graph = None if name == "oxigraph" else RESOLVED_GRAPH
    with start(tmp_path_factory.mktemp(name)) as server:
        target = find_target(server.endpoint, server.graph_store, graph, server.environment)
        load_release((project / "build" / "current").resolve(), target, Silent())
        yield name, RemoteEndpoint(server.endpoint, graph or "")


@pytest.fixture(scope="module")
def remote(
    engine: tuple[str, RemoteEndpoint], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Served]]:
    """Serve what the other server holds; gives its name as well."""
    name, there = engine
    options = ["--engine", there.endpoint, "--query-timeout", "20"]
    options += ["--resolved-graph", there.default_graph] if there.default_graph else []
    with serving(tmp_path_factory.mktemp("remote"), options=options) as served:
        yield name, served


def test_three_operations_are_the_same(engine: tuple[str, RemoteEndpoint], project: Path) -> None:
    """SELECT, CONSTRUCT and the description of a thing: the same from workers here as from the other server."""
    graph = project / "build" / "current" / "graph.nq"
    mine = asyncio.run(_three(RemoteData(engine[1], Limits(), Counter())))
    theirs = asyncio.run(_three(EmbeddedData((graph,), Limits(), handlers=OPERATIONS)))
    assert theirs == mine
    assert all(theirs)


async def _three(data: Data) -> tuple[list[str], set[str], set[str]]:
    await data.start()
    try:
        rows = (await data.select("SELECT ?m ?o { ?m icn:organization ?o }")).records()
        made = await data.construct("CONSTRUCT { ?m icn:member ?a } WHERE { ?m icn:member ?a }")
        described = await data.describe("https://w3id.org/icn/id/network/lakes-academies")
        return sorted(map(str, rows)), {str(t) for t in parse(made, RdfFormat.N_TRIPLES)}, {str(q) for q in described}
    finally:
        await data.stop()


def get(served: Served, path: str, accept: str = BROWSER) -> requests.Response:
    return requests.get(served.address + path, headers={"Accept": accept}, timeout=PATIENCE, allow_redirects=False)


def shown(served: Served, path: str) -> tuple[int, str]:
    """Read a page as people do: without its release, which is another one, and its address."""
    answer = get(served, path)
    text = answer.text.replace(served.address, "")
    text = re.sub(r"\b[0-9a-f]{16}\b|\bremote\b", "", re.sub("<[^>]+>", " ", text))
    return answer.status_code, " ".join(text.split())


def deviates(name: str, what: str) -> bool:
    return (name, what) in DEVIATIONS


def things(served: Served) -> list[str]:
    """List the page of a thing of each kind."""
    found = re.findall("<loc>https?://[^/]+(.*?)</loc>", get(served, "/sitemap-0.xml").text)
    return list({path.rpartition("/")[0]: path for path in found}.values())


def test_pages_are_the_same(embedded: Served, remote: tuple[str, Served]) -> None:
    """The page of a thing of each kind, and the others: the same text as from the release."""
    name, served = remote
    paths = [path for path in (*PATHS, *things(embedded)) if not deviates(name, path)]
    assert len(paths) > 20
    pairs = {path: (shown(embedded, path), shown(served, path)) for path in paths}
    assert [] == [path for path, (theirs, mine) in pairs.items() if theirs != mine], difference(pairs)


def difference(pairs: dict[str, tuple[tuple[int, str], tuple[int, str]]]) -> str:
    """Show where the first two that differ do."""
    theirs, mine = next((pair for pair in pairs.values() if pair[0] != pair[1]), ((0, ""), (0, "")))
    lines = difflib.unified_diff(theirs[1].split(), mine[1].split(), lineterm="", n=2)
    return f"{theirs[0]} {mine[0]} {' '.join(lines)[:500]}"


def test_one_thing_of_each_kind_has_the_same_data(embedded: Served, remote: tuple[str, Served]) -> None:
    """In every format, the same triples as from the release."""
    name, served = remote
    kinds = [path for path in things(embedded) if path.startswith(("/doc/", "/vocabulary/"))]
    assert len(kinds) > 10
    for number, path in enumerate(kinds):
        suffix, format_ = list(FORMATS.items())[number % len(FORMATS)]
        mine, theirs = (
            {str(q) for q in parse(get(s, f"{path}.{suffix}").content, format_)} for s in (served, embedded)
        )
        assert theirs == mine, (name, path, suffix)


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_have_the_same_rows(embedded: Served, remote: tuple[str, Served], question: str) -> None:
    """All named questions, with their own defaults."""
    name, served = remote
    if deviates(name, question):
        pytest.skip(DEVIATIONS[name, question])
    path = f"/questions/{question}?format=csv"
    mine, theirs = get(served, path), get(embedded, path)
    assert theirs.status_code == mine.status_code
    if theirs.status_code == 200:
        assert list(csv.reader(io.StringIO(theirs.text))) == list(csv.reader(io.StringIO(mine.text)))
        assert shown(embedded, path.partition("?")[0]) == shown(served, path.partition("?")[0])


# --- the endpoint -------------------------------------------------------------------------------------------------

NAMES = "SELECT ?s ?name { ?s rdfs:label ?name OPTIONAL { ?s icn:nothing ?x } } ORDER BY ?s ?name"
HEAD = "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX icn: <https://w3id.org/icn/ontology#> "


def problem_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


def test_tables_are_the_same_in_every_format(embedded: Served, remote: tuple[str, Served]) -> None:
    """JSON, XML, CSV and TSV hold the rows of the embedded engine."""
    _, served = remote
    formats = {
        JSON: QueryResultsFormat.JSON,
        "application/sparql-results+xml": QueryResultsFormat.XML,
        "text/tab-separated-values": QueryResultsFormat.TSV,
    }
    for media_type, format_ in nonempty(formats.items()):
        mine, theirs = (s.ask(HEAD + NAMES, media_type) for s in (served, embedded))
        assert media_type in mine.headers["Content-Type"]
        read = [parse_query_results(answer.content, format=format_) for answer in (mine, theirs)]
        assert all(isinstance(each, QuerySolutions) for each in nonempty(read))
        rows = [[tuple(solution) for solution in each] for each in read if isinstance(each, QuerySolutions)]
        assert len(rows[1]) > 100
        assert Counter(rows[1]) == Counter(rows[0])
    assert sorted(embedded.ask(HEAD + NAMES, "text/csv").text) == sorted(served.ask(HEAD + NAMES, "text/csv").text)


@pytest.mark.parametrize(("query", "truth"), [("ASK { ?s ?p ?o }", True), ("ASK { <urn:x> ?p ?o }", False)])
def test_ask_is_answered(remote: tuple[str, Served], query: str, truth: bool) -> None:
    """In JSON and XML; CSV has no form for it."""
    _, served = remote
    assert truth is served.ask(query).json()["boolean"]
    assert f"<boolean>{str(truth).lower()}</boolean>" in served.ask(query, "application/sparql-results+xml").text
    assert (406, "not-acceptable") == problem_of(served.ask(query, "text/csv"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_graphs_are_the_same_in_every_format(embedded: Served, remote: tuple[str, Served], suffix: str) -> None:
    """CONSTRUCT gives each triple once."""
    _, served = remote
    query = HEAD + "CONSTRUCT { ?s rdfs:label ?name } WHERE { ?s rdfs:label ?name ; ?p ?o }"
    answers = [s.get({"query": query, "format": suffix}) for s in (served, embedded)]
    mine, theirs = ([str(quad) for quad in parse(each.content, FORMATS[suffix])] for each in answers)
    assert len(theirs) > 100
    assert sorted(theirs) == sorted(mine)


def test_the_three_ways_to_ask_are_one(remote: tuple[str, Served]) -> None:
    """GET, a form, the query as the body; and an answer that is kept has the same tag."""
    _, served = remote
    got = served.ask(HEAD + NAMES)
    form = served.request("POST", data={"query": HEAD + NAMES})
    body = served.request("POST", data=(HEAD + NAMES).encode(), Content_Type="application/sparql-query")
    assert got.content == form.content == body.content
    assert got.headers["ETag"] == body.headers["ETag"]
    assert 304 == served.ask(HEAD + NAMES, If_None_Match=got.headers["ETag"]).status_code


def test_graphs_are_chosen(embedded: Served, remote: tuple[str, Served]) -> None:
    """By the request, by FROM and FROM NAMED; one that is not there is refused by name."""
    name, served = remote
    dates, entities = (f"https://w3id.org/icn/graph/{each}" for each in ("dates", "entities"))
    count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    asked = [
        ("one graph", {"query": count, "default-graph-uri": dates}),
        ("two graphs", {"query": count, "default-graph-uri": [dates, entities]}),
        ("FROM", {"query": count.replace("{", f"FROM <{dates}> {{")}),
        ("FROM NAMED", {"query": count.replace("{ ?s ?p ?o }", f"FROM NAMED <{dates}> {{ GRAPH ?g {{ ?s ?p ?o }} }}")}),
        ("GRAPH", {"query": count.replace("{ ?s ?p ?o }", f"{{ GRAPH <{dates}> {{ ?s ?p ?o }} }}")}),
    ]
    for what, parameters in nonempty(asked):
        mine, theirs = (s.get(parameters).json()["results"]["bindings"][0]["n"]["value"] for s in (served, embedded))
        assert theirs == mine or deviates(name, what), what
    assert (400, "unknown-graph") == problem_of(served.ask("SELECT * FROM <urn:nobody> { ?s ?p ?o }"))
    assert (400, "unknown-graph") == problem_of(served.get({"query": count, "named-graph-uri": "urn:nobody"}))


def test_relative_iris_are_relative_to_our_endpoint(remote: tuple[str, Served]) -> None:
    """Not to that of the other server."""
    _, served = remote
    assert [{"x": f"{served.address}/thing"}] == served.rows("SELECT ?x { BIND(<thing> AS ?x) }")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", (403, "read-only")),
        ("DROP ALL", (403, "read-only")),
        ("SELECT * { ?s ?p }", (400, "syntax-error")),
        ("SELECT * { ?s icn:joined ?o }", (400, "syntax-error")),
        ("ASK { " + "{ " * 200 + "}" * 201, (400, "query-too-complex")),
        ("ASK {} #" + "x" * 256_000, (413, "query-too-long")),
    ],
)
def test_our_rules_hold(remote: tuple[str, Served], query: str, problem: tuple[int, str]) -> None:
    """What we refuse is not sent, and the reason is told as ever."""
    _, served = remote
    answer = served.request("POST", data=query.encode(), Content_Type="application/sparql-query")
    assert problem == problem_of(answer)
    if problem[1] == "syntax-error":
        assert 1 == answer.json()["line"]
    assert served.rows("SELECT (COUNT(*) AS ?n) { <urn:a> ?p ?o }") == [{"n": "0"}]


def test_what_ends_a_parser_ends_no_server(remote: tuple[str, Served]) -> None:
    """Chains that no limit on brackets sees are parsed in a worker of ours first; the other server goes on."""
    _, served = remote
    chain = "ASK { FILTER(" + " || ".join(["?x = 1"] * 20_000) + ") }"
    answer = served.request("POST", data=chain.encode(), Content_Type="application/sparql-query")
    assert answer.status_code in (400, 502, 503, 504)
    until(served.is_well, "it is well")


@pytest.mark.parametrize("written", [*PLAIN, *DISGUISED])
def test_nobody_else_is_asked(remote: tuple[str, Served], written: str) -> None:
    """SERVICE, in the open or in disguise: neither we nor the other server call anybody."""
    _, served = remote
    with listening() as canary:
        answer = served.request("POST", data={"query": written.format(c=canary.address)})
        assert answer.status_code in (200, 400, 403), answer.text
        assert [] == canary.calls


def test_a_deadline_is_kept(remote: tuple[str, Served]) -> None:
    """A runaway is ended for its reader when the time is up, or refused by the other server before that."""
    _, served = remote
    started = time.monotonic()
    assert (504, "deadline") == problem_of(served.ask(RUNAWAY))
    assert time.monotonic() - started < 40


def test_rows_have_no_sources(remote: tuple[str, Served]) -> None:
    """It is said why, and the rows come all the same."""
    _, served = remote
    answer = served.get({"query": HEAD + NAMES, "sources": "1"}).json()
    assert len(answer["results"]["bindings"]) > 100
    assert "another server" in answer["sources"]["notAttributable"]
    assert (400, "sources-for-select-only") == problem_of(served.get({"query": "ASK {}", "sources": "1"}))


def test_the_description_counts_what_is_there(embedded: Served, remote: tuple[str, Served]) -> None:
    """The same graphs and counts, whatever other graphs the server has of its own."""
    name, served = remote
    mine, theirs = (
        {
            str(quad.triple).replace(s.address, "")
            for quad in parse(get(s, "/sparql", "text/turtle").content, RdfFormat.TURTLE)
        }
        for s in (served, embedded)
    )
    assert theirs == mine or deviates(name, "description"), (theirs - mine, mine - theirs)


# --- servers that fail --------------------------------------------------------------------------------------------


class Stand(BaseHTTPRequestHandler):
    """Answers well until it is told to fail."""

    how = "well"
    open = 0

    def do_POST(self) -> None:
        """Answer a query."""
        query = self.rfile.read(int(self.headers["Content-Length"]))
        if self.how == "silent" and b"hangs" in query:
            Stand.open += 1
            self.connection.recv(1)  # until the client goes
            Stand.open -= 1
            return
        bodies: dict[str, Any] = {
            "cut": b'{"head": {"vars": ["n"]}, "results": {"bindings": [{"n": The operation was cancelled',
            "html": b"<html>Fatal error</html>",
            "large": json.dumps({"head": {"vars": ["n"]}, "results": {"bindings": []}, "x": "x" * (70 << 20)}).encode(),
        }
        term = {"type": "typed-literal", "value": "1", "datatype": "http://www.w3.org/2001/XMLSchema#integer"}
        rows = [{"n": term}] if any(word in query for word in (b"COUNT", b"well", b"fails")) else []
        well = json.dumps({"head": {"vars": ["n"]}, "results": {"bindings": rows}}).encode()
        body = bodies.get(self.how, well) if b"fails" in query else well
        status = int(self.how) if self.how.isdecimal() and b"fails" in query else 200
        self.send_response(status)
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def standing() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stand)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def over_stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with standing() as server:
        endpoint = f"http://127.0.0.1:{server.server_address[1]}/query"
        with serving(tmp_path_factory.mktemp("stand"), options=["--engine", endpoint]) as served:
            yield served


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("cut", (502, "engine-unreachable")),
        ("html", (502, "engine-unreachable")),
        ("large", (400, "answer-too-large")),
        ("400", (400, "evaluation-failed")),
        ("500", (502, "engine-unreachable")),
        ("503", (503, "queue-full")),
        ("504", (504, "deadline")),
    ],
)
def test_failures_of_the_other_server_are_problems(
    over_stand: Served, monkeypatch: pytest.MonkeyPatch, how: str, problem: tuple[int, str]
) -> None:
    """Never half an answer, never 200."""
    monkeypatch.setattr(Stand, "how", how)
    answer = over_stand.ask(f"SELECT ?n {{ ?fails ?p {how!r} }}")
    assert problem == problem_of(answer)
    assert [{"n": "1"}] == over_stand.rows(f"SELECT ?n {{ ?well ?p {how!r} }}")


def test_a_query_ends_with_its_client(over_stand: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hangs up closes the connection to the other server."""
    monkeypatch.setattr(Stand, "how", "silent")
    with socket.create_connection(("127.0.0.1", over_stand.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /sparql?query=ASK%20%7B%3Fhangs%20%3Fp%20%3Fo%7D HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: Stand.open == 1, "it is under way")
    until(lambda: Stand.open == 0, "it was let go")


def test_a_server_that_goes_away_is_told(tmp_path: Path) -> None:
    """502 for queries, 503 for /healthz; well again once the other server is back."""
    with standing() as server:
        port = server.server_address[1]
        with serving(tmp_path, options=["--engine", f"http://127.0.0.1:{port}/query"]) as served:
            server.shutdown()
            server.server_close()
            assert (502, "engine-unreachable") == problem_of(served.ask("SELECT ?n { ?s ?p ?n }"))
            until(lambda: get(served, "/healthz").status_code == 503, "it is told within a second")
            again = ThreadingHTTPServer(("127.0.0.1", port), Stand)
            threading.Thread(target=again.serve_forever, daemon=True).start()
            until(lambda: get(served, "/healthz").status_code == 200, "it is well again")
            again.shutdown()
            again.server_close()
            assert is_alive(served.process.pid)


@pytest.mark.parametrize(
    ("options", "finding"),
    [
        (
            ["--engine", "http://127.0.0.1:1/query"],
            "http://127.0.0.1:1/query: The server that holds the data cannot be asked",
        ),
        (["--engine", "file:///etc/passwd"], "--engine file:///etc/passwd: this is no address of a SPARQL server"),
        (["--engine", "http://127.0.0.1:1/", "--data", "x.nq"], "Leave --data and --release out"),
    ],
)
def test_what_cannot_be_served_is_said(tmp_path: Path, options: list[str], finding: str) -> None:
    """At the start, in one sentence."""
    (tmp_path / "x.nq").touch()
    command = [sys.executable, "-c", "from kgbuild.cli import main; main()", "serve", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=PATIENCE)
    assert done.returncode
    assert finding in done.stderr
    assert "Traceback" not in done.stderr
