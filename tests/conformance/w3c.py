"""The W3C's SPARQL tests, from a checkout of w3c/rdf-tests: manifests, data, expected results, and comparing.

Nothing here knows whose endpoint it is that answers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Store,
    Triple,
    parse,
    parse_query_results,
    serialize,
)
from rdflib import RDF, Graph, Namespace
from rdflib.collection import Collection
from rdflib.plugins.sparql.algebra import translateQuery
from rdflib.plugins.sparql.parser import parseQuery

MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
QT = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-query#")
RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
SPARQL_11 = ("sparql11/manifest-sparql11-query.ttl", "sparql11/manifest-sparql11-results.ttl")
MANIFESTS = ("sparql10/manifest-evaluation.ttl", *SPARQL_11)
"""Of query evaluation, below `sparql/`; entailment and federation are not among them."""
KINDS = frozenset({MF.QueryEvaluationTest, MF.CSVResultFormatTest})
RESULTS = {
    ".srx": ("application/sparql-results+xml", QueryResultsFormat.XML),
    ".srj": ("application/sparql-results+json", QueryResultsFormat.JSON),
    ".tsv": ("text/tab-separated-values", QueryResultsFormat.TSV),
}
RDF_FORMATS = {".ttl": RdfFormat.TURTLE, ".nt": RdfFormat.N_TRIPLES, ".rdf": RdfFormat.RDF_XML, ".n3": RdfFormat.N3}

_LABEL = re.compile(r"_:\w+")
Loaded = tuple[tuple[Path, ...], tuple[tuple[str, Path], ...]]
"""Files of the default graph; names and files of the others."""
Term = NamedNode | BlankNode | Literal | Triple
Row = tuple[tuple[str, Term], ...]
"""Variable and value of what is bound, in order of the variables."""


@dataclass(frozen=True)
class Test:
    """A test of query evaluation."""

    __test__ = False  # no class of tests, whatever pytest thinks

    name: str
    """Folder and local name: `aggregates/agg01`."""
    query: Path
    data: tuple[Path, ...]
    graphs: tuple[tuple[str, Path], ...]
    """Name and content of each named graph."""
    result: Path
    lax: bool = False
    """Whether rows may be left out that are there more than once, as REDUCED may."""

    @property
    def dataset(self) -> Loaded:
        """What has to be loaded: tests with equal ones can share a server."""
        return self.data, self.graphs

    def text(self) -> str:
        """Give the query, with the base that its relative IRIs have: where it was read from."""
        return f"BASE <{self.query.as_uri()}>\n{self.query.read_text(encoding='utf-8')}"


# --- manifests ----------------------------------------------------------------------------------------------------


def evaluation_tests(checkout: Path, manifests: tuple[str, ...] = MANIFESTS) -> list[Test]:
    """Read all tests of query evaluation."""
    found: dict[str, Test] = {}
    for manifest in manifests:
        for path, graph, test in entries(checkout / "sparql" / manifest):
            if graph.value(test, RDF.type) in KINDS:
                read = _read_test(path, graph, test)
                found[read.name] = read
    return list(found.values())


def entries(manifest: Path) -> Iterator[tuple[Path, Graph, Any]]:
    """Go through the entries of a manifest and of those that it includes."""
    graph = Graph().parse(manifest, format="turtle", publicID=manifest.as_uri())
    for included in graph.objects(None, MF.include):
        for each in Collection(graph, included):
            yield from entries(file_of(str(each)))
    for listed in graph.objects(None, MF.entries):
        for test in Collection(graph, listed):
            yield manifest, graph, test


def _read_test(manifest: Path, graph: Graph, test: Any) -> Test:
    action = graph.value(test, MF.action)
    query = file_of(str(graph.value(action, QT.query)))
    data = [file_of(str(each)) for each in graph.objects(action, QT.data)]
    named = [(str(each), file_of(str(each))) for each in graph.objects(action, QT.graphData)]
    if not data and not named:
        # The query names its own dataset; a server that fetches nothing has to hold it.
        named = [(name, file_of(name)) for name in _from(query)]
    name = f"{manifest.parent.parent.name}/{manifest.parent.name}/{str(test).rpartition('#')[2]}"
    result = file_of(str(graph.value(test, MF.result)))
    lax = graph.value(test, MF.resultCardinality) == MF.LaxCardinality
    return Test(name, query, tuple(sorted(data)), tuple(sorted(set(named))), result, lax)


def _from(query: Path) -> list[str]:
    algebra = translateQuery(parseQuery(query.read_text(encoding="utf-8")), base=query.as_uri()).algebra
    return [str(clause.default or clause.named) for clause in algebra.datasetClause or ()]


def file_of(iri: str) -> Path:
    """Find the file that an IRI of a manifest means."""
    return Path(unquote(urlsplit(iri).path))


def nquads(dataset: Loaded) -> bytes:
    """Write what has to be loaded as N-Quads."""
    data, graphs = dataset
    quads = [quad for path in data for quad in _quads(path, path.as_uri(), None)]
    quads += [quad for name, path in graphs for quad in _quads(path, name, NamedNode(name))]
    return serialize(quads, format=RdfFormat.N_QUADS) or b""


def _quads(path: Path, base: str, graph: NamedNode | None) -> Iterator[Quad]:
    # Labels of blank nodes are of one file each.
    read = parse(path=path, format=RDF_FORMATS[path.suffix], base_iri=base, rename_blank_nodes=True)
    for quad in read:
        yield Quad(quad.subject, quad.predicate, quad.object, graph) if graph else quad


# --- asking and comparing -----------------------------------------------------------------------------------------


def failure(test: Test, endpoint: str) -> str:
    """Run a test: why it fails, or ""."""
    expected = _expected(test.result)
    accept = "text/csv" if test.result.suffix == ".csv" else RESULTS.get(test.result.suffix, RESULTS[".srj"])[0]
    if not isinstance(expected, (_Table, bool, str)):
        accept = "application/n-triples"
    answer = requests.get(endpoint, params={"query": test.text()}, headers={"Accept": accept}, timeout=60)
    if answer.status_code != 200:
        return f"{answer.status_code}: {answer.text[:300]}"
    found = _read_answer(answer.content, accept, expected)
    if isinstance(expected, _Table) and isinstance(found, _Table):
        if test.lax and len(found.rows) <= len(expected.rows):
            expected.rows, found.rows = list(dict.fromkeys(expected.rows)), list(dict.fromkeys(found.rows))
        return expected.difference(found)
    return "" if expected == found else f"expected {str(expected)[:300]}, found {str(found)[:300]}"


def _read_answer(content: bytes, accept: str, expected: object) -> _Table | bool | str | Dataset:
    if accept == "text/csv":
        return _csv(content.decode())
    if accept == "application/n-triples":
        return _graph(quad.triple for quad in parse(content, format=RdfFormat.N_TRIPLES))
    format_ = next(format_ for media_type, format_ in RESULTS.values() if media_type == accept)
    return _table(
        parse_query_results(content, format=format_), ordered=isinstance(expected, _Table) and expected.ordered
    )


def _expected(path: Path) -> _Table | bool | str | Dataset:
    if path.suffix == ".csv":
        return _csv(path.read_text(encoding="utf-8"))
    if path.suffix in RESULTS:
        return _table(parse_query_results(path=path, format=RESULTS[path.suffix][1]), ordered=False)
    triples = [quad.triple for quad in parse(path=path, format=RDF_FORMATS[path.suffix], base_iri=path.as_uri())]
    if any(triple.object == NamedNode(f"{RS}ResultSet") for triple in triples):
        return _result_set(triples)
    return _graph(iter(triples))


def _csv(text: str) -> str:
    """Give a table in CSV without the order of its rows and columns, its blank nodes all alike, numbers by value."""
    rows = [sorted(row.items()) for row in csv.DictReader(io.StringIO(text, newline=""))]
    return "\n".join(sorted(str([(name, _number(_LABEL.sub("_:b", cell))) for name, cell in row]) for row in rows))


def _number(cell: str) -> str:
    """Spell a number by its value: a store may write 1.0E6 as 1000000."""
    try:
        return str(float(cell))
    except ValueError:
        return cell


def _graph(triples: Iterator[Triple]) -> Dataset:
    """Make a graph that equals each other one with the same triples, whatever its blank nodes are called."""
    dataset = Dataset(_canonical_triple(triple) for triple in triples)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return dataset


def _canonical_triple(triple: Triple) -> Quad:
    return Quad(triple.subject, triple.predicate, _canonical(triple.object))


@cache
def _canonical(term: Any) -> Any:
    """Spell a literal as a store does: `01` is `1`, and languages are lower-case."""
    if not isinstance(term, Literal):
        return term
    store = Store()
    store.add(Quad(NamedNode("urn:x"), NamedNode("urn:x"), term))
    return next(iter(store)).object


def _table(read: QuerySolutions | QueryBoolean, *, ordered: bool) -> _Table | bool:
    if isinstance(read, QueryBoolean):
        return bool(read)
    names = [variable.value for variable in read.variables]
    return _Table(frozenset(names), [_row({name: row[name] for name in names}) for row in read], ordered)


def _row(cells: dict[str, Any]) -> Row:
    return tuple((name, _canonical(term)) for name, term in sorted(cells.items()) if term is not None)


def _result_set(triples: list[Triple]) -> _Table | bool:
    """Read the DAWG's vocabulary of result sets."""
    about: dict[Any, dict[str, list[Any]]] = {}
    for triple in triples:
        about.setdefault(triple.subject, {}).setdefault(triple.predicate.value.removeprefix(RS), []).append(
            triple.object
        )
    (result,) = {triple.subject for triple in triples if triple.object == NamedNode(f"{RS}ResultSet")}
    if "boolean" in about[result]:
        return bool(about[result]["boolean"][0].value == "true")
    solutions = about[result].get("solution", [])
    if ordered := all("index" in about.get(node, {}) for node in solutions):
        solutions = sorted(solutions, key=lambda node: int(about[node]["index"][0].value))
    rows = []
    for node in solutions:
        bindings = [about[binding] for binding in about.get(node, {}).get("binding", [])]
        rows.append(_row({each["variable"][0].value: each["value"][0] for each in bindings}))
    return _Table(frozenset(v.value for v in about[result].get("resultVariable", [])), rows, ordered and len(rows) > 1)


