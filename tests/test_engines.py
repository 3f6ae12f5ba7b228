# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Engines: the embedded one and a server asked through SPARQLWrapper give one answer, or say why there is none.

The server here is a small one of the standard library, so that it can also fail in every way that servers do.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from pyoxigraph import Literal, NamedNode, Quad, QueryResultsFormat, QueryTriples, RdfFormat, Store

from canary import DISGUISED, PLAIN, Canary, listening
from kgbuild.build.release import QUADS, current_release
from kgbuild.core.errors import EngineError, ExitCode, UsageError
from kgbuild.core.namespaces import PREFIXES, sparql_header
from kgbuild.core.terms import Engine, Table, Term, select
from kgbuild.sparql import results
from kgbuild.sparql.embedded import EmbeddedEngine, open_release
from kgbuild.sparql.remote import LONGEST_GET, RemoteEngine, query_form
from mini import kgbuild_here
from servers import Server, oxigraph_server

HEADER = sparql_header({name: PREFIXES[name] for name in ("icn", "network", "rdfs")})
SELECT = (
    HEADER + "SELECT ?m ?held ?type { ?m a icn:Meeting OPTIONAL { ?m icn:held ?held } ?m a ?type } ORDER BY ?m ?type"
)
HALF_JSON = b'{"head": {"vars": ["x"]}, "results": {"bindings": [{"x": {"type": "uri", "value": "urn:a"}},'


@dataclass
class Service:
    """A running server: its address, the queries it was asked with their methods, and what ends its waiting."""

    address: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def engine(self, path: str = "query", timeout: float = 10) -> RemoteEngine:
        """Ask the server at a path: each has its own way to answer."""
        return RemoteEngine(f"{self.address}/{path}", timeout)


@pytest.fixture(scope="module")
def store(project: Path) -> Store:
    loaded = Store()
    loaded.bulk_load(path=current_release(project / "build").path / QUADS, format=RdfFormat.N_QUADS)
    return loaded


@pytest.fixture(scope="module")
def embedded(store: Store) -> Engine:
    return EmbeddedEngine(store)


