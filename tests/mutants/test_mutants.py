# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The mutants themselves: what is broken, what counts as noticed, and that all of rules and checks is."""

from __future__ import annotations

from pathlib import Path

import killing
import pytest
import rdflib
from killing import Verdict, judge
from shape_mutants import mutate_shapes
from sparql_mutants import mutate

import mutants

QUERY = """PREFIX icn: <urn:icn:>
SELECT ?a ?finding WHERE {
  ?a a icn:X ; (icn:p|icn:q)/icn:earliest ?day , ?other .
  { ?a icn:r+ ?b } UNION { ?a ^icn:s* ?b }
  VALUES ?kind { icn:k icn:l }
  OPTIONAL { GRAPH ?g { ?a icn:t ?c } }
  FILTER (?day <= ?other && !COALESCE(?c > 1, false))  # a comment
  FILTER NOT EXISTS { ?a icn:u ?kind }
  MINUS { ?a icn:v ?kind }
  BIND (CONCAT("x", STR(?day)) AS ?finding)
}
"""

QUERIES = [path for path in killing.files() if path.suffix != ".ttl"]
SHAPES = [path for path in killing.files() if path.suffix == ".ttl"]


def test_each_part_of_a_query_is_broken() -> None:
    """Every condition, item, branch, bound and step is dropped or turned, and the finding's words are left alone."""
    done = [mutant.what for mutant in mutate(QUERY)]
    expected = [
        "drop ?a a icn:X",
        "drop ?a … ?other",
        "icn:latest for icn:earliest in (icn:p|icn:q)/icn:earliest ?day , ?other",
        "drop icn:earliest of (icn:p|icn:q)/icn:earliest",
        "drop icn:p of icn:p|icn:q",
        "drop the branch { ?a icn:r+ ?b }",
        "one step for + in icn:r+ ?b",
        "* for + in icn:r+ ?b",
        "turn round icn:s in ^icn:s* ?b",
        "drop icn:k of icn:k icn:l",
        "drop VALUES ?kind { icn:k icn:l }",
        "drop OPTIONAL { GRAPH ?g { ?a icn:t ?c } }",
        "require { GRAPH ?g { ?a icn:t ?c } }",
        "in any graph GRAPH ?g",
        "drop ?day <= ?other of ?day <= ?other && !COALESCE(?c > 1, false)",
        "< for <= in ?day <= ?other && !COALESCE(?c > 1, false)",
        ">= for <= in ?day <= ?other && !COALESCE(?c > 1, false)",
        "|| for && in ?day <= ?other && !COALESCE(?c > 1, false)",
        "drop ! in ?day <= ?other && !COALESCE(?c > 1, false)",
        "2 for 1 in ?c > 1, false",
        "turn FILTER NOT EXISTS { ?a icn:u ?kind }",
        "drop ?a icn:u ?kind",
        "drop MINUS { ?a icn:v ?kind }",
        "drop ?a icn:v ?kind",
        'drop BIND (CONCAT("x", STR(?day)) AS ?finding)',
    ]
    assert [] == [what for what in expected if what not in done]
    assert [] == [what for what in done if "drop" in what and '"x" of' in what]
    assert len(done) == len({mutant.text for mutant in mutate(QUERY)} | {QUERY}) - 1 == len(set(done))


def test_an_update_loses_what_it_inserts() -> None:
    """The template of an update is broken as well, and so is what tells two aggregates apart."""
    update = "INSERT { ?a <urn:p> ?day } WHERE { SELECT ?a (MIN(?d) AS ?day) WHERE { ?a <urn:q> ?d } GROUP BY ?a }"
    done = {mutant.what: mutant.text for mutant in mutate(update)}
    assert "INSERT {  }" in done["drop ?a <urn:p> ?day"]
    assert "(MAX(?d) AS ?day)" in done["MAX for MIN in MIN(?d) AS ?day"]


def test_each_triple_of_a_shape_is_broken() -> None:
    """Numbers move by one, patterns lose their ends, errors become warnings; what a shape says in words stays."""
    shape = """@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix shape: <https://w3id.org/icn/shape/> .
        shape:x a sh:PropertyShape ; sh:path <urn:p> ; sh:minCount 1 ; sh:pattern "^a$" ; sh:message "m"@en ;
            sh:in shape:list .
        shape:list <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> <urn:i> ."""
    done = {mutant.what for mutant in mutate_shapes(rdflib.Graph().parse(data=shape, format="turtle"))}
    expected = {
        "drop sh:minCount 1", "sh:minCount 0 for 1", "sh:minCount 2 for 1",
        "drop sh:pattern ^a$", "drop ^ of ^a$", "drop $ of ^a$", "a warning",
    }  # fmt: skip
    items = {"shape:x: drop sh:in shape:list", "shape:list: drop the item urn:i"}
    assert {f"shape:x: {what}" for what in expected} | items == done


@pytest.mark.parametrize(
    "path", [path for path in killing.files() if path.suffix != ".ttl"], ids=lambda path: path.name
)
def test_cases_notice_every_mutant_of_rules_and_checks(path: Path) -> None:
    """Whatever small thing is wrong with a rule or check, some case fails, but where it is the same thing."""
    verdicts = judge(path)
    assert len(verdicts) > 2
    assert [] == mutants.compare(verdicts, mutants.explained(mutants.SURVIVORS))


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.name)
def test_cases_notice_mutants_of_shapes(path: Path) -> None:
    """The same of a tenth of the mutants of shapes; `make mutants` makes all."""
    assert [] == mutants.compare(judge(path, every=10), mutants.explained(mutants.SURVIVORS), whole=False)


def test_what_lives_unexplained_and_what_is_explained_in_vain() -> None:
    """A mutant that lives has its reason in the list, and the list has no other."""
    verdicts = [Verdict("a.rq", "dead", True), Verdict("a.rq", "alive", False), Verdict("a.rq", "known", False)]
    known = {("a.rq", "known"): "same", ("a.rq", "dead"): "same", ("other.rq", "not judged"): "same"}
    expected = ["a.rq: alive: no case notices", "a.rq: dead: survivors.toml explains what does not live"]
    assert expected == mutants.compare(verdicts, known)
    gone = {("a.rq", "alive"): "same", ("a.rq", "known"): "same", ("a.rq", "no more"): "same"}
    assert ["a.rq: no more: survivors.toml explains what does not live"] == mutants.compare(verdicts, gone)
    assert [] == mutants.compare(verdicts, gone, whole=False)
    assert "checks        3       1  33.3%" in mutants.table(verdicts)
