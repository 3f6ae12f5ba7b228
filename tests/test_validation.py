# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Validation: findings at the curator's lines, by shapes and by checks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyoxigraph as ox
import pyshacl
import pytest
import rdflib
from rdflib.plugins.sparql.processor import SPARQLProcessor

from cases import described, parse
from kgbuild.build import shapes as shacl
from kgbuild.build.checks import Check, load_checks, read_check, run_checks
from kgbuild.build.ontology import read_ontology
from kgbuild.build.shapes import Shapes, cached_parsing, load_shapes, shacl_report, spell, validate_graph
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core.errors import DataError, Issue, Place
from kgbuild.core.namespaces import GRAPH, PREFIXES, expand
from nonempty import nonempty

ROOT = Path(__file__).parents[1]
TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
ARTICLE_GRAPH = f"{GRAPH}article/2024-02-21-x"
RECORD = "data/articles/2024/2024-02-21-x.yaml"
MEMBERSHIP = """
membership:a--b a icn:Membership ; icn:standing standing:member ;
    icn:member institution:a ; icn:organization network:b .
institution:a a icn:Institution ; rdfs:label "A"@en ; dcterms:identifier "a" .
network:b a icn:Network ; rdfs:label "B"@en ; dcterms:identifier "b" .
icn:Institution rdfs:subClassOf icn:Actor . icn:Network rdfs:subClassOf icn:Actor .
standing:member skos:inScheme <https://w3id.org/icn/vocabulary/standing> .
"""


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return load_shapes(ROOT / "ontology" / "shapes")


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    return load_checks(ROOT / "queries" / "checks", ROOT)


def graph_of(text: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=TURTLE + text, format="turtle")


def name(term: str) -> str:
    """Spell a prefixed name as N-Quads do."""
    return f"<{expand(term)}>"


def places_of(*quads: tuple[str, str, str, str, Place]) -> SourceMap:
    places = SourceMap()
    for graph, subject, predicate, object_, place in quads:
        term = object_ if object_.startswith('"') else name(object_)
        places.add((f"<{graph}>", name(subject), name(predicate), term), place)
    return places


# --- shapes: places and findings ---


def test_wrong_value_is_placed_at_its_field(shapes: Shapes) -> None:
    """The issue stands where the value is written, and says shape, value, node and remedy."""
    joined = Place(RECORD, 12, 40)
    places = places_of(
        (ARTICLE_GRAPH, "membership:a--b", "rdf:type", "icn:Membership", Place(RECORD, 12, 5)),
        (ARTICLE_GRAPH, "membership:a--b", "icn:joined", '"2023"', joined),
    )
    (issue,) = validate_graph(
        graph_of(MEMBERSHIP + 'membership:a--b icn:joined "2023" .'), shapes, ARTICLE_GRAPH, places
    )
    expected = Issue(
        joined,
        "error",
        "membership-joined",
        "The date of joining is not a described date ('2023' of membership:a--b)",
        "Write an EDTF date, such as 2023-11 or 2023-11-08.",
    )
    assert expected == issue


def test_missing_value_is_placed_at_the_item(shapes: Shapes) -> None:
    """What is not written has no line of its own: the item that makes the node is named."""
    item = Place(RECORD, 12, 5)
    places = places_of((ARTICLE_GRAPH, "membership:a--b", "rdf:type", "icn:Membership", item))
    data = graph_of(MEMBERSHIP.replace("icn:member institution:a ;", ""))
    expected = [(item, "membership-member")]
    assert expected == [(i.place, i.code) for i in validate_graph(data, shapes, ARTICLE_GRAPH, places)]


def test_fault_of_an_entity_is_placed_in_its_file(shapes: Shapes) -> None:
    """An entity without an English name is mended in its file, whichever article uses it."""
    file = Place("data/entities/institution/a.yaml", 1, 1)
    places = places_of(
        (ARTICLE_GRAPH, "institution:a", "skos:altLabel", '"А"@ru', Place(RECORD, 9, 9)),
        (f"{GRAPH}entities", "institution:a", "rdf:type", "icn:Institution", file),
    )
    data = graph_of(MEMBERSHIP.replace('"A"@en', '"А"@ru'))
    expected = [(file, "entity-english")]
    assert expected == [(i.place, i.code) for i in validate_graph(data, shapes, ARTICLE_GRAPH, places)]


