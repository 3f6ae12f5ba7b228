"""Reasoning: the closure, rule 6, held against owlrl as an oracle of OWL 2 RL (https://www.w3.org/TR/owl2-profiles/).

Rules 1 to 5 are pinned by the golden fixture (test_golden.py).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import owlrl
import pytest
import rdflib
from pyoxigraph import DefaultGraph, NamedNode, RdfFormat, Store, serialize
from rdflib import OWL, RDF, RDFS, URIRef
from rdflib.term import Node

from kgbuild.build.compilation import Sources
from kgbuild.build.pipeline import compile_graph
from kgbuild.build.reasoning import Rule, infer, load_rules
from kgbuild.build.store import make_store, update
from kgbuild.core.errors import DataError
from kgbuild.core.namespaces import GENID, GRAPH, expand
from mini import ROOT
from test_golden import RULES

Triple = tuple[Node, Node, Node]
FIXTURES = ("mini", "traps")
INFERRED_GRAPH = NamedNode(f"{GRAPH}inferred")

# Rules 1 to 5 write these; whatever else stands in the graph `inferred` is of rule 6.
OTHER_RULES = {URIRef(iri) for iri in RULES}
HIERARCHY = {RDFS.subClassOf, RDFS.subPropertyOf}
SIGNATURES = {RDFS.domain, RDFS.range}


def read(store: Store, graph: DefaultGraph | NamedNode) -> set[Triple]:
    quads = store.quads_for_pattern(None, None, None, graph)
    text = serialize((quad.triple for quad in quads), format=RdfFormat.N_TRIPLES) or b""
    return set(rdflib.Graph().parse(data=text, format="nt"))


@cache
def compiled(fixture: str) -> Store:
    folder = ROOT / "tests" / "fixtures" / fixture
    return compile_graph(Sources(folder / "data", ROOT / "ontology", ROOT / "queries", root=folder)).dataset


@cache
def added_by_rule_6(fixture: str) -> frozenset[Triple]:
    return frozenset(t for t in read(compiled(fixture), INFERRED_GRAPH) if t[1] not in OTHER_RULES)


@cache
def without_rule_6(fixture: str) -> frozenset[Triple]:
    """Give all that holds but for what rule 6 added, with the constructs of OWL left out: the oracle's input."""
    holds = read(compiled(fixture), DefaultGraph()) - added_by_rule_6(fixture)
    return frozenset(t for t in holds if not any(_is_construct(term) for term in t))


def _is_construct(term: Node) -> bool:
    return str(term).startswith((str(OWL), GENID))


def closure(triples: set[Triple]) -> set[Triple]:
    """Close triples under OWL 2 RL, by owlrl; what is new of types and of properties that have superproperties.

    Left out are the closure of the hierarchy itself, OWL's own vocabulary, and literals as subjects: rule 6 has no
    word on them.
    """
    graph = rdflib.Graph()
    for triple in triples:
        graph.add(triple)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics, axiomatic_triples=False, datatype_axioms=False).expand(graph)
    new = set(graph) - triples
    return {
        (s, p, o)
        for s, p, o in new
        if isinstance(s, URIRef)
        and p not in HIERARCHY | SIGNATURES
        and o != RDFS.Datatype
        and not any(_is_construct(term) for term in (s, p, o))
    }


# --- the oracle -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fixture", FIXTURES)
def test_closure_is_that_of_owl_rl(fixture: str) -> None:
    """Rule 6 adds what OWL 2 RL adds to the hierarchies of classes and properties: nothing more, nothing less.

    The oracle is given all types, the hierarchies, and all statements whose property has a superproperty.
    """
    given = without_rule_6(fixture)
    lower = {s for s, p, _ in given if p == RDFS.subPropertyOf}
    told = {t for t in given if t[1] in {RDF.type, *HIERARCHY, *lower}}
    assert added_by_rule_6(fixture) == closure(told)
    assert len(added_by_rule_6(fixture)) > 300


