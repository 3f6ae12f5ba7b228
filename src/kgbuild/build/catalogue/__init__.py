"""What a release holds, counted once: numbers, coverage, the ontology's reference, the JSON-LD context.

The build writes it beside the quads, as a file that follows from them: inside the graph, counting would change the
counts.  Where RDF files are served, the server asks them the same when it loads them.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from pydantic import TypeAdapter
from pyoxigraph import Store

from kgbuild.build.catalogue.reference import Reference, make_reference
from kgbuild.build.patterns import Pattern
from kgbuild.core.namespaces import BASE, ID, ONTOLOGY, ONTOLOGY_IRI, PREFIXES, RDF_TYPE, shorten
from kgbuild.core.terms import Term
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.lookups import Bindings, LookUp, run, select
from kgbuild.sparql.query_error import QueryError

FILE: Final = "catalogue.json"
"""The file of a release."""
_EXAMPLES: Final = ("Network", "Institution", "Polity", "Person", "Meeting", "Agreement", "Membership", "Article")
"""Classes of which an example is named."""
QUERIES: Final = {
    "graphs": "SELECT ?x (COUNT(*) AS ?n) { GRAPH ?x { ?s ?p ?o } } GROUP BY ?x ORDER BY ?x",
    "classes": "SELECT ?x (COUNT(?s) AS ?n) { ?s a ?x } GROUP BY ?x ORDER BY ?x",
    "properties": """SELECT ?x ?as (COUNT(*) AS ?n) {
  ?s ?x ?o BIND (IF(isLiteral(?o), IF(LANG(?o) = "", STR(DATATYPE(?o)), ""), IF(isIRI(?o), "@id", "")) AS ?as)
} GROUP BY ?x ?as ORDER BY ?x ?as""",
    "terms": f'SELECT DISTINCT ?x {{ ?x a ?class FILTER (STRSTARTS(STR(?x), "{ONTOLOGY}")) }} ORDER BY ?x',
    "version": f"SELECT ?x {{ <{ONTOLOGY_IRI}> owl:versionIRI ?x }} ORDER BY ?x LIMIT 1",
    "entities": f'SELECT (COUNT(DISTINCT ?s) AS ?n) {{ ?s ?p ?o FILTER (STRSTARTS(STR(?s), "{ID}")) }}',
    "examples": f"""SELECT ?x (MIN(STR(?s)) AS ?n) {{
  VALUES ?x {{ {" ".join(f"icn:{name}" for name in _EXAMPLES)} }} ?s a ?x FILTER (isIRI(?s))
}} GROUP BY ?x ORDER BY ?x""",
    "links": f"""SELECT ?p ?space (COUNT(*) AS ?n) {{
  VALUES ?p {{ owl:sameAs skos:exactMatch skos:closeMatch }}
  ?s ?p ?o FILTER (isIRI(?o) && STRSTARTS(STR(?s), "{BASE}") && !STRSTARTS(STR(?o), "{BASE}"))
  BIND (REPLACE(STR(?o), "^([a-zA-Z][a-zA-Z0-9+.-]*://[^/]*/?).*$", "$1") AS ?space)
}} GROUP BY ?p ?space ORDER BY ?p ?space""",
    "span": """SELECT ?from ?to {
  { SELECT (MIN(?earliest) AS ?from) { ?s icn:dated/icn:earliest ?earliest } }
  { SELECT (MAX(?latest) AS ?to) { ?s icn:dated/icn:latest ?latest } }
}""",
    "states": """SELECT ?s (MIN(STR(?label)) AS ?name) {
  ?s a icn:Polity FILTER (isIRI(?s)) OPTIONAL { ?s rdfs:label ?label FILTER (LANG(?label) = "en") }
} GROUP BY ?s ORDER BY ?s""",
}
"""What is asked, besides the reference: where it changes, answers that are kept count no longer."""
_NEEDED: Final = ("graphs", "classes", "properties", "terms", "version")
"""What the server cannot do without; the others only the description of the data set needs."""
_log: Final = logging.getLogger("kgbuild.build.catalogue")


@dataclass(frozen=True)
class Linkset:
    """Links from our things to those of somebody else."""

    predicate: str
    space: str
    """What the IRIs of the others begin with."""
    triples: int


@dataclass(frozen=True)
class Catalogue:
    """What is known of the data; counts are of the default graph, as queries see it."""

    graphs: dict[str, int] = field(default_factory=dict)
    """Name of each graph -> its triples."""
    triples: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    properties: dict[str, int] = field(default_factory=dict)
    terms: tuple[str, ...] = ()
    """Local names of the terms of our ontology."""
    ontology_version: str = ""
    """IRI of the version of the ontology in the data."""
    entities: int | None = None
    """None, like what is empty below, where data are too large to be counted in time."""
    examples: dict[str, str] = field(default_factory=dict)
    """Class -> the first of its things."""
    linksets: tuple[Linkset, ...] = ()
    span: tuple[str, str] | None = None
    """First and last day of all that is dated."""
    states: dict[str, str] = field(default_factory=dict)
    """Polity -> its name in English, or nothing."""
    reference: Reference = field(default_factory=Reference)
    context: dict[str, Any] = field(default_factory=dict)
    """The JSON-LD context."""
    patterns: tuple[Pattern, ...] = ()
    """How kinds of facts are written; only a release has them."""

    @cached_property
    def known_terms(self) -> frozenset[str]:
        """Give the terms as a set."""
        return frozenset(self.terms)


def make_catalogue() -> LookUp[Catalogue]:
    """Count, and read the ontology; what only the description of the data set needs may be missing."""
    rows: dict[str, Bindings] = {}
    for name in _NEEDED:
        rows[name] = yield from select(QUERIES[name], name)
    reference = yield from make_reference()
    for name in [name for name in QUERIES if name not in _NEEDED]:
        rows[name] = yield from _select_in_time(QUERIES[name])
    properties = [row for row in rows["properties"] if "x" in row]
    uses: defaultdict[str, int] = defaultdict(int)
    for row in properties:
        uses[row["x"].value] += _number(row)
    bounds = [(row["from"].value, row["to"].value) for row in rows["span"] if "from" in row and "to" in row]
    return Catalogue(
        graphs=_counts(rows["graphs"]),
        triples=sum(_number(row) for row in rows["properties"]),
        classes=_counts(rows["classes"]),
        properties=dict(uses),
        terms=tuple(row["x"].value.removeprefix(ONTOLOGY) for row in rows["terms"]),
        ontology_version=next((row["x"].value for row in rows["version"]), ""),
        entities=next((_number(row) for row in rows["entities"]), None),
        examples={row["x"].value: row["n"].value for row in rows["examples"] if "n" in row},
        linksets=tuple(
            Linkset(row["p"].value, row["space"].value, _number(row)) for row in rows["links"] if "p" in row
        ),
        span=next(iter(bounds), None),
        states={row["s"].value: row["name"].value if "name" in row else "" for row in rows["states"]},
        reference=reference,
        context=_make_context(reference, _read_as(properties)),
    )


def _make_context(reference: Reference, read_as: Mapping[str, str]) -> dict[str, Any]:
    """Make the JSON-LD context (https://www.w3.org/TR/json-ld11/) of our prefixes and of the properties in use.

    How values are read is said by the ontology, else by the values that are there.  Names are those of Turtle,
    `icn:joined` and `network:x`: bare ones would clash, `institution` is a prefix of IRIs and a property as well.
    """
    xsd = PREFIXES["xsd"]
    types = {**read_as, **{iri: "@id" for iri, term in reference.terms.items() if term.kind == "object"}}
    for iri, term in reference.terms.items():
        if term.kind == "datatype" and len(term.ranges) == 1 and term.ranges[0].startswith(xsd):
            types[iri] = term.ranges[0]
    named = {iri: shorten(iri) for iri, type_ in sorted(types.items()) if iri != RDF_TYPE and type_ != f"{xsd}string"}
    return {
        "@version": 1.1,
        **dict(sorted(PREFIXES.items())),
        **{name: {"@id": iri, "@type": types[iri]} for iri, name in named.items() if name != iri},
    }


def _select_in_time(text: str) -> LookUp[Bindings]:
    """Ask what the description can do without; whoever drives the look-up throws in here that there is no answer."""
    try:
        return (yield from select(text, "catalogue"))
    except QueryError as fault:
        if fault.kind not in ("deadline", "out-of-memory"):
            raise
        _log.warning("The description of the data set goes without an answer: %s", fault.detail)
        return []


def _number(row: dict[str, Term]) -> int:
    return int(row["n"].value)


def _counts(rows: Bindings) -> dict[str, int]:
    return {row["x"].value: _number(row) for row in rows if "x" in row and row["x"].kind == "iri"}


def _read_as(properties: Bindings) -> dict[str, str]:
    """Tell of each property all of whose values are of one sort which that is: `@id`, or a datatype."""
    sorts: defaultdict[str, set[str]] = defaultdict(set)
    for row in properties:
        sorts[row["x"].value].add(row["as"].value if "as" in row else "")
    return {iri: next(iter(found)) for iri, found in sorts.items() if len(found) == 1 and "" not in found}


_FORM: Final = TypeAdapter(Catalogue)


def count_store(store: Store, patterns: Iterable[Pattern] = ()) -> bytes:
    """Make the catalogue of a store, as the file of a release."""
    counted = run(EmbeddedEngine(store), make_catalogue())
    return write_catalogue(replace(counted, patterns=tuple(patterns)))


def write_catalogue(catalogue: Catalogue) -> bytes:
    """Write a catalogue as JSON, the same bytes each time."""
    return _FORM.dump_json(catalogue, indent=1) + b"\n"


def read_catalogue(written: bytes) -> Catalogue:
    """Read what `write_catalogue` wrote; raises ValueError where another version wrote it in another form."""
    return _FORM.validate_json(written)