def test_fault_in_an_article_about_an_entity_is_placed_in_the_article(shapes: Shapes) -> None:
    """What an article says of an entity is mended in the article, not in the entity's file."""
    said = Place(RECORD, 20, 11)
    places = places_of(
        (
            f"{GRAPH}entities",
            "institution:a",
            "rdf:type",
            "icn:Institution",
            Place("data/entities/institution/a.yaml", 1),
        ),
        (ARTICLE_GRAPH, "institution:a", "icn:purpose", '"Цель"@ru', said),
    )
    data = graph_of(MEMBERSHIP + 'institution:a icn:purpose "Цель"@ru .')
    expected = [(said, "entity-purpose")]
    assert expected == [(i.place, i.code) for i in validate_graph(data, shapes, ARTICLE_GRAPH, places)]


def test_node_that_no_record_describes_is_placed_where_it_is_used(shapes: Shapes) -> None:
    """A date has no line: the first field that uses it is named."""
    joined = Place(RECORD, 12, 40)
    places = places_of((ARTICLE_GRAPH, "membership:a--b", "icn:joined", "date:2023", joined))
    data = graph_of(
        MEMBERSHIP
        + "membership:a--b icn:joined date:2023 ."
        + 'date:2023 a icn:Date ; icn:edtf "2023" ; icn:precision precision:year .'
        + "precision:year skos:inScheme <https://w3id.org/icn/vocabulary/precision> ."
    )
    expected = [(joined, "date-bounds")]
    assert expected == [(i.place, i.code) for i in validate_graph(data, shapes, ARTICLE_GRAPH, places)]


def test_unknown_place_names_the_graph(shapes: Shapes) -> None:
    """An issue never goes without a place."""
    data = graph_of(MEMBERSHIP.replace("icn:member institution:a ;", ""))
    expected = [Place(ARTICLE_GRAPH)]
    assert expected == [issue.place for issue in validate_graph(data, shapes, ARTICLE_GRAPH, SourceMap())]


def test_advice_is_a_warning(shapes: Shapes) -> None:
    """A shape of severity sh:Warning does not keep a release from being made."""
    data = graph_of("claim:x a icn:Claim ; icn:claims network:b .")
    severities = {i.code: i.severity for i in validate_graph(data, shapes, ARTICLE_GRAPH, SourceMap())}
    assert "warning" == severities["claim-asserts"]
    assert "error" == severities["claim-english"]


def test_long_value_is_shortened(shapes: Shapes) -> None:
    """A finding fits a line, however long the text it is about."""
    data = graph_of(MEMBERSHIP + f'network:b icn:purpose "{"я" * 4000}"@ru .')
    (issue,) = validate_graph(data, shapes, ARTICLE_GRAPH, SourceMap())
    assert len(issue.finding) < 200
    assert "…" in issue.finding


def test_validation_leaves_the_graph_alone(shapes: Shapes) -> None:
    """Validating one article adds nothing that the next would see."""
    data = graph_of(MEMBERSHIP)
    before = set(data)
    validate_graph(data, shapes, ARTICLE_GRAPH, SourceMap())
    assert before == set(data)


def test_terms_are_spelled_as_oxigraph_spells_them() -> None:
    """One source map serves both engines: quotes, line ends and datatypes included."""
    for text in (
        '"a\\nb \\"c\\" \\\\"@en',
        '"5"^^<http://www.w3.org/2001/XMLSchema#integer>',
        '"plain"',
        "<http://e/x>",
    ):
        line = f"<http://e/s> <http://e/p> {text} ."
        (quad,) = ox.parse(line, format=ox.RdfFormat.N_TRIPLES)
        (triple,) = rdflib.Graph().parse(data=line, format="nt")
        assert str(quad.object) == spell(triple[2])


# --- the parse cache ---


def results(report: rdflib.Graph) -> set[tuple[str, ...]]:
    """Take (focus, path, value, shape, severity, component) of each result of a report."""
    names = ("focusNode", "resultPath", "value", "sourceShape", "resultSeverity", "sourceConstraintComponent")
    keys = [rdflib.SH[name] for name in names]
    return {tuple(str(report.value(node, key)) for key in keys) for node in report.objects(predicate=rdflib.SH.result)}


