"""Cases of rules, checks and shapes: small graphs that say what each must do (`tests/fixtures/cases/README.md`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import yaml

from kgbuild.build.graph import describe_date
from kgbuild.build.ontology import read_ontology
from kgbuild.build.reasoning import Rule, infer, load_rules
from kgbuild.build.store import update
from kgbuild.core.dates import DateError, DateNode, parse_edtf, window
from kgbuild.core.namespaces import BASE, DATE, GENID, GRAPH, PREFIXES, shorten
from kgbuild.core.terms import reach, term

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "tests" / "fixtures" / "cases"
TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in {**PREFIXES, "genid": GENID}.items())
MUSTS = {"checks": ("find", "pass"), "rules": ("add", "remove", "leave"), "shapes": ("find", "pass")}
"""Folder -> what a case may ask for; the last of them is that nothing happens."""
RESULTS = {"find": "finds", "add": "adds", "remove": "removes"}
"""What must happen -> the key that says exactly what."""
_KEYS = {"given", "add", "drop", "change"}
_HIERARCHY = ("rdf:type", "rdfs:subClassOf", "rdfs:subPropertyOf", "skos:broader", "skos:inScheme")
_MARKS = ("icn:exclusive", "icn:expectedType", "icn:keyPart", "icn:resolution")
_FOLLOWED = tuple(map(term, (*_HIERARCHY, *_MARKS)))
"""What a case takes for granted of the classes, properties and concepts that it names."""

_BYSTANDERS = "date:1000 a icn:Date . date:3000 a icn:Date ."
"""Dates of other things, early and late: a check that does not ask whose a date is finds these."""


@dataclass(frozen=True)
class Case:
    """One case of a rule, check or shape: a graph in TriG, and what must come of it.

    `expected` are rows of a check, "subject predicate object", codes of shapes, or Turtle of what a rule does.
    """

    folder: str
    name: str
    must: str
    says: str
    graph: str
    expected: tuple[str, ...]
    told: str = ""
    """The sentence of the one finding, where a case says it."""

    def __str__(self) -> str:
        return f"{self.name}: must {self.must}: {self.says}"


class CaseError(ValueError):
    """A case that is not written as the README says."""


@cache
def read_cases(folder: str) -> tuple[Case, ...]:
    """Read all cases of `rules`, `checks` or `shapes`."""
    return tuple(case for path in sorted((CASES / folder).glob("*.yaml")) for case in read_file(path))


def read_file(path: Path) -> list[Case]:
    """Read the cases of a file; raises CaseError with the file and the case that is not well written."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return list(_cases(content, path.parent.name, path.stem))
    except CaseError as fault:
        raise CaseError(f"{path.relative_to(ROOT)}: {fault}") from None


def _cases(content: Mapping[str, Any], folder: str, name: str) -> Iterator[Case]:
    results = {RESULTS[must] for must in MUSTS[folder] if must in RESULTS}
    head = {"given", "cases"} | ({"severity"} if folder == "checks" else set())
    if unknown := set(content) - head - results:
        raise CaseError(f"there is no key {', '.join(sorted(unknown))}")
    for written in content["cases"]:
        musts = [must for must in MUSTS[folder] if f"must {must}" in written]
        if len(musts) != 1:
            raise CaseError(f"a case says one of {', '.join(f'`must {must}`' for must in MUSTS[folder])}: {written}")
        (must,) = musts
        says, key = written[f"must {must}"], RESULTS.get(must)
        if unknown := set(written) - _KEYS - {f"must {must}", key, "told" if must == "find" else key}:
            raise CaseError(f"'{says}' has no key {', '.join(sorted(map(str, unknown)))}")
        expected = _texts(written.get(key, content.get(key))) if key else ()
        if key and not expected:
            raise CaseError(f"'{says}' does not say what it {key}")
        yield Case(
            folder,
            name,
            must,
            says,
            _graph(written.get("given", content.get("given", "")), written),
            expected,
            written.get("told", ""),
        )


@cache
def severities() -> dict[str, str]:
    """Give the severity that each check must have, as the file of its cases says."""
    paths = sorted((CASES / "checks").glob("*.yaml"))
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")).get("severity", "") for path in paths}


def _graph(given: str, written: Mapping[str, Any]) -> str:
    changes = [*((text, "") for text in _texts(written.get("drop"))), *(written.get("change") or {}).items()]
    for old, new in changes:
        if given.count(old) != 1:
            raise CaseError(f"{given.count(old)} times '{old}' in what is given, where it must be once")
        given = given.replace(old, new)
    return "\n".join((given, *_texts(written.get("add"))))


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


# --- what a case takes for granted ------------------------------------------------------------------------------------


def parse(text: str) -> list[ox.Quad]:
    """Read TriG with the project's prefixes; `<article/x>` is the graph of an article."""
    return list(ox.parse(TURTLE + text, format=ox.RdfFormat.TRIG, base_iri=GRAPH))


@cache
def _known() -> dict[ox.NamedNode, list[ox.Quad]]:
    known: dict[ox.NamedNode, list[ox.Quad]] = {}
    for quad in read_ontology(ROOT / "ontology", ROOT).quads:
        if quad.predicate in _FOLLOWED and isinstance(quad.subject, ox.NamedNode):
            triple = ox.Quad(quad.subject, quad.predicate, quad.object, ox.DefaultGraph())
            known.setdefault(quad.subject, []).append(triple)
    return known


