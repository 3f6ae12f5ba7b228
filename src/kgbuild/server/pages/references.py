"""Pages of what everything else refers to: dates, concepts, named graphs, and where sources disagree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kgbuild.core.namespaces import ARTICLE_GRAPH, EXTERNAL, ID, ONTOLOGY
from kgbuild.core.terms import iri
from kgbuild.questions.lookup import write_term
from kgbuild.server.http.languages import Reader
from kgbuild.server.pages.layout import (
    N_,
    ConceptBranch,
    Entries,
    Fact,
    Note,
    Page,
    Section,
    Shown,
    Tree,
    Value,
    Voices,
    facts,
    section,
    sections,
)
from kgbuild.server.pages.reading import Reading, read
from kgbuild.server.pages.rendering import LANGUAGE_NAMES
from kgbuild.server.pages.terms import Terms, icn
from kgbuild.sparql.lookups import Bindings, LookUp, select, select_all

MOST: Final = 200
"""Things of one property that the page of a date lists."""
MOST_CONCEPTS: Final = 2000
_SKOS: Final = EXTERNAL["skos"]
_USED: Final = f'FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}"))'


def _counts(rows: Bindings, name: str) -> dict[str, int]:
    return {row[name].value: int(row["n"].value) for row in rows if name in row}


def _numbers(reading: Reading, counts: Mapping[str, int]) -> Entries | None:
    return Entries(tuple((reading.name(each), f"{n:,}") for each, n in counts.items()), counts=True) if counts else None


def date(node: str, reader: Reader, terms: Terms) -> LookUp[Page]:
    """Make the page of a date: its bounds, and what happened then, by kind."""
    written = write_term(iri(node))
    finer = f"?finer rdfs:subPropertyOf ?p . ?s ?finer {written} FILTER (?finer != ?p)"
    pattern = f"?s ?p {written} {_USED} FILTER (?p != icn:dated) FILTER NOT EXISTS {{ {finer} }}"
    counted = yield from select(f"SELECT ?p (COUNT(DISTINCT ?s) AS ?n) {{ {pattern} }} GROUP BY ?p ORDER BY ?p")
    counts = _counts(counted, "p")
    listed = yield from select_all(
        *(f"SELECT DISTINCT ?s {{ ?s <{p}> {written} }} ORDER BY ?s LIMIT {MOST}" for p in counts)
    )
    groups = {
        p: [row["s"].value for row in rows if row["s"].kind == "iri"] for p, rows in zip(counts, listed, strict=True)
    }
    reading = yield from read(reader, terms, [node], {*counts, *(s for found in groups.values() for s in found)})
    note = reading._("The same stated date is not the same time: two things of one year need not have met.")
    numbers = _numbers(reading, counts) or Note(reading._("Nothing does."))
    exact = facts(reading.facts(node, ("edtf",)), plain=True)
    edtf = reading.edtf(node)
    made = sections(
        section("facts", reading._("How exact it is"), exact),
        section("then", reading._("What carries this date"), Note(note, is_aside=True), numbers),
        *(_dated(reading, node, p, groups[p], counts[p]) for p in sorted(counts, key=terms.place)),
    )
    return Page(node, reading.name(node), reading.name(icn("Date")), made, (Shown(edtf),) if edtf else ())


def _dated(reading: Reading, node: str, by: str, things: Sequence[str], total: int) -> Section | None:
    named = sorted(((reading.name(s), reading.kind(s).text) for s in things), key=lambda pair: pair[0].text.casefold())
    entries = ((shown, "" if shown.text.casefold().startswith(kind.casefold()) else kind) for shown, kind in named)
    query = f"SELECT DISTINCT ?thing {{ ?thing <{by}> <{node}> }} ORDER BY ?thing"
    more = reading.first_of(len(things), total, query) if total > len(things) else None
    return section(by.rpartition("#")[2], reading.heading(by), Entries(tuple(entries)), more)


def concept(node: str, reader: Reader, terms: Terms) -> LookUp[Page]:
    """Make the page of a vocabulary or a concept: its labels, what is broader and narrower, how often it is used."""
    written = write_term(iri(node))
    inside, used = yield from select_all(
        f"""SELECT ?c ?up (COUNT(DISTINCT ?s) AS ?n) {{
          {{ ?c skos:inScheme {written} }} UNION {{ ?c skos:broader+ {written} }}
          OPTIONAL {{ ?c skos:broader ?up }} OPTIONAL {{ ?s ?p ?c {_USED} }}
        }} GROUP BY ?c ?up ORDER BY ?c LIMIT {MOST_CONCEPTS}""",
        f"SELECT ?p (COUNT(DISTINCT ?s) AS ?n) {{ ?s ?p {written} {_USED} }} GROUP BY ?p ORDER BY ?p",
    )
    rows = [row for row in inside if "c" in row and row["c"].kind == "iri"]
    uses = _counts(used, "p")
    inner = {row["c"].value for row in rows}
    reading = yield from read(reader, terms, [node], {*inner, *uses})
    parents: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        up = row["up"].value if "up" in row else ""
        parents[up if up in inner else node].append((row["c"].value, int(row["n"].value)))
    is_scheme = _SKOS + "ConceptScheme" in reading.types(node)
    tree = _tree(reading, parents, node, set())
    kind, narrower = reading._("Concept"), reading._("Narrower")
    if is_scheme:
        kind, narrower = reading._("Vocabulary"), reading._("Concepts")
    made = sections(
        section("about", reading._("What it is"), facts(_said_of(reading, node), plain=True)),
        section("narrower", narrower, Tree(tree) if tree else None),
        None if is_scheme else section("uses", reading._("How it is used"), *_uses(reading, node, uses)),
    )
    return Page(node, reading.name(node), Shown(kind), made)


def _uses(reading: Reading, node: str, uses: Mapping[str, int]) -> tuple[Any, ...]:
    if not uses:
        return (Note(reading._("Nothing uses it yet.")),)
    query = f'SELECT ?thing ?property {{ ?thing ?property <{node}> FILTER (STRSTARTS(STR(?property), "{ONTOLOGY}")) }}'
    return _numbers(reading, uses), Note("", (), f"{query} ORDER BY ?property ?thing")


def _said_of(reading: Reading, node: str) -> Iterator[Fact | None]:
    """List what is said of a concept; texts in the reader's language first, with the names of the others."""
    order = {language: number for number, language in enumerate(reading.reader.labels)}

    def fact(title: str, *names: str) -> Fact | None:
        terms = [t for name in names for t in reading.get(node, _SKOS + name)]
        terms.sort(key=lambda t: (order.get(t.language, len(order)), t.value))
        languages = {t.language for t in terms}
        marks = ("" if len(languages) < 2 else LANGUAGE_NAMES.get(t.language, t.language) for t in terms)
        values = tuple(Value(reading.show(t), (), mark) for t, mark in zip(terms, marks, strict=True))
        return Fact(Shown(title), values) if values else None

    yield fact(reading._("Definition"), "definition")
    yield fact(reading._("Labels"), "prefLabel")
    yield fact(reading._("Also"), "altLabel")
    yield fact(reading._("Word in records"), "notation")
    yield fact(reading._("Vocabulary"), "inScheme")
    yield fact(reading._("Broader"), "broader")
    yield fact(reading._("Matches"), "exactMatch", "closeMatch")
    yield fact(reading._("Notes"), "editorialNote", "scopeNote")


