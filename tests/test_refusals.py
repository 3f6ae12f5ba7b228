# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""What the endpoint refuses: writing, asking others, fetching graphs; and how it says what is wrong, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import requests
from pyoxigraph import Store

from canary import DISGUISED, PLAIN, Canary, listening
from kgbuild.core.namespaces import PREFIXES
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.evaluation import refuse
from kgbuild.workers.request import Request
from nonempty import nonempty
from serving import BROWSER, JSON, Served

PROBLEM = "https://w3id.org/icn/problem/"
UPDATE = "application/sparql-update"
QUERY = "application/sparql-query"


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with listening() as found:
        yield found


def test_the_canary_sings() -> None:
    """The stand-in endpoint counts connections: were there any, these tests would see them."""
    with listening() as other:
        assert 200 == requests.get(other.address, timeout=60).status_code
        assert 1 == len(other.calls)


# --- read-only ----------------------------------------------------------------------------------------------------

UPDATES = [
    "INSERT DATA { <urn:x> <urn:x> <urn:x> }",
    "delete where { ?s ?p ?o }",
    "# INSERT\nPREFIX x: <urn:x> BASE <urn:y>\n\tDELETE { ?s ?p ?o } INSERT { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "CLEAR ALL",
    "DROP SILENT ALL",
    "LOAD <{canary}>",
    "LOAD SILENT <{canary}> INTO GRAPH <urn:x>",
    "LOAD <file:///etc/passwd>",
    "CREATE GRAPH <urn:x>",
    "COPY DEFAULT TO <urn:x>",
    "MOVE DEFAULT TO <urn:x>",
    "ADD DEFAULT TO <urn:x>",
    "WITH <urn:x> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
]


@pytest.mark.parametrize("update", UPDATES)
def test_nothing_is_written(server: Served, canary: Canary, update: str) -> None:
    """Updates by every door are refused with one clear problem, change nothing and fetch nothing."""
    update = update.format(canary=canary.address) if "{canary}" in update else update
    answers = [
        server.request("POST", data={"update": update}),
        server.request("POST", data=update.encode(), Content_Type=UPDATE),
        server.request("POST", {"update": update}, data=b"query=ASK%7B%7D"),
        server.get({"update": update}),
        server.ask(update),
        server.request("POST", data=update.encode(), Content_Type=QUERY),
    ]
    assert {(403, f"{PROBLEM}read-only")} == {(answer.status_code, answer.json()["type"]) for answer in answers[:2]}
    assert {(403, f"{PROBLEM}read-only")} == {(answer.status_code, answer.json()["type"]) for answer in answers[3:]}
    assert 4 == answers[2].status_code // 100
    assert [] == canary.calls
    assert not server.ask("ASK { { <urn:x> ?p ?o } UNION { GRAPH <urn:x> { ?s ?p ?o } } }").json()["boolean"]
    assert server.is_well()


# --- SERVICE ------------------------------------------------------------------------------------------------------


def sendings(server: Served, query: str) -> list[Any]:
    return [server.ask(query), server.request("POST", data=query.encode(), Content_Type=QUERY)]


@pytest.mark.parametrize("written", PLAIN)
def test_nobody_else_is_asked(server: Served, canary: Canary, written: str) -> None:
    """SERVICE in plain sight is refused as what it is, with its place; nobody is called."""
    query = written.format(c=canary.address)
    for answer in nonempty(sendings(server, query)):
        problem = answer.json()
        assert (403, f"{PROBLEM}federated-query") == (answer.status_code, problem["type"])
        line = re.split("\n", query)[problem["line"] - 1]
        assert "SERVICE" in line[problem["column"] - 1 :].upper()
    assert [] == canary.calls


@pytest.mark.parametrize("written", DISGUISED)
def test_no_disguise_helps(server: Served, canary: Canary, written: str) -> None:
    """What no scan of the text can decide, the workers' walls stop: an answer or a clear refusal, and no call."""
    for answer in nonempty(sendings(server, written.format(c=canary.address))):
        assert answer.status_code in (200, 400, 403), answer.text
        assert "canary" not in answer.text
    assert [] == canary.calls
    assert server.is_well()


