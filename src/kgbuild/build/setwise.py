"""SHACL over many articles at once: each constraint is one query over all the nodes it is about.

pyshacl asks each node in turn, 0.1 s for an article; here every article has its own copy of the nodes that it speaks
of, so that one query finds what is wrong in all of them, and no article is judged by what another one says.  What is
not known here stops the build: nothing passes because it was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import rdflib
from pyoxigraph import NamedNode, Quad, QuerySolutions, Store
from pyshacl.errors import ValidationFailure
from pyshacl.helper.sparql_query_helper import SPARQLQueryHelper
from rdflib.collection import Collection
from rdflib.namespace import OWL, RDF, RDFS, SH, XSD
from rdflib.term import Node

from kgbuild.build.quads import Term
from kgbuild.core.namespaces import PREFIXES, shorten
from kgbuild.core.terms import TYPE, reach, term

_COPY: Final = re.compile(r"copy:([0-9]+):")
"""Begins the IRI of an article's own copy of a node: no record and no ontology names a thing with that scheme."""
_CLASSES: Final = NamedNode(f"{PREFIXES['graph']}classes")
"""The graph that says of each thing, with `rdf:type`, all its classes and those above: as a path it takes minutes."""
_PATH: Final = re.compile(r"([?$]\w+)\s+a/rdfs:subClassOf\*\s+(\?\w+)(?:\s*\.)?")
_LIMIT: Final = re.compile(r"\bLIMIT 1\s*$")  # one for each node: here it would be one for all
_TARGETS: Final = (SH.targetClass, SH.targetObjectsOf, SH.targetSubjectsOf, SH.targetNode)
_TEXTS: Final = (SH.message, SH.severity, SH.name, SH.description, SH.order, SH.group)
_SAID: Final = frozenset((*_TARGETS, SH.path, SH.property, SH.ignoredProperties, *_TEXTS))
"""What is read where it belongs, or says nothing of what is valid."""


@dataclass(frozen=True)
class Constraint:
    """One constraint of a shape: `query` gives ?this, ?value and ?path, where there are such, for what breaks it."""

    shape: Node
    path: Node | None
    query: str
    objects_of: Node | None = None
    """The property whose values are the target, if it is one of these."""


class ShapeError(Exception):
    """A shape that cannot be asked of many articles at once; the text says which, and why."""

    def __init__(self, shape: Node, why: str) -> None:
        name = _UNNAMED if isinstance(shape, rdflib.BNode) else shorten(str(shape))
        super().__init__(f"{name} cannot be run: {why}")


_UNNAMED: Final = "a shape without a name"


def targeted(shapes: rdflib.Graph) -> list[Node]:
    """List the shapes that have a target, in order of their names."""
    said = {shape for predicate in _TARGETS for shape in shapes.subjects(predicate)}
    implied = {
        s for kind in (SH.NodeShape, SH.PropertyShape) for s in shapes.subjects(RDF.type, kind) if _is_class(shapes, s)
    }
    return sorted(said | implied, key=str)


def _is_class(shapes: rdflib.Graph, shape: Node) -> bool:
    return any((shape, RDF.type, kind) in shapes for kind in (RDFS.Class, OWL.Class))


def constraints(shapes: rdflib.Graph, shape: Node) -> list[Constraint]:
    """Write each constraint of a shape with a target as a query; raises ShapeError for what has no query here."""
    return list(_Writer(shapes).write(shape))