def _tree(
    reading: Reading, parents: dict[str, list[tuple[str, int]]], top: str, seen: set[str]
) -> tuple[ConceptBranch, ...]:
    """Arrange concepts below their broader ones; a circle ends where it closes."""
    made = []
    for each, count in sorted(parents.get(top, []), key=lambda pair: reading.name(pair[0]).text.casefold()):
        if each not in seen:
            seen.add(each)
            made.append(ConceptBranch(reading.name(each), count, _tree(reading, parents, each, seen)))
    return tuple(made)


_GRAPHS: Final = {
    "entities": N_("It holds the curators' registry: who is who, and by which names."),
    "dates": N_("It holds the dates that everything shares."),
    "inferred": N_("It holds what follows by rules from what is asserted."),
    "resolution": N_("It holds which articles state what, and how disagreements were decided."),
    "names": N_("It holds the names of what has none of its own, made from its parts."),
    "support": N_("It holds which claim gives what, where that does not follow from the claim."),
    "ontology": N_("It holds the terms that everything is said in."),
    "vocabularies": N_("It holds the terms that everything is said in."),
    "catalog": N_("It holds what is said of the graphs themselves."),
}
"""Last part of a graph's name -> what is in it."""


def graph(node: str, reader: Reader, terms: Terms) -> LookUp[Page]:
    """Make the page of a named graph: whose it is, and how much is in it."""
    written = write_term(iri(node))
    counted, classes = yield from select_all(
        f"SELECT (COUNT(*) AS ?n) {{ GRAPH {written} {{ ?s ?p ?o }} }}",
        f"SELECT ?class (COUNT(DISTINCT ?s) AS ?n) {{ GRAPH {written} {{ ?s a ?class }} }} GROUP BY ?class "
        "ORDER BY DESC(?n) ?class LIMIT 100",
    )
    of_article = ID + "article/" + node.removeprefix(ARTICLE_GRAPH) if node.startswith(ARTICLE_GRAPH) else ""
    found = _counts(classes, "class")
    reading = yield from read(reader, terms, [node], {*found, of_article} - {""})
    name = reading.name(of_article or node)
    last = node.rpartition("/")[2]
    text = reading._("Graph of the article") if of_article else reading._("Graph")
    what = _GRAPHS.get(last, "")
    if of_article:
        what = N_("It holds exactly what the record of the article asserts, whatever other articles say.")
    whole = f"SELECT * WHERE {{ GRAPH <{node}> {{ ?s ?p ?o }} }} ORDER BY ?s ?p ?o"
    number = counted[0]["n"].value if counted else "0"
    article_fact = Fact(reading.name(icn("Article")), (Value(name),)) if of_article else None
    triples = Fact(Shown(reading._("Triples")), (Value(Shown(f"{int(number):,}")),))
    made = sections(
        section("about", reading._("What it is"), facts((article_fact, triples), plain=True)),
        section("classes", reading._("What is described in it"), _numbers(reading, found), Note("", (), whole)),
    )
    heading = Shown(f"{text} {name.text if of_article else last}")
    return Page(node, heading, Shown(reading._("Named graph")), made, notes=(Note(reading._(what)),) if what else ())