def test_words_that_only_look_like_service_are_answered(server: Served) -> None:
    """A variable, a string, a comment or a name is no federated query."""
    for query in (
        "SELECT ?service { ?service ?p $SERVICE } LIMIT 1",
        "SELECT ('SERVICE <http://127.0.0.1/> {}' AS ?x) {} # SERVICE",
        "PREFIX s: <urn:s#> SELECT * { ?x s:service ?service_x }",
        "SELECT ('x'@service AS ?x) {}",
    ):
        assert 200 == server.ask(query).status_code, query


@pytest.mark.parametrize("written", PLAIN)
def test_the_scan_alone_refuses_what_is_plain(written: str) -> None:
    """The scan of the text refuses these with their places, before the wall of missing descriptors is tried."""
    with pytest.raises(QueryError) as caught:
        refuse(Store(), Request(written.format(c="http://127.0.0.1:9/"), (JSON,), ()))
    assert "federated-query" == caught.value.kind


# --- graphs from elsewhere ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "SELECT * FROM <{c}> {{ ?s ?p ?o }}",
        "SELECT * FROM NAMED <{c}> {{ GRAPH ?g {{ ?s ?p ?o }} }}",
        "PREFIX c: <{c}> ASK FROM c: {{ ?s ?p ?o }}",
        "BASE <{c}> SELECT * FROM <> {{ ?s ?p ?o }}",
        "CONSTRUCT {{ ?s ?p ?o }} FROM <{c}> WHERE {{ ?s ?p ?o }}",
        "DESCRIBE <urn:x> FROM <{c}>",
        "SELECT * FROM <file:///etc/passwd> {{ ?s ?p ?o }}",
        "SELECT*FROM<{c}>{{ ?s ?p ?o }}",
        "SELECT ?from FROM <{c}> {{ ?from ?p ?o }}",
    ],
)
def test_graphs_from_elsewhere_are_refused_by_name(server: Served, canary: Canary, written: str) -> None:
    """FROM fetches nothing: a graph that is not in the data is named in a 400."""
    query = written.format(c=canary.address)
    for answer in nonempty(sendings(server, query)):
        problem = answer.json()
        assert (400, f"{PROBLEM}unknown-graph") == (answer.status_code, problem["type"])
        assert problem["graph"] in (canary.address, "file:///etc/passwd")
        assert problem["graph"] in problem["detail"]
    assert [] == canary.calls


@pytest.mark.parametrize("name", ["default-graph-uri", "named-graph-uri"])
@pytest.mark.parametrize("value", ["{c}", "file:///etc/passwd", "no IRI at all", "urn:kgbuild:merged-default-graph"])
def test_graphs_of_the_protocol_are_refused_by_name(server: Served, canary: Canary, name: str, value: str) -> None:
    """So for the protocol's parameters, by GET and by POST; what is no IRI is no graph."""
    graph = value.format(c=canary.address)
    parameters = {"query": "SELECT * { ?s ?p ?o }", name: graph}
    for answer in (server.get(parameters), server.request("POST", data=parameters)):
        assert (400, f"{PROBLEM}unknown-graph") == (answer.status_code, answer.json()["type"])
        assert graph == answer.json()["graph"]
    assert [] == canary.calls


# --- what is wrong, and where -------------------------------------------------------------------------------------


def problem_of(server: Served, query: str) -> dict[str, Any]:
    answer = server.ask(query)
    assert (400, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
    found: dict[str, Any] = answer.json()
    assert f"{PROBLEM}syntax-error" == found["type"]
    return found


@pytest.mark.parametrize(
    ("query", "line", "column"),
    [
        ("SELECT * WHERE {\n  ?s ?p ?o .\n  FILTER ?o > 1\n}", 3, 10),
        ("SELECT ('Академия 学院' AS ?x) WHERE { ?s ?p }", 1, 44),
        ("SELECT *\r\nWHERE { ?s ?p ?o ]", 2, 18),
        ("ASK { ?s ?p ?o", 1, 15),
        ("SELECT * { ?s ?p ?o FILTER ?o }", 1, 28),
        ("SELECT * { ?s ?p ?o } LIMIT ?x", 1, 29),
        ("# Ж\nSELECT ?x { ?x a <ur\\l> }", 2, 18),
        ('SELECT * { ?s ?p "open }', 1, 18),
        ("SELECT*{?s?p?o}ORDER ?s", 1, 22),
    ],
)
def test_a_fault_has_its_place(server: Served, query: str, line: int, column: int) -> None:
    """Line and column count characters from one, in every script; the sentence names them too."""
    problem = problem_of(server, query)
    assert (line, column) == (problem["line"], problem["column"])
    assert f"Line {line}, column {column}" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * { ?s ?p ?o } ORDER ?s", {"BY"}),
        ("SELECT * { ?s ?p ?o } LIMIT ?x", {"a number"}),
        ("SELECT (COUNT(?x) AS) { ?x ?y ?z }", {"a variable"}),
        ("", {"ASK", "BASE", "CONSTRUCT", "DESCRIBE", "PREFIX", "SELECT"}),
        ("SELECT * { ?s ?p ?o } ORDR BY ?s", {"GROUP", "HAVING", "LIMIT", "OFFSET", "ORDER", "VALUES"}),
    ],
)
def test_a_fault_says_what_could_stand_there(server: Served, query: str, expected: set[str]) -> None:
    """All tokens that the grammar allows at the place, and no others; in the sentence as well."""
    problem = problem_of(server, query)
    assert expected == set(problem["expected"])
    assert not [word for word in expected if word not in problem["detail"]]