def faulty_graph() -> rdflib.Graph:
    data = rdflib.Graph()
    for path in sorted((ROOT / "ontology" / "examples").glob("membership.*.ttl")):
        data.parse(path)
    for path in (ROOT / "ontology" / "core.ttl", ROOT / "ontology" / "examples" / "context.ttl"):
        data.parse(path)
    return data


def test_cache_changes_no_result(shapes: Shapes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patched rdflib gives what the unpatched one does, on a graph with many faults."""
    cached = results(shacl_report(faulty_graph(), shapes))
    monkeypatch.setattr(shacl, "_query_cached", SPARQLProcessor.query)
    assert results(shacl_report(faulty_graph(), shapes)) == cached
    assert len(cached) > 10


def test_shapes_compiled_once_find_what_a_full_run_finds(shapes: Shapes) -> None:
    """Our use of pyshacl's inner interface gives what its documented one does, on a second graph as on a first."""
    validate_graph(graph_of(MEMBERSHIP), shapes, ARTICLE_GRAPH, SourceMap())
    _, report, _ = pyshacl.validate(faulty_graph(), shacl_graph=shapes.graph)
    assert isinstance(report, rdflib.Graph)
    assert results(report) == results(shacl_report(faulty_graph(), shapes))


def test_cache_keeps_queries_apart() -> None:
    """One text under two sets of prefixes is two queries, and bindings are not part of the cache."""
    data = graph_of("polity:a a icn:Polity . person:b a icn:Person .")
    text = "SELECT ?s WHERE { ?s a x:Polity }"
    with cached_parsing():
        ours = list(data.query(text, initNs={"x": PREFIXES["icn"]}))
        other = list(data.query(text, initNs={"x": "http://example.org/"}))
        bound = [
            len(data.query(text, initNs={"x": PREFIXES["icn"]}, initBindings={"s": rdflib.URIRef(expand(iri))}))
            for iri in ("polity:a", "person:b")
        ]
    assert (1, 0, [1, 0]) == (len(ours), len(other), bound)


def test_cache_is_undone() -> None:
    """Outside the context rdflib is as it was, also after an error."""
    original = SPARQLProcessor.query

    def fail() -> None:
        with cached_parsing():
            assert SPARQLProcessor.query is not original
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert SPARQLProcessor.query is original


# --- broken shapes ---


def test_broken_shapes_files_are_named_with_their_lines(tmp_path: Path) -> None:
    """All broken files are reported, each at the line of its fault."""
    shutil.copy(ROOT / "ontology" / "shapes" / "place.ttl", tmp_path)
    (tmp_path / "a.ttl").write_text("@prefix a: <http://a/> .\n\na:b a:c ; .\n", "utf-8")
    (tmp_path / "z.ttl").write_text("<http://a/b> <http://a/c> <http://a/d>", "utf-8")
    with pytest.raises(DataError) as caught:
        load_shapes(tmp_path, tmp_path)
    found = [(issue.place.path, issue.place.line, issue.code) for issue in caught.value.issues]
    assert [("a.ttl", 3, "turtle"), ("z.ttl", 1, "turtle")] == found


def test_shapes_that_are_no_shacl_are_refused(tmp_path: Path) -> None:
    """A shape that pyshacl cannot build is a finding, no traceback."""
    (tmp_path / "a.ttl").write_text(
        TURTLE + "shape:x a sh:NodeShape ; sh:targetClass icn:Polity ; sh:path icn:held .", "utf-8"
    )
    with pytest.raises(DataError, match="no SHACL"):
        load_shapes(tmp_path, tmp_path)


# --- checks: what each finds, tests/fixtures/cases says ---


def store_of(text: str) -> ox.Store:
    store = ox.Store()
    store.extend(described(parse(text)))
    return store


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("icn:Institution , icn:Person", "x is of class Institution, and of class Person, which it excludes"),
        ("icn:Tenure , icn:Tie", "x is of class Tenure, and of class Tie, which it excludes"),
        ("icn:Place , icn:Person", "x is of class Person, and of class Place, which it excludes"),
        ("icn:Polity , icn:Place", None),
        ("icn:Institution , icn:Network", None),
    ],
)
def test_disjoint_classes_are_those_of_the_ontology(classes: str, expected: str | None, checks: list[Check]) -> None:
    """The lists of core.ttl, skolemised as in a build, exclude what they name; a state may be a place."""
    store = store_of(f"<https://w3id.org/icn/id/x> a {classes} .")
    quads = read_ontology(ROOT / "ontology", ROOT).quads
    store.bulk_extend(ox.Quad(q.subject, q.predicate, q.object, ox.DefaultGraph()) for q in quads)
    disjoint = [check for check in checks if check.code == "disjoint-classes"]
    found = [("error", expected)] if expected else []
    assert found == [(issue.severity, issue.finding) for issue in run_checks(store, disjoint, SourceMap())]


