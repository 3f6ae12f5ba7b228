"""The page of a thing of any kind: what holds of it, what leads to it, where sources differ, and who says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pyoxigraph import Store

from kgbuild.core.namespaces import BASE, ID, ONTOLOGY, expand
from kgbuild.core.terms import Term, iri
from kgbuild.questions.lookup import write_term
from kgbuild.server.http.languages import Reader
from kgbuild.server.pages.layout import (
    N_,
    Entries,
    Note,
    Page,
    Section,
    SectionTable,
    Shown,
    Voice,
    Voices,
    facts,
    section,
    sections,
)
from kgbuild.server.pages.reading import ALT_LABEL, CHANGE_NOTE, PUBLISHER, Reading, gather_named
from kgbuild.server.pages.schema import described_for_search
from kgbuild.server.pages.tables import Listed, write_tables
from kgbuild.server.pages.terms import Terms, Values, icn
from kgbuild.sparql.lookups import Bindings, LookUp, select
from kgbuild.support.gathering import RELATED, Neighbours, ask_about, iris_of

MOST: Final = 200
"""Things of one list that a page shows; where there are more, it says so and links to a query for all of them."""
MOST_SHOWN: Final = 300
"""Things of all lists of a page."""
MOST_BESIDES: Final = 90
MOST_LISTS: Final = 60
_UNTOLD: Final = (
    "claims", "inArticle", "statedIn", "dated", "resolves", "kept", "setAside", "asserts", "infers", "onProperty",
)  # fmt: skip
"""Properties by which a thing is led to without anything being said of it, or of which a page tells in another way."""
# What is said of a list's rows besides: where sources differ on them, who denies them, which party they stand for.
_BESIDES: Final = """SELECT DISTINCT ?s { VALUES ?x { %s } { ?s icn:onSubject ?x ; icn:onProperty ?p }
  UNION { ?s icn:denies ?x } UNION { ?x icn:resolves ?s } UNION { ?s icn:resolves ?x } }"""
_ELSEWHERE: Final = {
    N_("Also written"): (ALT_LABEL,),
    N_("Elsewhere"): tuple(map(expand, ("skos:exactMatch", "rdfs:seeAlso", "owl:sameAs"))),
    N_("Note of the curators"): (expand("skos:editorialNote"),),
    N_("Corrected"): (CHANGE_NOTE,),
}
"""Properties of other vocabularies that are facts of a page, by a name, which the data do not have."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was read for the page of a thing: the same for every reader."""

    lists: list[Listed]
    store: Store
    names: dict[str, Values]


def thing(node: str, reader: Reader, terms: Terms) -> LookUp[Page]:
    """Make the page of a thing."""
    found = yield from find(node, terms)
    return compose(node, reader, terms, found)


def find(node: str, terms: Terms) -> LookUp[Gathered]:
    """Read what the page of a thing shows."""
    lists = yield from _leading(node, terms)
    around = {node, *(s for each in lists for s in each.things)}
    found = yield from ask_about(around, _BESIDES, *RELATED)
    others = sorted(iris_of(found, "s") - around)[:MOST_BESIDES]
    related = Neighbours(around, iris_of(found, "found", "date"))
    store, names = yield from gather_named({*around, *others}, terms, {node}, related)
    return Gathered(lists, store, names)


def compose(node: str, reader: Reader, terms: Terms, found: Gathered) -> Page:
    """Write the page of a thing for a reader."""
    reading = Reading(reader, terms, found.store, found.names)
    return Page(
        node,
        reading.name(node),
        reading.kind(node),
        sections(*_sections(reading, node, _headed(reading, found.lists))),
        _other_names(reading, node),
        tuple(_notes(reading, node, (s for each in found.lists for s in each.things))),
        described_for_search(reading, node),
    )


def _leading(node: str, terms: Terms) -> LookUp[list[Listed]]:
    """Count what leads to a thing, by property and class, and list the first of each."""
    rows = yield from select(f"{_links(node)} LIMIT {MOST + 1}")
    few = len(rows) <= MOST  # as of most things: these are all, and nothing needs to be counted
    lists = _counted(terms, rows if few else (yield from select(_counting(node))))
    most = _fair(each.total for each in lists)
    queries = " UNION ".join(_listing(node, each, most) for each in lists)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows if few else (yield from select(f"SELECT ?s ?p ?family {{ {queries} }}")):
        if row["s"].kind == "iri":
            found[row["p"].value, row["family"].value if "family" in row else _family(terms, row)].append(
                row["s"].value
            )
    return [replace(each, things=tuple(sorted(found[each.properties[0], each.family]))) for each in lists]