def disagreement(node: str, reader: Reader, terms: Terms) -> LookUp[Page]:
    """Make the page of a disagreement: about what, each value with its voices, and what decided."""
    rows = yield from select(
        f"SELECT ?about ?rule {{ {write_term(iri(node))} icn:onSubject ?about ; icn:decidedBy ?rule }}"
    )
    reading = yield from read(reader, terms, {node, *(term.value for row in rows for term in row.values())})
    about, property_, rule = (reading.one(node, name) for name in ("onSubject", "onProperty", "decidedBy"))
    kept, aside = reading.get(node, icn("kept")), reading.get(node, icn("setAside"))
    given = {t for c in reading.claims_on(about) for t in reading.of(about, c.graph).get(property_, ())}
    standings = [
        *((term, reading._("kept")) for term in kept),
        *((term, reading._("set aside")) for term in aside),
        *((term, reading._("less precise")) for term in sorted(given - {*kept, *aside})),
    ]
    alone = Note(reading._("No claim gives this value by itself."))
    sides = []
    for number, (term, standing) in enumerate(standings, 1):
        voices = reading.voices_for(about, property_, term)
        sides.append(section(f"side-{number}", reading.show(term), Voices(voices) if voices else alone, mark=standing))
    why = reading.label({t.language: t.value for t in reading.get(rule, _SKOS + "definition")}) if rule else Shown("")
    order = reading._(
        "The order: the curator's rank, then the number of independent publishers, then precision, then an official "
        "source, then recency. All values stay in the graphs of their articles."
    )
    decided = Fact(reading.name(icn("decidedBy")), (Value(reading.name(rule)), *((Value(why),) if why.text else ())))
    if rule:
        sides.append(
            section("rule", reading._("What decided"), facts([decided], plain=True), Note(order, is_aside=True))
        )
    notes = (Note(reading._("About:"), (reading.name(about),)),) if about else ()
    return Page(node, reading.name(node), reading.name(icn("Disagreement")), sections(*sides), notes=notes)