class _Writer:
    def __init__(self, shapes: rdflib.Graph) -> None:
        self.shapes = shapes
        self._asked: list[Node] = []
        """Shapes that are being written, each asked by the one before."""

    def write(self, shape: Node) -> Iterator[Constraint]:
        """Write the constraints of a shape with a target, and of its property shapes."""
        found: list[tuple[Node, Node | None, str]] = []
        if (path := self._path(shape)) is not None:
            found += [(shape, path, self._bad_values(shape, path, *said)) for said in self._said(shape)]
        else:
            found += [(shape, None, self._bad(shape, *said)) for said in self._said(shape)]
        for each in sorted(self.shapes.objects(shape, SH.property), key=str):
            along = self._path(each)
            if path is not None or along is None or (each, SH.property, None) in self.shapes:
                raise _unknown(each, SH.property)
            found += [(each, along, self._bad_values(each, along, *said)) for said in self._said(each)]
        for target, objects_of in self._targets(shape):
            for source, along_, bad in found:
                query = f"SELECT DISTINCT ?this ?value ?path WHERE {{ {target} {bad} }}"
                yield Constraint(source, along_, query, objects_of)

    def _path(self, shape: Node) -> Node | None:
        path = self.shapes.value(shape, SH.path)
        if path is not None and not isinstance(path, rdflib.URIRef):
            raise _unknown(shape, SH.path)
        return path

    def _targets(self, shape: Node) -> Iterator[tuple[str, Node | None]]:
        """Write each target of a shape: a union of them would be joined with every node there is."""
        implied = [shape] if _is_class(self.shapes, shape) else []
        for each in (*self.shapes.objects(shape, SH.targetClass), *implied):
            yield f"GRAPH {_CLASSES} {{ ?this a {each.n3()} }}", None
        for each in self.shapes.objects(shape, SH.targetObjectsOf):
            yield f"{{ SELECT DISTINCT ?this WHERE {{ [] {each.n3()} ?this }} }}", each
        for each in self.shapes.objects(shape, SH.targetSubjectsOf):
            yield f"{{ SELECT DISTINCT ?this WHERE {{ ?this {each.n3()} [] }} }}", None
        if (shape, SH.targetNode, None) in self.shapes:
            raise _unknown(shape, SH.targetNode)

    def _said(self, shape: Node) -> list[tuple[Node, Node]]:
        found = ((p, o) for p, o in self.shapes.predicate_objects(shape) if str(p).startswith(str(SH)))
        return sorted(((p, o) for p, o in found if p not in _SAID), key=str)

    def _bad_values(self, shape: Node, path: Node, predicate: Node, value: Node) -> str:
        """Write what makes the values of a path break a constraint."""
        along = f"?this {path.n3()}"
        if predicate == SH.minCount and int(str(value)) == 1:
            return f"FILTER NOT EXISTS {{ {along} ?any }}"
        if predicate == SH.maxCount and int(str(value)) == 1:
            return f"{along} ?one , ?other . FILTER (!SAMETERM(?one, ?other))"
        if predicate == SH.hasValue:
            return f"FILTER NOT EXISTS {{ {along} {value.n3()} }}"
        if predicate == SH.uniqueLang:
            same = 'LANG(?one) != "" && LANG(?one) = LANG(?other) && !SAMETERM(?one, ?other)'
            return f"{along} ?one , ?other . FILTER ({same})"
        if predicate == SH.sparql:
            return self._sparql(shape, value)
        if predicate == SH.disjoint:
            return f"{along} ?value . ?this {value.n3()} ?value ."
        if predicate in _ORDERS:
            order = f"!COALESCE(?value {_ORDERS[predicate]} ?other, false)"
            return f"{along} ?value . ?this {value.n3()} ?other . FILTER ({order})"
        return f"{along} ?value . FILTER (!COALESCE({self._holds(shape, predicate, value, '?value')}, false))"

    def _bad(self, shape: Node, predicate: Node, value: Node) -> str:
        """Write what makes a node itself break a constraint."""
        if predicate == SH.sparql:
            return self._sparql(shape, value)
        if predicate == SH.closed:
            allowed = [*self._list(self.shapes.value(shape, SH.ignoredProperties))]
            allowed += [
                p for each in self.shapes.objects(shape, SH.property) for p in self.shapes.objects(each, SH.path)
            ]
            known = ", ".join(sorted(each.n3() for each in allowed))
            return f"?this ?path ?value . FILTER (?path NOT IN ({known}))"
        return f"BIND (?this AS ?value) FILTER (!COALESCE({self._holds(shape, predicate, value, '?this')}, false))"

    def _holds(self, shape: Node, predicate: Node, value: Node, node: str) -> str:
        """Write that a node meets a constraint, as an expression."""
        simple = _EXPRESSIONS.get(predicate)
        if simple is not None:
            return simple(node, value)
        if predicate == SH.languageIn:
            ranges = (f"LANGMATCHES(LANG({node}), {each.n3()})" for each in self._list(value))
            return f"ISLITERAL({node}) && ({' || '.join(ranges)})"
        if predicate == SH["in"]:
            return f"{node} IN ({', '.join(each.n3() for each in self._list(value))})"
        if predicate == SH.node:
            return self._meets(value, node)
        if predicate == SH["not"]:
            return f"!({self._meets(value, node)})"
        if predicate == SH["or"]:
            return " || ".join(f"({self._meets(each, node)})" for each in self._list(value))
        raise _unknown(shape, predicate)

    def _meets(self, shape: Node, node: str) -> str:
        """Write that a node meets all constraints of a shape."""
        if shape in self._asked:
            raise ShapeError(shape, "it asks itself")
        self._asked.append(shape)
        parts = [self._holds(shape, predicate, value, node) for predicate, value in self._said(shape)]
        for each in self.shapes.objects(shape, SH.property):
            path = self.shapes.value(each, SH.path)
            for predicate, value in self._said(each):
                if predicate != SH.hasValue or path is None:
                    raise _unknown(each, predicate)
                parts.append(f"EXISTS {{ {node} {path.n3()} {value.n3()} }}")
        self._asked.pop()
        return " && ".join(f"({part})" for part in parts) or "true"

    def _sparql(self, shape: Node, constraint: Node) -> str:
        """Take the query of a constraint: its nodes are those of the target, which is joined."""
        text = str(self.shapes.value(constraint, SH.select)).strip()
        try:
            SPARQLQueryHelper(None, constraint, text).check_invalid_sparql(text)  # type: ignore[no-untyped-call]
        except ValidationFailure as fault:
            raise ShapeError(shape, fault.message) from fault
        text = _PATH.sub(rf"GRAPH {_CLASSES} {{ \1 a \2 }}", _LIMIT.sub("", text))
        # Its variables are its own: only ?this and ?value come out.
        return f"{{ {text} }}"

    def _list(self, head: Node | None) -> list[Node]:
        return list(Collection(self.shapes, head)) if head is not None else []