def test_finding_is_placed_at_the_records_line(checks: list[Check]) -> None:
    """A check names the line that gives the value, and says so in a sentence."""
    line = Place(RECORD, 31, 27)
    places = places_of(
        (ARTICLE_GRAPH, "membership:h--b", "rdf:type", "icn:Membership", Place(RECORD, 31, 5)),
        (ARTICLE_GRAPH, "membership:h--b", "icn:left", "date:2010", line),
    )
    store = store_of("membership:h--b a icn:Membership ; icn:joined date:2020 ; icn:left date:2010 .")
    (issue,) = run_checks(store, [check for check in checks if check.code == "ends-before-start"], places)
    expected = "membership/h--b ends on 2010, before it begins on 2020"
    assert (line, "error", expected) == (issue.place, issue.severity, issue.finding)
    assert issue.remedy


def test_finding_without_a_record_names_the_check(checks: list[Check]) -> None:
    """An issue that no line explains names the query that found it."""
    missing = [check for check in checks if check.code == "missing-label"]
    issues = run_checks(store_of("person:c a icn:Person ."), missing, SourceMap())
    assert [Place("queries/checks/missing-label.rq")] == [issue.place for issue in issues]


def test_checks_spell_prefixes_as_the_project_does(checks: list[Check]) -> None:
    """A prefix means the same in every query file."""
    for check in nonempty(checks):
        for line in nonempty(check.query.splitlines()):
            if line.startswith("PREFIX "):
                _, prefix, iri = line.split()
                assert PREFIXES[prefix.removesuffix(":")] == iri.strip("<>"), check.code


HEADER = "# title: {en: A, ru: А}\n# severity: error\n# remedy: Mend it.\n# since: 0.1.0\n"
QUERY = "SELECT ?subject ?finding WHERE { ?subject ?p ?finding }"


def test_check_is_read_with_its_header() -> None:
    """The code is the file's name."""
    check = read_check(HEADER + QUERY, "queries/checks/x-y.rq")
    assert ("x-y", "error", "Mend it.") == (check.code, check.severity, check.remedy)


@pytest.mark.parametrize(
    ("text", "line", "finding"),
    [
        (HEADER.replace("error", "fatal") + QUERY, 1, "no severity"),
        (HEADER.replace(", ru: А", "") + QUERY, 1, "no title in en and ru"),
        (HEADER.replace("# remedy: Mend it.\n", "") + QUERY, 1, "no remedy"),
        (re.sub("# since: .*\n", "", HEADER) + QUERY, 1, "no since"),
        (HEADER + "SELECT ?subject WHERE {\n ?subject ?p }", 6, "no SPARQL"),
        (HEADER + "ASK { ?s ?p ?o }", 0, "does not give"),
        (HEADER + "SELECT ?subject WHERE { ?subject ?p ?o }", 0, "does not give"),
    ],
)
def test_faulty_check_is_refused(text: str, line: int, finding: str) -> None:
    """A check that could not report is found before it runs, at its line."""
    with pytest.raises(DataError, match=finding) as caught:
        read_check(text, "queries/checks/x.rq")
    assert [line] == [issue.place.line for issue in caught.value.issues]


def test_all_faulty_checks_are_reported(tmp_path: Path) -> None:
    """Two bad files are two issues, and one run."""
    for file in ("a.rq", "b.rq"):
        (tmp_path / file).write_text(QUERY, "utf-8")
    with pytest.raises(DataError) as caught:
        load_checks(tmp_path, tmp_path)
    assert ["a.rq", "b.rq"] == [issue.place.path for issue in caught.value.issues]