@pytest.fixture
def service(store: Store) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        """Answers as the path says."""

        def do_GET(self) -> None:
            self.answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def answer(self, parameters: str) -> None:
            query = parse_qs(parameters)["query"][0]
            running.asked.append((self.command, query))
            path = urlsplit(self.path).path.removeprefix("/")
            if path.isdecimal():
                self.reply(int(path), "text/plain", b"The server\nsays why.")
            elif path == "html":
                self.reply(200, "text/html", b"<!DOCTYPE html><title>Welcome</title>")
            elif path == "half":
                self.reply(200, "application/sparql-results+json", HALF_JSON)
            elif path == "half-turtle":
                self.reply(200, "text/turtle", b"<urn:a> <urn:b> ")
            elif path == "cut":
                self.reply(200, "application/sparql-results+json", HALF_JSON, claimed=5000)
            elif path == "silent":
                running.enough.wait(10)
            elif path == "stuck":
                self.reply(200, "application/sparql-results+json", HALF_JSON, claimed=5000)
                running.enough.wait(10)
            elif path == "array":
                self.reply(200, "application/sparql-results+json", b"[]")
            else:
                self.ask(query)

        def ask(self, query: str) -> None:
            try:
                found = store.query(query)
            except SyntaxError as fault:
                self.reply(400, "text/plain", str(fault).encode())
                return
            if isinstance(found, QueryTriples):
                self.reply(200, "application/n-triples", found.serialize(format=RdfFormat.N_TRIPLES) or b"")
            else:
                body = found.serialize(format=QueryResultsFormat.JSON) or b""
                self.reply(200, "application/sparql-results+json", body)

        def reply(self, code: int, type_: str, body: bytes, claimed: int = 0) -> None:
            self.send_response(code)
            self.send_header("Content-Type", type_)
            self.send_header("Content-Length", str(claimed or len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Service(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.enough.set()
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(engine: Engine, text: str = "SELECT * { ?s ?p ?o }") -> str:
    """Give the message of an engine that does not answer."""
    with pytest.raises(EngineError) as caught:
        engine.query(text)
    assert ExitCode.FAILURE == caught.value.exit_code
    return str(caught.value)


# --- one answer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        SELECT,
        HEADER + "SELECT * { ?s rdfs:label ?label ; ?p ?o FILTER (!ISBLANK(?o)) } ORDER BY ?s ?label ?p ?o LIMIT 500",
        HEADER + 'SELECT ?day ?n ?text { ?d icn:earliest ?day ; icn:year ?n BIND ("a \\"b\\"\\n\\u0416"@ru AS ?text) } '
        "ORDER BY ?day ?n",
        "SELECT (1 + 1 AS ?two) (1.5 AS ?decimal) (true AS ?yes) {}",
        "SELECT * { FILTER (false) }",
        "ASK { ?s ?p ?o }",
        "# select\nPREFIX ask: <urn:ask> ASK { FILTER (false) }",
        HEADER + "CONSTRUCT { ?m icn:held ?d } { ?m icn:held ?d }",
        "CONSTRUCT { ?s <urn:p> 1 } { VALUES ?s { <urn:a> <urn:a> } }",
        HEADER + "DESCRIBE network:lakes-academies",
    ],
    ids=["optional", "labels", "values", "numbers", "nothing", "yes", "no", "construct", "a set", "describe"],
)
def test_server_and_release_give_one_answer(embedded: Engine, service: Service, query: str) -> None:
    """Rows, words and triples are the same from the release and over HTTP: terms, types, order, what is unbound."""
    assert embedded.query(query) == service.engine().query(query)


def test_answer_has_rows_with_gaps(embedded: Engine) -> None:
    """The answers compared are not empty: six meetings with their classes, two of them with a date."""
    table = select(embedded, SELECT)
    held = [row["held"].value.rpartition("/")[2] for row in table.records() if "held" in row]
    assert ("m", "held", "type") == table.columns
    assert {"2019-05-13_2019-05-14", "2020-10-03"} == set(held)
    assert any(row[1] is None for row in table.rows)


def test_command_asks_either(project: Path, service: Service) -> None:
    """`--endpoint` takes the release's place in the command, and changes no byte of the answer."""
    asked = ["query", "-", "--format", "csv"]
    local = kgbuild_here(project, *asked, stdin=SELECT)
    remote = kgbuild_here(project, *asked, "--endpoint", f"{service.address}/query", stdin=SELECT)
    assert (0, local.stdout, "") == (remote.returncode, remote.stdout, remote.stderr)
    assert [("GET", SELECT)] == service.asked


def test_long_query_is_posted(embedded: Engine, service: Service) -> None:
    """A query too long for an address goes as a form, and loses nothing on the way."""
    query = SELECT + f"\n# {'ж&=+%' * LONGEST_GET}"
    assert embedded.query(query) == service.engine().query(query)
    assert [("POST", query)] == service.asked


@pytest.fixture(scope="module")
def oxigraph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the Oxigraph server with a triple in each of two named graphs."""
    with oxigraph_server(tmp_path_factory.mktemp("oxigraph")) as server:
        for name in "ab":
            body, headers = f"<urn:{name}> <urn:p> 1 .", {"Content-Type": "text/turtle"}
            sent = requests.put(
                server.graph_store, body, params={"graph": f"urn:g/{name}"}, headers=headers, timeout=30
            )
            sent.raise_for_status()
        yield server


@pytest.mark.parametrize("comment", ["", f"# {'x' * LONGEST_GET}"], ids=["short", "long"])
@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ("", []),
        ("?", []),
        ("?default-graph-uri=urn:g/a", ["urn:a"]),
        ("?default-graph-uri=urn%3Ag%2Fa&default-graph-uri=urn:g/b&key=", ["urn:a", "urn:b"]),
        ("?named-graph-uri=urn:g/a", []),
    ],
)
def test_address_may_have_parameters(oxigraph: Server, parameters: str, found: list[str], comment: str) -> None:
    """A server's address keeps the parameters that it has, with a short query and with one that is posted."""
    engine = RemoteEngine(oxigraph.endpoint + parameters)
    rows = select(engine, f"SELECT ?s {{ ?s ?p ?o }} ORDER BY ?s {comment}").rows
    assert found == [term.value for (term,) in rows if term]


# --- no answer --------------------------------------------------------------------------------------------------------


def test_server_that_is_down(project: Path) -> None:
    """An address where nobody listens is said, with what to check; the command ends with 3."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/query"
    said = refusal(RemoteEngine(address))
    assert said.startswith(f"{address}: the server cannot be reached: ")
    assert said.endswith("Check the address, and that the server runs.")
    done = kgbuild_here(project, "query", "-", "--endpoint", address, stdin="ASK {}")
    assert (ExitCode.FAILURE, "", f"{said}\n") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("path", ["silent", "stuck"])
def test_server_that_is_slow(service: Service, path: str) -> None:
    """A server that does not begin, or begins and stops, is waited for as long as was said."""
    expected = f"{service.address}/{path}: no answer within 0.2 seconds. Ask for less, or wait longer."
    assert expected == refusal(service.engine(path, 0.2))


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (400, "Correct the query."),
        (401, "The server wants credentials; ask one that is open to you."),
        (403, "Check the address and the query."),
        (404, "Check the path of the address, often /query or /sparql."),
        (414, "Check the address and the query."),
        (500, "Ask for less, or later."),
        (503, "Ask for less, or later."),
    ],
)
def test_server_that_refuses(service: Service, code: int, remedy: str) -> None:
    """An HTTP error is told by its number, with the server's own words in one line and what can be done."""
    expected = f"{service.address}/{code}: the server answered {code}: The server says why. {remedy}"
    assert expected == refusal(service.engine(str(code)))


def test_query_that_the_server_cannot_read(service: Service) -> None:
    """The server judges the syntax; its words come back."""
    said = refusal(service.engine(), "SELECT * { ?s ?p }")
    assert said.startswith(f"{service.address}/query: the server answered 400: ")
    assert said.endswith("Correct the query.")


@pytest.mark.parametrize("query", ["SELECT * { ?s ?p ?o }", "ASK {}"])
@pytest.mark.parametrize("path", ["half", "cut", "html", "array"])
def test_part_of_an_answer_is_no_answer(service: Service, path: str, query: str) -> None:
    """An answer that breaks off, is a web page, or is other JSON gives no rows: not even those that did arrive."""
    said = refusal(service.engine(path), query)
    assert said.startswith(
        (f"{service.address}/{path}: the answer is not whole, ", f"{service.address}/{path}: the conn")
    )
    assert "html" not in path or "Welcome" in said


@pytest.mark.parametrize(
    ("path", "finding"), [("half-turtle", "is not whole, or no RDF"), ("html", "is text/html, not")]
)
def test_part_of_a_graph_is_no_graph(service: Service, path: str, finding: str) -> None:
    """The same of triples: half a graph, and a page, are errors."""
    said = refusal(service.engine(path), "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }")
    assert said.startswith(f"{service.address}/{path}: the answer {finding}")


# --- wrong usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x/y", "localhost:7878/query", "/query", "http://"])
def test_what_is_no_address(address: str) -> None:
    """Only web addresses are asked: no file is opened under the name of an endpoint."""
    with pytest.raises(UsageError, match=r"this is no address of a SPARQL server\. Give one that starts with http"):
        RemoteEngine(address)


def test_no_time_to_wait() -> None:
    """A time of nothing, which libraries read as none or for ever, is refused."""
    with pytest.raises(UsageError, match=r"The time to wait is 0 seconds\. Give more than 0\."):
        RemoteEngine("http://x.example/", 0)


@pytest.mark.parametrize("query", ["", "INSERT DATA { <a:> <b:> <c:> }", "# SELECT", "PREFIX a: <b> DROP ALL"])
def test_what_is_no_question_is_not_sent(service: Service, query: str) -> None:
    """An update, or nothing, never reaches the server."""
    with pytest.raises(UsageError, match=r"does not begin with SELECT, ASK, CONSTRUCT or DESCRIBE"):
        service.engine().query(query)
    assert [] == service.asked


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("PREFIX ask: <urn:x> BASE <urn:y>\n# ASK\nselect * {}", "SELECT"),
        ("PREFIX task:<a#b>#\nASK {}", "ASK"),
        ("describe <urn:ask>", "DESCRIBE"),
        ("WITH <g> DELETE {} WHERE {}", ""),
    ],
)
def test_form_of_a_query(query: str, form: str) -> None:
    """The form is the first word after the prologue, whatever comments and prefixes are called."""
    assert form == query_form(query)