def test_a_sentence_does_not_list_every_function(server: Served) -> None:
    """Where dozens of functions could stand, the sentence says so in a word; programs get the list."""
    problem = problem_of(server, "SELECT * { ?s ?p ?o FILTER ?o }")
    assert {"REGEX", "STRLEN", "EXISTS", "("} <= set(problem["expected"])
    assert "a function" in problem["detail"]
    assert "STRLEN" not in problem["detail"]


@pytest.mark.parametrize(
    ("query", "finding"),
    [
        ("SELECT ?a (COUNT(?b) AS ?n) { ?a ?b ?c }", "neither grouped nor aggregated"),
        ("SELECT * { BIND(1 AS ?x) BIND(2 AS ?x) }", "has a value already"),
        ("SELECT * { ?s ?p <http://[> }", "no whole IRI"),
        ("SELECT * { ?s ?p 'open }", "has no end"),
    ],
)
def test_a_rule_that_is_broken_is_named(server: Served, query: str, finding: str) -> None:
    """What the grammar allows and SPARQL does not is said in words, not as an expected token."""
    assert finding in problem_of(server, query)["detail"]


@pytest.mark.parametrize("prefix", ["icn", "rdfs", "membership", "status-concept", "skos"])
def test_a_missing_prefix_is_given(server: Served, prefix: str) -> None:
    """A prefix of ours or a common one that is not declared: the line to add, ready to be copied."""
    problem = problem_of(server, f"SELECT * {{\n ?s {prefix}:x ?o }}")
    assert {prefix: PREFIXES[prefix]} == problem["missing_prefixes"]
    assert f"PREFIX {prefix}: <{PREFIXES[prefix]}>" in problem["detail"]
    assert 2 == problem["line"]


@pytest.mark.parametrize(("prefix", "meant"), [("icm", "icn"), ("membershp", "membership"), ("skso", "skos")])
def test_a_mistyped_prefix_is_guessed(server: Served, prefix: str, meant: str) -> None:
    """A prefix that nobody knows, but near to one that is known: that one is suggested."""
    problem = problem_of(server, f"SELECT * {{ ?s {prefix}:x ?o }}")
    assert f"Did you mean {meant}" in problem["detail"]
    assert meant == problem["suggestion"]


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("SELCT * { ?s ?p ?o }", "SELECT"),
        ("SELECT * { ?s ?p ?o } ORDR BY ?s", "ORDER"),
        ("SELECT * { OPTINAL { ?s ?p ?o } }", "OPTIONAL"),
        ("CONSTRUKT { ?s ?p ?o } WHERE { ?s ?p ?o }", "CONSTRUCT"),
        ("SELECT * { ?s ?p ?o FILTR(?o > 1) }", "FILTER"),
    ],
)
def test_a_mistyped_keyword_is_guessed(server: Served, query: str, meant: str) -> None:
    """The nearest keyword is suggested, in the sentence and for programs."""
    problem = problem_of(server, query)
    assert meant == problem["suggestion"]
    assert f"Did you mean {meant}?" in problem["detail"]