def _links(node: str) -> str:
    ours = f'STRSTARTS(STR(?p), "{ONTOLOGY}") || ?p = dcterms:publisher'
    untold = ", ".join(f"icn:{name}" for name in _UNTOLD)
    typed = f'{_said(node, "?s a ?c")} FILTER (STRSTARTS(STR(?c), "{ONTOLOGY}"))'
    return f"""SELECT ?p ?s (GROUP_CONCAT(DISTINCT STR(?c); separator=" ") AS ?types) {{
      {_led(node, "?p")} FILTER ({ours}) FILTER (?p NOT IN ({untold})) OPTIONAL {{ {typed} }}
    }} GROUP BY ?p ?s"""


def _counting(node: str) -> str:
    return f"SELECT ?p ?types (COUNT(?s) AS ?n) {{ {{ {_links(node)} }} }} GROUP BY ?p ?types"


def _listing(node: str, listed: Listed, most: int) -> str:
    by, family = f"<{listed.properties[0]}>", f"<{listed.family}>" if listed.family else '""'
    typed = _said(node, f"?s a {family}") if listed.family else ""
    few = f"SELECT DISTINCT ?s {{ {_led(node, by)} {typed} }} ORDER BY ?s LIMIT {most}"
    return f"{{ SELECT ?s ({by} AS ?p) ({family} AS ?family) {{ {few} }} }}"


def _led(node: str, by: str) -> str:
    """Write what leads to a thing by a property, and by none below it."""
    written = write_term(iri(node))
    finer = f"?finer rdfs:subPropertyOf {by} . ?s ?finer {written} FILTER (?finer != {by})"
    return f"{_said(node, f'?s {by} {written}')} FILTER NOT EXISTS {{ {finer} }}"


def _said(node: str, pattern: str) -> str:
    # Once somebody is named, only the articles still speak of the unnamed party.
    elsewhere = node.startswith(f"{ID}unidentified/")
    return f"{{ {pattern} }} UNION {{ GRAPH ?g {{ {pattern} }} }}" if elsewhere else f"{pattern} ."


