"""Examples and cases of shapes: graphs in rdflib, with all that describes what they name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import rdflib
from rdflib.namespace import RDFS, SKOS

from cases import ROOT, TURTLE, Case, read_cases

ONTOLOGY = ROOT / "ontology"
EXAMPLES = ONTOLOGY / "examples"
HIERARCHY = (RDFS.subClassOf, SKOS.inScheme)
"""What shapes read of the ontology: the hierarchy of classes, and which vocabulary a concept stands in."""

WARNINGS = frozenset({"claim-asserts", "programme-announced", "programme-itself"})
"""Shapes that keep no release from being published; all others do."""


@cache
def context() -> rdflib.Graph:
    """Everything an example takes for granted."""
    return rdflib.Graph().parse(EXAMPLES / "context.ttl")


@cache
def hierarchy() -> rdflib.Graph:
    """Take from the ontology what shapes read of it."""
    graph = rdflib.Graph()
    for path in (ONTOLOGY / "core.ttl", *sorted(ONTOLOGY.glob("vocabularies/*.ttl"))):
        read = rdflib.Graph().parse(path)
        for property_ in HIERARCHY:
            graph += read.triples((None, property_, None))
    return graph


def described(example: rdflib.Graph) -> rdflib.Graph:
    """Give an example with what describes the things that it names, as the build gives an article to the shapes."""
    data = rdflib.Graph()
    data += hierarchy()
    data += example
    seen = set[rdflib.term.Node]()
    left = set(example.all_nodes())
    while left:
        seen |= left
        found = [triple for node in left for triple in context().triples((node, None, None))]
        data += found
        left = {object_ for _, _, object_ in found} - seen
    return data


@dataclass(frozen=True)
class Example:
    """A graph of a class, and the codes of the shapes that it must break."""

    name: str
    graph: rdflib.Graph
    codes: frozenset[str]


def read_example(name: str) -> rdflib.Graph:
    """Read a file of `ontology/examples`."""
    return rdflib.Graph().parse(EXAMPLES / name)


def case_graph(case: Case) -> rdflib.Graph:
    """Read the graph of a case; it may name what `context.ttl` describes."""
    return rdflib.Graph().parse(data=TURTLE + case.graph, format="turtle")


def examples_of(shape: str) -> Iterator[Example]:
    """Give all examples and cases of a shape with a target."""
    for path in sorted(EXAMPLES.glob(f"{shape}.*.ttl")):
        fault = path.name.split(".")[1]
        codes = frozenset[str]() if fault == "valid" else frozenset({f"{shape}-{fault}"})
        yield Example(path.name, described(read_example(path.name)), codes)
    for case in read_cases("shapes"):
        if case.name == shape:
            yield Example(str(case), described(case_graph(case)), frozenset(case.expected))