# --- the embedded engine ----------------------------------------------------------------------------------------------


@pytest.fixture
def canary() -> Iterator[Canary]:
    with listening() as found:
        yield found


@pytest.mark.parametrize("written", PLAIN)
def test_nobody_else_is_asked(embedded: Engine, canary: Canary, written: str) -> None:
    """A federated query is refused with its place, and nobody is called: also for SILENT, which hides faults."""
    query = written.format(c=canary.address)
    with pytest.raises(UsageError, match=r"^q:\d+:\d+: federated queries \(SERVICE\) are refused: nobody") as caught:
        embedded.query(query, "q")
    line, column = map(int, str(caught.value).split(":")[1:3])
    assert query.split("\n")[line - 1][column - 1 :].upper().startswith("SERVICE")
    assert [] == canary.calls


@pytest.mark.parametrize("written", DISGUISED)
def test_no_disguise_helps(embedded: Engine, canary: Canary, written: str) -> None:
    """Whatever the text looks like, the parser's own reading decides: an answer or a refusal, and no call."""
    with contextlib.suppress(UsageError):
        assert "leaked" not in str(embedded.query(written.format(c=canary.address)))
    assert [] == canary.calls


BURIED = [
    ("ASK { ?s ?p trueSERVICE <CANARY> { ?a ?b ?c } }", "1:17"),
    ("ASK { ?s ?p ?o\nFILTER(?o<'x>'||1=1)SERVICE <CANARY> { ?a ?b 'y' } }", "2:21"),
    ("ASK { ?s ?p ?o FILTER(?o<'x>'||1=1)SERVICE SILENT <CANARY> { ?a ?b 'y' } } # SERVICE", "1:36"),
    ("ASK { ?service ?p 'civil service' }", ""),
    ("ASK { ?service ?p 'civil service'@en-service FILTER(?service != <urn:service>) } # SERVICE", ""),
]