def test_domains_and_ranges_would_add_nothing_but_the_class_of_what_was_taken_away() -> None:
    """Rule 6 may do without domains and ranges: records give every node its class.

    With them, OWL 2 RL adds one type to the fixture: the resolved placeholder, whose contents leave the default graph,
    would still be a situation, since something resolves it.
    """
    given = without_rule_6("mini")
    signatures = {t for t in read(compiled("mini"), DefaultGraph()) if t[1] in SIGNATURES and not _is_construct(t[2])}
    told = {t for t in given if isinstance(t[2], URIRef)} | signatures
    placeholder = URIRef(expand("membership:unidentified-institution-rivermark--lakes-academies"))
    beyond = closure(told) - added_by_rule_6("mini")
    assert {(placeholder, RDF.type, URIRef(expand("icn:Situation")))} == beyond


# --- the rules as such ------------------------------------------------------------------------------------------------


def holding(text: str) -> Store:
    """Put triples into the default graph of a store."""
    store = make_store()
    update(store, f"INSERT DATA {{ {text} }}")
    return store


def triples(store: Store, graph: DefaultGraph | NamedNode) -> set[str]:
    return {str(quad.triple) for quad in store.quads_for_pattern(None, None, None, graph)}


@pytest.mark.parametrize("fixture", FIXTURES)
def test_inferring_again_adds_nothing(fixture: str) -> None:
    """The rules have come to an end: run once more over their own result, they find nothing new."""
    store = make_store(compiled(fixture))
    infer(store, load_rules(ROOT / "ontology" / "rules", ROOT))
    assert triples(compiled(fixture), DefaultGraph()) == triples(store, DefaultGraph())
    assert triples(compiled(fixture), INFERRED_GRAPH) == triples(store, INFERRED_GRAPH)


@pytest.mark.parametrize("fixture", FIXTURES)
def test_what_is_inferred_holds_and_is_kept_apart(fixture: str) -> None:
    """Every inferred triple stands in the default graph too, unless it was of a placeholder; no article says it."""
    store = compiled(fixture)
    gone = {str(q.object) for q in store.quads_for_pattern(None, NamedNode(expand("icn:resolves")), None, None)}
    inferred = {q.triple for q in store.quads_for_pattern(None, None, None, INFERRED_GRAPH)}
    holds = {q.triple for q in store.quads_for_pattern(None, None, None, DefaultGraph())}
    assert inferred
    assert set() == {str(t) for t in inferred - holds if str(t.subject) not in gone}


def test_closure_goes_all_the_way_up() -> None:
    """A class above the class above, and a property above the property above, are reached; a circle ends."""
    store = holding(
        """icn:A rdfs:subClassOf icn:B . icn:B rdfs:subClassOf icn:C . icn:C rdfs:subClassOf icn:A .
        icn:p rdfs:subPropertyOf icn:q . icn:q rdfs:subPropertyOf icn:r . person:x a icn:A ; icn:p person:y ."""
    )
    infer(store, [rule for rule in load_rules(ROOT / "ontology" / "rules", ROOT) if "closure" in rule.name])
    x, y = (expand(name) for name in ("person:x", "person:y"))
    expected = {(x, str(RDF.type), expand(f"icn:{name}")) for name in "BC"}
    expected |= {(x, expand(f"icn:{name}"), y) for name in "qr"}
    found = store.quads_for_pattern(None, None, None, INFERRED_GRAPH)
    assert expected == {tuple(str(getattr(t, "value", t)) for t in (q.subject, q.predicate, q.object)) for q in found}


def test_rules_run_in_order_of_their_names_and_the_closure_again() -> None:
    """What a later rule adds is closed too: the hierarchy rule runs a second time, at the end."""
    names = [Path(rule.name).name for rule in load_rules(ROOT / "ontology" / "rules", ROOT)]
    assert sorted(names[:-1]) == names[:-1]
    assert names[-1] in names[:-1]
    assert "closure" in names[-1]


def test_rule_that_cannot_be_parsed_is_named() -> None:
    """A broken rule is a finding in its file, not a crash of the build."""
    with pytest.raises(DataError, match=r"ontology/rules/99-x\.ru error rule: this rule cannot be run"):
        infer(make_store(), [Rule("ontology/rules/99-x.ru", "INSERT { ?s ?p } WHERE {}")])