@dataclass
class _Table:
    """Solutions; in order only where the test says so."""

    variables: frozenset[str]
    rows: list[Row]
    ordered: bool = False

    def difference(self, found: _Table) -> str:
        """Say how another table differs; "" if it is the same but for the names of blank nodes."""
        if self.variables != found.variables:
            return f"expected the variables {sorted(self.variables)}, found {sorted(found.variables)}"
        if len(self.rows) != len(found.rows):
            return f"expected {len(self.rows)} rows, found {len(found.rows)}: {_shown(found.rows)}"
        if self.ordered:
            same = _matches(list(zip(self.rows, found.rows, strict=True)), {})
        else:
            same = _pairs_off(sorted(self.rows, key=_blanks), list(found.rows), {})
        return "" if same else f"expected {_shown(self.rows)}, found {_shown(found.rows)}"


def _shown(rows: list[Row]) -> str:
    return "; ".join(" ".join(f"?{name}={term}" for name, term in row) for row in rows)[:300]


def _blanks(row: Row) -> int:
    return sum(isinstance(term, BlankNode) for _, term in row)


def _pairs_off(expected: list[Row], found: list[Row], names: dict[str, str]) -> bool:
    """Find for each expected row one of its own, under one renaming of blank nodes for all of them."""
    if not expected:
        return True
    for number, row in enumerate(found):
        renamed = _renamed(expected[0], row, names)
        if renamed is not None and _pairs_off(expected[1:], found[:number] + found[number + 1 :], renamed):
            return True
        if renamed is not None and not _blanks(row):
            return False  # equal rows are as good as each other
    return False


def _matches(pairs: list[tuple[Row, Row]], names: dict[str, str]) -> bool:
    for expected, found in pairs:
        renamed = _renamed(expected, found, names)
        if renamed is None:
            return False
        names = renamed
    return True


def _renamed(expected: Row, found: Row, names: dict[str, str]) -> dict[str, str] | None:
    """Extend a renaming of blank nodes so that a row becomes the expected one; None if none does."""
    if [name for name, _ in expected] != [name for name, _ in found]:
        return None
    names = dict(names)
    for (_, wanted), (_, given) in zip(expected, found, strict=True):
        if isinstance(wanted, BlankNode) and isinstance(given, BlankNode):
            if names.setdefault(given.value, wanted.value) != wanted.value:
                return None
            if sum(value == wanted.value for value in names.values()) > 1:
                return None
        elif wanted != given:
            return None
    return names