@pytest.mark.parametrize(("query", "place"), BURIED)
def test_command_asks_nobody_else(project: Path, canary: Canary, query: str, place: str) -> None:
    """`kgbuild query` tells a buried SERVICE with line and column; names, texts and comments may hold the word."""
    query = query.replace("CANARY", canary.address)
    done = kgbuild_here(project, "query", "-", stdin=query)
    assert [] == canary.calls
    if place:
        said = "federated queries (SERVICE) are refused: nobody else is asked. Ask each endpoint yourself."
        assert (ExitCode.USAGE, "", f"standard input:{place}: {said}\n") == (done.returncode, done.stdout, done.stderr)
        data = Store()
        data.add(Quad(NamedNode("urn:s"), NamedNode("urn:p"), Literal(True)))
        with contextlib.suppress(OSError, RuntimeError):
            data.query(query)
        assert [] != canary.calls, "nobody would have been called anyway"
    else:
        assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("ASK { ?s ?p ?o # service", "1:25: the query cannot be read: expected "),
        ("ASK { ?s ?p ?service", "1:21: the query cannot be read: expected "),
        (
            "ASK { ?s service:x ?o }",
            "1:10: the query cannot be read: the prefix service is not declared. Did you mean series?",
        ),
        ("ASK { ?s x:y 'service' }", "1:10: the query cannot be read: the prefix x is not declared. Declare it."),
        ("ASK { SERVICE <urn:x> { ?s ?p } }", "1:31: the query cannot be read: expected "),
    ],
)
def test_fault_beside_the_word_service(embedded: Engine, query: str, said: str) -> None:
    """A query that cannot be read is told its fault at its place, whatever holds the word."""
    with pytest.raises(UsageError) as caught:
        embedded.query(query, "q")
    assert str(caught.value).startswith(f"q:{said}")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * {\n  ?s ?p }", "q.rq:2:9: the query cannot be read: expected "),
        (
            "ASK { ?x icn:held ?y }",
            "q.rq:1:10: the query cannot be read: the prefix icn is not declared. "
            "Add PREFIX icn: <https://w3id.org/icn/ontology#>.",
        ),
        (
            "ASK { ?x odd:held 'icn:x' }",
            "q.rq:1:10: the query cannot be read: the prefix odd is not declared. Declare",
        ),
        ("SELECT ?x (COUNT(?y) AS ?n) { ?x ?p ?y }", "is neither grouped nor aggregated"),
        ("DROP ALL", "the query cannot be read"),
    ],
)
def test_query_that_cannot_be_read(embedded: Engine, query: str, said: str) -> None:
    """A wrong query is a matter of usage: its place, what is expected there, and the prefixes that are missing."""
    with pytest.raises(UsageError) as caught:
        embedded.query(query, "q.rq")
    assert str(caught.value).startswith("q.rq:")
    assert said in str(caught.value)