def test_a_page_marks_the_place(server: Served) -> None:
    """In HTML the query is shown with its lines numbered and the rest of the faulty line marked; the form holds it."""
    query = 'SELECT * WHERE {\n  ?s ?p "<b>" .\n  FILTER ?o > 1\n}'
    for answer in (server.ask(query, BROWSER), server.request("POST", accept=BROWSER, data={"query": query})):
        assert (400, "text/html; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
        marked = re.findall(r"<mark>(.*?)</mark>", answer.text)
        assert ["?o > 1"] == [unescape(text) for text in marked]
        shown = unescape(
            re.sub("<[^>]*>", "", answer.text.partition("<pre")[2].partition(">")[2].partition("</pre>")[0])
        )
        assert ["1 SELECT * WHERE {", '2   ?s ?p "<b>" .', "3   FILTER ?o > 1", "4 }"] == shown.strip().splitlines()
        form = answer.text.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]
        assert query == unescape(form)


def test_a_page_marks_the_end_too(server: Served) -> None:
    """A fault at the end of a line, or of the query, has a mark that can be seen."""
    answer = server.ask("ASK {\n ?s ?p ?o", BROWSER)
    (marked,) = re.findall(r"<mark>(.*?)</mark>", answer.text)
    assert marked.strip()


def test_a_term_that_the_ontology_lacks_is_pointed_out(server: Served) -> None:
    """No rows for a mistyped term: the page says that there is no such term, and which is near."""
    query = f"PREFIX icn: <{PREFIXES['icn']}> SELECT * {{ ?m icn:joinde ?d }}"
    page = server.ask(query, BROWSER)
    assert 200 == page.status_code
    assert "No rows" in page.text
    assert "<code>icn:joinde</code>" in page.text
    assert "Did you mean <code>icn:joined</code>?" in page.text
    assert "Did you mean" not in server.ask(query.replace("joinde", "joined"), BROWSER).text


def test_a_term_is_pointed_out_beside_a_fault(server: Served) -> None:
    """A problem names unknown terms of the ontology as well: both can be mended in one go."""
    query = f"PREFIX icn: <{PREFIXES['icn']}> SELECT * {{ ?m icn:joinde ?d "
    assert {"icn:joinde": "icn:joined"} == problem_of(server, query)["unknown_terms"]


# --- limits of the text -------------------------------------------------------------------------------------------


def test_a_query_that_is_too_long_is_refused(server: Served) -> None:
    """413 with the limit: the query's own, and that of a request's body."""
    for length in (256_001, 2_000_000):
        answer = server.request("POST", data=b"ASK {} #" + b"x" * length, Content_Type=QUERY)
        assert (413, f"{PROBLEM}query-too-long") == (answer.status_code, answer.json()["type"])
        assert re.search(r"\d\d\d,\d\d\d", answer.json()["detail"])
    assert 200 == server.request("POST", data=b"ASK {} #" + b"x" * 250_000, Content_Type=QUERY).status_code


NESTED = {
    "groups": lambda depth: "ASK " + "{ " * depth + "} " * depth,
    "parentheses": lambda depth: "ASK { FILTER" + "(" * (depth - 1) + "true" + ")" * (depth - 1) + " }",
    "blank nodes": lambda depth: "ASK { ?s ?p " + "[ ?p " * (depth - 1) + "?x" + " ]" * (depth - 1) + " }",
}
"""Kind of brackets -> a query of that depth."""


@pytest.mark.parametrize("kind", NESTED)
def test_nesting_that_is_too_deep_is_refused(server: Served, kind: str) -> None:
    """400 with the limit; a hundred levels are answered, and brackets in strings and comments do not count."""
    assert 200 == server.ask(NESTED[kind](100)).status_code
    answer = server.ask(NESTED[kind](101))
    assert (400, f"{PROBLEM}query-too-complex") == (answer.status_code, answer.json()["type"])
    assert "100 levels" in answer.json()["detail"]
    assert 200 == server.ask(f"ASK {{}} # {'{' * 500}").status_code
    assert 200 == server.ask(f"SELECT ('{'(' * 500}' AS ?x) {{}}").status_code


def test_too_many_parameters_are_refused(server: Served) -> None:
    """A request of thousands of parameters is no query."""
    answer = server.request("POST", data="&".join(["a=b"] * 5000), Content_Type="application/x-www-form-urlencoded")
    assert 400 == answer.status_code
    assert "1,000" in answer.json()["detail"]
