"""What a stranger may write that takes time or memory without end: each function writes one such file into a project.

What is given back says how the build tells of it, with `LIMITS`.  What a stranger may put into files beside is in
`hostile.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hostile import Told, Writer
from kgbuild.build.stages import CODE

LIMITS = "task=1,stage=60,memory=500"
TIME = "takes more than "
EITHER = "s more than "
"""Of memory or time, whatever a busy machine gives it first."""
_PREFIXES = """\
@prefix icn: <https://w3id.org/icn/ontology#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix shape: <https://w3id.org/icn/shape/> .
"""
"""Five lines."""
_HEADER = "# title: {en: X, ru: X}\n# severity: error\n# remedy: X\n# since: 0.1.0\n"
_ALL_WITH_ALL = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i . FILTER (?b = ?h && ?d = ?i && ?f = ?a && ?c = ?g)"
"""Nothing in any data answers it soon."""


def _write(root: Path, name: str, lines: Sequence[str]) -> str:
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def _check(root: Path, name: str, pattern: str, order: str = "") -> str:
    return _write(root, f"queries/checks/{name}.rq", [_HEADER, f"SELECT ?subject ?finding {{ {pattern} }} {order}"])


def write_cross_product(root: Path) -> Told:
    """Write a check that joins all triples with all, three times, and finds nothing."""
    pattern = f"{_ALL_WITH_ALL} BIND (?a AS ?subject) BIND ('x' AS ?finding)"
    return Told(_check(root, "cross-product", pattern), CODE, TIME)


def write_sorted_product(root: Path) -> Told:
    """Write a check that sorts all triples joined with all."""
    pattern = "?subject ?a ?b . ?c ?d ?finding ."
    return Told(_check(root, "sorted-product", pattern, "ORDER BY ?d ?finding"), CODE, EITHER)


def write_product_of_values(root: Path) -> Told:
    """Write a check that is never done even on an empty store, where it is tried."""
    values = " ".join(f"'{number}'" for number in range(400))
    pattern = " ".join(f"VALUES ?{name} {{ {values} }}" for name in ("subject", "finding", "a", "b", "c"))
    return Told(_check(root, "product-of-values", pattern, "ORDER BY ?c"), CODE, EITHER)


def write_endless_rule(root: Path) -> Told:
    """Write a rule that never ends, between those that others build on."""
    text = f"INSERT {{ ?a ?b ?c }} WHERE {{ {_ALL_WITH_ALL} }}"
    return Told(_write(root, "ontology/rules/35-endless.ru", [text]), CODE, TIME)


def write_endless_constraint(root: Path) -> Told:
    """Write a shape whose query joins everything with everything."""
    query = f"SELECT $this {{ $this rdfs:label ?label . {_ALL_WITH_ALL} }}"
    lines = [
        "shape:endless a sh:NodeShape ; sh:targetSubjectsOf rdfs:label ;",
        f'    sh:sparql [ sh:prefixes shape:prefixes ; sh:select "{query}" ] .',
    ]
    return Told(f"{_write(root, 'ontology/shapes/endless.ttl', [_PREFIXES, *lines])}:7:1", CODE, TIME)


def write_branching_shapes(root: Path) -> Told:
    """Write shapes each of which asks ten others, six times over."""
    lines = ["shape:branch-0-0 sh:targetSubjectsOf rdfs:label ."]
    for depth in range(6):
        below = " , ".join(f"shape:branch-{depth + 1}-{n}" for n in range(10))
        lines += [f"shape:branch-{depth}-{n} a sh:NodeShape ; sh:node {below} ." for n in range(10)]
    lines += [f"shape:branch-6-{n} a sh:NodeShape ; sh:nodeKind sh:IRI ." for n in range(10)]
    return Told(f"{_write(root, 'ontology/shapes/branching.ttl', [_PREFIXES, *lines])}:7:1", CODE, TIME)


def write_pigeonholes(root: Path, holes: int = 14) -> Told:
    """Write an ontology that asks HermiT to put pigeons into holes, of which there is one too few."""
    inside, pigeons = [f"icn:hole{n}" for n in range(holes)], [f"icn:pigeon{n}" for n in range(holes + 1)]
    sits = "[ a owl:Restriction ; owl:onProperty icn:in ; owl:someValuesFrom icn:Hole ]"
    lines = [
        "icn:in a owl:ObjectProperty , owl:InverseFunctionalProperty . icn:Hole a owl:Class .",
        f"icn:Hole owl:equivalentClass [ a owl:Class ; owl:oneOf ( {' '.join(inside)} ) ] .",
        *(f"{hole} a owl:NamedIndividual ." for hole in inside),
        *(f"{pigeon} a owl:NamedIndividual , {sits} ." for pigeon in pigeons),
        f"[] a owl:AllDifferent ; owl:distinctMembers ( {' '.join(pigeons)} ) .",
    ]
    name = _write(root, "ontology/alignments/a-pigeonholes.ttl", [_PREFIXES, *lines])
    return Told(name, CODE, TIME)


def write_tangled_nodes(root: Path, size: int = 40) -> Told:
    """Write a vocabulary whose blank nodes are all alike, so that to name them all orders of them are tried."""
    links = [f"_:b{a} rdfs:seeAlso _:b{b} ." for a in range(size) for b in range(size) if a != b]
    name = _write(root, "ontology/vocabularies/tangled.ttl", [_PREFIXES, *links])
    return Told(name, CODE, EITHER)


LOGIC: dict[str, Writer] = {
    "check: joined without end": write_cross_product,
    "check: sorted without end": write_sorted_product,
    "check: without end on no data": write_product_of_values,
    "rule": write_endless_rule,
    "shape: joined without end": write_endless_constraint,
    "shape: branching": write_branching_shapes,
    "ontology for HermiT": write_pigeonholes,
}
"""What is wrong -> what writes it; they can all stand in one project, beside all that `hostile.py` writes.

Not `write_tangled_nodes`: without an ontology no other stage begins.
"""