def _unknown(shape: Node, predicate: Node) -> ShapeError:
    return ShapeError(shape, f"{shorten(str(predicate))} stands where the build has no query for it")


_ORDERS: Final[dict[Node, str]] = {SH.lessThan: "<", SH.lessThanOrEquals: "<="}
_CAST: Final = frozenset((XSD.date, XSD.integer, XSD.boolean))
_KINDS: Final = {SH.IRI: "ISIRI", SH.Literal: "ISLITERAL", SH.BlankNode: "ISBLANK"}


def _kind(node: str, kind: Node) -> str:
    return f"{_KINDS[rdflib.URIRef(str(kind))]}({node})"


def _datatype(node: str, datatype: Node) -> str:
    holds = f"ISLITERAL({node}) && DATATYPE({node}) = {datatype.n3()}"
    # What is written wrong has its datatype all the same: a cast tells.
    return f"{holds} && COALESCE({datatype.n3()}(STR({node})) = {node}, false)" if datatype in _CAST else holds


def _text(node: str) -> str:
    return f'IF(ISIRI({node}), REPLACE(STR({node}), "^{_COPY.pattern}", ""), STR({node}))'


_EXPRESSIONS: Final[dict[Node, Callable[[str, Node], str]]] = {
    SH["class"]: lambda node, value: f"EXISTS {{ GRAPH {_CLASSES} {{ {node} a {value.n3()} }} }}",
    SH.datatype: _datatype,
    SH.hasValue: lambda node, value: f"{node} = {value.n3()}",
    SH.maxLength: lambda node, value: f"!ISBLANK({node}) && STRLEN({_text(node)}) <= {value.n3()}",
    SH.minInclusive: lambda node, value: f"COALESCE({node} >= {value.n3()}, false)",
    SH.nodeKind: _kind,
    SH.pattern: lambda node, value: f"!ISBLANK({node}) && REGEX({_text(node)}, {value.n3()})",
}
"""Component -> an expression that holds for a node and the component's parameter."""


def prefixes(shapes: rdflib.Graph) -> dict[str, str]:
    """Read the prefixes that the queries of shapes use."""
    return {
        str(shapes.value(each, SH.prefix)): str(shapes.value(each, SH.namespace))
        for each in shapes.objects(predicate=SH.declare)
    }


def copies(number: int, quads: Iterable[Quad]) -> Iterator[Quad]:
    """Give an article its own copy of all that is described for it: subjects get a name of their own, everywhere."""
    told = list(quads)
    own: dict[Any, Any] = {node: copy_of(node, number) for node in {quad.subject for quad in told}}
    return (Quad(own[quad.subject], quad.predicate, own.get(quad.object, quad.object)) for quad in told)


def copy_of(node: Any, number: int | None) -> Any:
    """Name an article's copy of a node; the node itself for what belongs to all."""
    return NamedNode(f"copy:{number}:{node.value}") if number is not None and isinstance(node, NamedNode) else node


def with_classes(store: Store) -> Store:
    """Say of each thing in a store all its classes and those above, by what the store says of classes."""
    above: dict[Any, list[Any]] = {}
    for quad in store.quads_for_pattern(None, term("rdfs:subClassOf"), None):
        above.setdefault(quad.subject, []).append(quad.object)
    all_above: dict[Any, list[Any]] = {}
    made = []
    for quad in store.quads_for_pattern(None, TYPE, None):
        class_ = quad.object
        if class_ not in all_above:
            all_above[class_] = reach([class_], lambda each: above.get(each, ()))
        made += [Quad(quad.subject, TYPE, each, _CLASSES) for each in all_above[class_]]
    store.bulk_extend(made)
    return store


@dataclass(frozen=True)
class Result:
    """A node that breaks a constraint, along a path, and the value that does.

    `copy` is the number of its article; None for what belongs to all.
    """

    constraint: Constraint
    focus: Term
    path: str | None
    value: Term | None
    copy: int | None


def run(constraint: Constraint, store: Store, prefixes: dict[str, str]) -> list[Result]:
    """Find all nodes that break a constraint."""
    rows = store.query(constraint.query, prefixes=prefixes)
    assert isinstance(rows, QuerySolutions)  # noqa: S101 - each query is a SELECT
    return [_result(constraint, row["this"], row["path"], row["value"]) for row in rows]


def _result(constraint: Constraint, this: Any, path: Any, value: Any) -> Result:
    focus, copy = original(this)
    along = str(path) if path is not None else constraint.path.n3() if constraint.path is not None else None
    return Result(constraint, focus, along, original(value)[0] if value is not None else None, copy)


def original(node: Any) -> tuple[Any, int | None]:
    """Give what a copy is of, and the number of its article."""
    found = _COPY.match(node.value) if isinstance(node, NamedNode) else None
    return (NamedNode(node.value[found.end() :]), int(found[1])) if found else (node, None)