def test_triple_terms_are_refused(embedded: Engine) -> None:
    """RDF 1.2's triple terms have no form here: they are refused, not dropped."""
    assert "triple term" in refusal(embedded, "SELECT (<<( <urn:a> <urn:b> <urn:c> )>> AS ?t) {}")


def test_table_is_asked_for(embedded: Engine) -> None:
    """What needs rows says so when it gets a word."""
    with pytest.raises(EngineError, match=r"x: the answer is no table\. Only a SELECT query can be used here\."):
        select(embedded, "ASK {}", "x")


def test_release_that_is_not_there_or_damaged(tmp_path: Path) -> None:
    """A folder without quads is wrong usage; one whose quads are no N-Quads has failed."""
    with pytest.raises(UsageError, match=r"there is no release here\. Make one with 'kgbuild build'\."):
        open_release(tmp_path)
    (tmp_path / QUADS).write_text("<urn:a> <urn:b>\n")
    with pytest.raises(EngineError, match=r"The release is damaged: make it again"):
        open_release(tmp_path)


def test_records_leave_out_what_is_unbound() -> None:
    """A row as a mapping has no key where nothing is bound."""
    table = Table(("a", "b"), ((Term("iri", "urn:x"), None),))
    assert [{"a": Term("iri", "urn:x")}] == table.records()


@pytest.mark.parametrize("at_once", [0, 1 << 20])
@pytest.mark.parametrize(
    "text",
    [
        '{"head": {"vars": []}, "results": {"bindings": []}}',
        ' { "boolean" : true }\n',
        '{"results":{"bindings":[{"x":{"type":"uri","value":"urn:é"}}, {} ,{"x":{"value":"]},"}}]},"sources":[[1],{}]}',
    ],
)
def test_json_is_read_alike_at_once_and_row_by_row(text: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read row by row is what the standard library reads, and what is cut off is refused either way."""
    monkeypatch.setattr(results, "_AT_ONCE", at_once)
    assert json.loads(text) == results.read_json(text.encode())
    for faulty in (text.rstrip()[:-1], f"{text} 1"):
        with pytest.raises(json.JSONDecodeError):
            results.read_json(faulty.encode())