def terms(quads: list[ox.Quad]) -> list[ox.NamedNode]:
    """List the IRIs that quads name, each once."""
    found = (part for quad in quads for part in (quad.subject, quad.predicate, quad.object))
    return list(dict.fromkeys(part for part in found if isinstance(part, ox.NamedNode)))


def unknown_terms(quads: list[ox.Quad]) -> list[str]:
    """Name the terms of ours that no ontology or vocabulary has, and the dates that are none."""
    ours = (PREFIXES["icn"], f"{BASE}vocabulary/")
    found = [t for t in terms(quads) if t.value.startswith(ours) and t not in _known()]
    return [shorten(t.value) for t in found] + [t.value for t in terms(quads) if is_date(t) and not describe(t)]


def is_date(iri: ox.NamedNode) -> bool:
    """Tell whether an IRI is one of dates."""
    return iri.value.startswith(DATE)


def described(quads: list[ox.Quad]) -> list[ox.Quad]:
    """Give a graph with the dates, classes, properties and concepts that it names, as a build describes them."""
    named = terms(quads)

    def above(iri: ox.NamedNode) -> list[ox.NamedNode]:
        return [quad.object for quad in _known().get(iri, ()) if isinstance(quad.object, ox.NamedNode)]

    around = [quad for iri in reach(named, above) for quad in _known().get(iri, ())]
    days = [quad for iri in named if is_date(iri) for quad in describe(iri)]
    return [*quads, *around, *days]


def describe(date: ox.NamedNode) -> list[ox.Quad]:
    """Describe a date and its precision; there is nothing to say of what is no date."""
    try:
        node = read_slug(date.value.removeprefix(DATE))
    except DateError:
        return []
    said = [ox.Quad(q.subject, q.predicate, q.object, ox.DefaultGraph()) for q in describe_date(node)]
    return [*said, *_known()[ox.NamedNode(f"{PREFIXES['precision']}{node.precision}")]]


def read_slug(slug: str) -> DateNode:
    """Read a date by the end of its IRI: `2023-11`, `by-2023`, `from-2023`, `2021-or-2023`, `2023-05-18_2023-05-19`."""
    if match := re.fullmatch(r"(.+)-or-(.+)", slug):
        return window(match[1], match[2])
    kind, _, day = slug.partition("-")
    return (
        window(None, day)
        if kind == "by"
        else window(day, None)
        if kind == "from"
        else parse_edtf(slug.replace("_", "/"))
    )


# --- running a case ---------------------------------------------------------------------------------------------------


def dated(case: Case) -> list[ox.Quad]:
    """Read the graph of a case with what it takes for granted, and dates of other things around it."""
    return described(parse(f"{case.graph}\n{_BYSTANDERS}"))


@cache
def rules() -> dict[str, Rule]:
    """Give the project's rules by the name of their files."""
    return {Path(rule.name).stem: rule for rule in load_rules(ROOT / "ontology" / "rules", ROOT)}


def store_for_check(case: Case) -> ox.Store:
    """Make what a check sees: a graph with what it takes for granted and all that follows by the rules."""
    store = ox.Store()
    store.extend(dated(case))
    infer(store, load_rules(ROOT / "ontology" / "rules", ROOT))
    store.extend(described(list(store)))  # a rule may name a concept that the case does not
    return store


def rows(store: ox.Store, query: str) -> dict[str, str]:
    """Run a check: "subject predicate object" of each finding, with its sentence."""
    found = store.query(query)
    assert isinstance(found, ox.QuerySolutions)
    names = {variable.value for variable in found.variables}
    columns = [name for name in ("subject", "predicate", "object") if name in names]
    return {" ".join(show(row[name]) for name in columns): getattr(row["finding"], "value", "") for row in found}


def finds(store: ox.Store, query: str, case: Case) -> bool:
    """Tell whether a check finds what a case says and nothing else, each with a sentence, and the one it says."""
    found = rows(store, query)
    return found.keys() == set(case.expected) and all(found.values()) and case.told in ("", *found.values())


def show(value: object) -> str:
    """Write a term as cases do."""
    if isinstance(value, ox.NamedNode):
        return "a" if value == term("rdf:type") else shorten(value.value)
    return "[]" if isinstance(value, ox.BlankNode) else str(value)


Effect = tuple[frozenset[str], frozenset[str], frozenset[str]]
"""What a rule adds to what holds, what it takes away, and what it writes into the graph `inferred`."""


def effect(quads: list[ox.Quad], rule: str) -> Effect:
    """Run a rule over a graph."""
    store = ox.Store()
    store.extend(quads)
    before = {str(quad.triple) for quad in quads if quad.graph_name == ox.DefaultGraph()}
    update(store, rule)
    after = triples(store, ox.DefaultGraph())
    inferred = triples(store, ox.NamedNode(f"{GRAPH}inferred"))
    return frozenset(after - before), frozenset(before - after), inferred


def triples(store: ox.Store, graph: ox.NamedNode | ox.DefaultGraph) -> frozenset[str]:
    """List the triples of a graph as text."""
    return frozenset(str(quad.triple) for quad in store.quads_for_pattern(None, None, None, graph))


def expected_effect(case: Case) -> Effect:
    """Say what a rule must do by a case: what is inferred holds, and stands in the graph `inferred` as well."""
    written = frozenset(str(quad.triple) for quad in parse("\n".join(case.expected)))
    nothing = frozenset[str]()
    return (nothing, written, nothing) if case.must == "remove" else (written, nothing, written)