def _fair(totals: Iterable[int]) -> int:
    """Share out the things that a page shows: the most of each list, so that small ones are whole.

    >>> _fair([3, 900, 10]), _fair([1000, 10, 1000])
    (200, 145)
    """
    room, left = MOST_SHOWN, sorted(totals)
    while left and left[0] * len(left) <= room:
        room -= left.pop(0)
    return min(MOST, room // len(left)) if left else MOST


def _counted(terms: Terms, rows: Bindings) -> list[Listed]:
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if "p" in row:
            totals[row["p"].value, _family(terms, row)] += int(row["n"].value) if "n" in row else 1
    found = [Listed(family, (property_,), (), total) for (property_, family), total in totals.items()]
    return sorted(found, key=lambda each: (terms.place(each.family), terms.place(each.properties[0])))[:MOST_LISTS]


def _family(terms: Terms, row: Mapping[str, Term]) -> str:
    return terms.family(row["types"].value.split()) if "types" in row else ""


def _headed(reading: Reading, found: list[Listed]) -> dict[str, tuple[Shown, list[Listed]]]:
    """Put under one heading what bears it: the name of a property read backwards, else that of the things."""
    headed: dict[str, tuple[Shown, dict[str, Listed]]] = {}
    for each in found:
        things = tuple(s for s in each.things if _belongs(reading, s, each.family))
        if things:
            title = _title(reading, each.properties[0], each.family)
            lists = headed.setdefault(title.text, (title, {}))[1]
            before = lists.get(each.family, Listed(each.family, (), (), 0))
            lists[each.family] = Listed(
                each.family,
                (*before.properties, *each.properties),
                tuple(dict.fromkeys((*before.things, *things))),
                before.total + each.total,
            )
    return {text: (title, list(lists.values())) for text, (title, lists) in headed.items()}


def _belongs(reading: Reading, thing: str, family: str) -> bool:
    # Disagreements have a section of their own, for all that the page tells of.
    types = reading.types(thing)
    return reading.terms.family(types) == family and not reading.terms.is_a(types, "Disagreement")


def _title(reading: Reading, property_: str, family: str) -> Shown:
    terms = reading.terms
    if property_ == PUBLISHER:
        return Shown(reading._("Published by it"))
    if property_ in terms.reverses:
        return reading.heading(property_, terms.reverses)
    return reading.heading(family, terms.plurals) if family else reading.heading(property_)


def _sections(reading: Reading, node: str, listed: dict[str, tuple[Shown, list[Listed]]]) -> Iterator[Section | None]:
    title = reading._("What articles say") if reading.is_left_out(node) else reading._("What holds")
    elsewhere = (reading.fact(node, Shown(reading._(name)), *found) for name, found in _ELSEWHERE.items())
    yield section("facts", title, facts([*reading.facts(node), *elsewhere]))
    voices: list[Voice] = []
    for heading, lists in listed.values():
        blocks = [block for each in lists for block in _blocks(reading, node, each, several=len(lists) > 1)]
        rows = (row for block in blocks if isinstance(block, SectionTable) for row in block.rows)
        voices += [voice for row in rows for voice in row.voices]
        yield section(_anchor(lists[0]), heading, *blocks)
    differ = reading.heading(icn("Disagreement"), reading.terms.plurals)
    yield section("disagreements", differ, _disagreements(reading))
    own = reading.voices_on(node)
    if any(reading.is_a(node, name) for name in _TOLD_BY):
        alone = reading._("No article is about this alone; what is said of it stands with what it belongs to.")
        yield section("voices", reading._("Who says so"), Voices(own) if own else None if listed else Note(alone))
    else:
        yield section("articles", reading._("Articles"), _articles([*own, *voices]))


def _blocks(reading: Reading, node: str, listed: Listed, *, several: bool) -> Iterator[Any]:
    plural = reading.heading(listed.family, reading.terms.plurals).text if listed.family else ""
    yield from write_tables(reading, node, listed, plural if several else "")
    if listed.total > len(listed.things):
        properties = " ".join(f"<{p}>" for p in listed.properties)
        family = f" ; a <{listed.family}>" if listed.family else ""
        pattern = f"VALUES ?property {{ {properties} }} ?thing ?property <{node}>{family}"
        query = f"SELECT DISTINCT ?thing {{ {pattern} }} ORDER BY ?thing"
        yield reading.first_of(len(listed.things), listed.total, query)


_TOLD_BY: Final = ("Situation", "Occurrence", "Document", "UnidentifiedParty")
"""Classes of what claims are about as a whole: their pages end with the claims, those of others with the articles."""


def _anchor(listed: Listed) -> str:
    names = (listed.family, *listed.properties[:1])
    return "-".join(name.rpartition("#")[2].rpartition("/")[2] for name in names if name)


def _disagreements(reading: Reading) -> SectionTable | None:
    found = tuple(each for each in reading.leading("onProperty") if reading.iris(each, "onSubject"))
    family = reading.terms.family((icn("Disagreement"),))
    tables = write_tables(reading, "", Listed(family, (), found, len(found))) if found else ()
    return next((block for block in tables if isinstance(block, SectionTable)), None)


def _articles(voices: list[Voice]) -> Entries | None:
    """List the articles that a page rests on, oldest first."""
    found = {voice.article.iri: voice for voice in voices}
    entries = (
        (v.article, ", ".join(filter(None, (v.publisher.text if v.publisher else "", v.published))))
        for v in found.values()
    )
    return Entries(tuple(entries)) if found else None


def _other_names(reading: Reading, node: str) -> tuple[Shown, ...]:
    shown = reading.name(node).text
    known = [Shown(text, "", language) for language, text in reading.labels(node).items()]
    made = reading.is_a(node, "Situation")  # by the build, in each language alike
    return () if made else tuple({each.text: each for each in known if each.text != shown}.values())


def _notes(reading: Reading, node: str, links: Iterable[str]) -> Iterator[Note]:
    is_placeholder = reading.is_a(node, "UnidentifiedParty")
    left_open = {node, *links} if is_placeholder else {node}
    named = sorted({s for each in left_open for s in reading.leading("resolves", each)})
    if reading.name(node).is_descriptive:
        yield Note(reading._("It has no name of its own; this is the curators' description."), is_aside=True)
    if reading.is_a(node, "Person"):
        about = Shown(reading._("About the persons in these data"), f"{BASE}about/persons")
        yield Note(reading._("Of persons only public roles are kept."), (about,), is_aside=True)
    if is_placeholder:
        yield Note(
            reading._(
                "No source names this party. It stands for what is said of it, and never answers a question that asks "
                "for named ones."
            )
        )
    if named:
        yield Note(reading._("Named by another article:"), tuple(map(reading.name, named)))
    elif reading.is_left_out(node):
        yield Note(reading._("This does not hold: only what the curator set aside says so."))
    if reading.get(node, icn("denies")):
        yield Note(reading._("An article denies this: what is denied is not asserted by it."))
    if reading.one(node, "disputed") == "true":
        yield Note(reading._("Some articles assert this and another denies it."))
