"""Pages of an article and of one claim: who says what, where, and who else says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from kgbuild.core.dates import read_date, refines
from kgbuild.core.namespaces import ARTICLE_GRAPH, EXTERNAL, ID
from kgbuild.core.terms import Term, iri, reach
from kgbuild.questions.lookup import write_term
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.links import is_web
from kgbuild.server.pages.layout import (
    ClaimEntry,
    Claims,
    Fact,
    Facts,
    Mark,
    Note,
    Other,
    Others,
    Page,
    Passages,
    Section,
    Shown,
    Value,
    Voices,
    facts,
    section,
    sections,
)
from kgbuild.server.pages.reading import CHANGE_NOTE, PUBLISHER, URL, Reading, read
from kgbuild.server.pages.rendering import LANGUAGE_NAMES
from kgbuild.server.pages.schema import described_for_search
from kgbuild.server.pages.terms import Terms, icn
from kgbuild.sparql.lookups import LookUp, select
from kgbuild.support.claims import ClaimDetails, Credit

BAR: Final = 1000
"""Width of the bar of a text, in its own units."""
LEAST_MARK: Final = 4
MOST_CLAIMS: Final = 300
MOST_OTHERS: Final = 100
"""What other articles say of what one claim is about."""
RELATIONS: Final = ("same", "finer", "vaguer", "other")
"""How another voice stands to a claim: it says the same, says it more exactly, less exactly, or says something else."""
_CLAIMS: Final = """SELECT DISTINCT ?claim ?body ?article {{ GRAPH ?g {{
  VALUES ?{which} {{ {node} }} ?claim icn:inArticle ?article ; icn:claims ?body
}} }} ORDER BY ?claim ?body LIMIT 2000"""


def article(node: str, reader: Reader, terms: Terms) -> LookUp[Page]:
    """Make the page of an article: what it is, and its claims in the order of the text."""
    rows = yield from select(_CLAIMS.format(which="article", node=write_term(iri(node))))
    own = list(dict.fromkeys(row["claim"].value for row in rows))
    bodies = {row["body"].value for row in rows}
    reading = yield from read(reader, terms, {node, *own, *bodies})
    told = [(credit, reading.details(credit)) for credit in (Credit(graph_of(node), claim) for claim in own)]
    told.sort(key=lambda pair: (pair[1].positions[:1] or ((10**9, 0),), pair[1].claim))
    entries = [_entry(reading, *pair) for pair in told[:MOST_CLAIMS]]
    length = _number(reading.one(node, "textLength"))
    hidden = len(told) - len(entries)
    more = reading._("There are %(more)s more claims in the graph of the article.") % {"more": hidden}
    title = reading.ngettext("One claim", "%(total)s claims", len(told)) % {"total": len(told)}
    listed = Claims(tuple(entries)) if entries else Note(reading._("No claim is recorded from it."))
    its_graph = Shown(reading._("its named graph"), graph_of(node))
    graph = Note(reading._("Exactly what the record of this article asserts:"), (its_graph,))
    about = section("about", reading._("What it is"), facts(_about(reading, node, length), plain=True))
    claims = section("claims", title, _passages(entries, length), listed, Note(more) if hidden else None, graph)
    note = reading._(
        "The text belongs to its publisher and is not shown here. What follows says in our words what it "
        "says, and where."
    )
    schema = described_for_search(reading, node)
    made = sections(about, claims)
    return Page(node, reading.name(node), reading.kind(node), made, notes=(Note(note),), schema=schema)


def claim(node: str, reader: Reader, terms: Terms) -> LookUp[Page]:
    """Make the page of one claim."""
    rows = yield from select(_CLAIMS.format(which="claim", node=write_term(iri(node))))
    articles = {row["article"].value for row in rows}
    reading = yield from read(reader, terms, {node, *articles, *(row["body"].value for row in rows)}, {node})
    entries = [_entry(reading, c, reading.details(c)) for c in (Credit(graph_of(a), node) for a in sorted(articles))]
    note = reading._("The sentence is our paraphrase, not a quotation: the text belongs to its publisher.")
    made = sections(*(part for entry in entries[:1] for part in _told(reading, entry)))
    notes = (Note(note, is_aside=True),)
    return Page(node, reading.name(node), reading.name(icn("Claim")), made, notes=notes)


def _told(reading: Reading, entry: ClaimEntry) -> Iterator[Section | None]:
    length = _number(reading.one(entry.voice.article.iri, "textLength"))
    about = [Fact(Shown(reading._("About")), tuple(map(Value, entry.bodies)))]
    if entry.rank == "preferred":
        about.append(Fact(reading.name(icn("rank")), (Value(Shown(reading._("preferred"))),)))
    if not entry.voice.positions:
        about.append(Fact(Shown(reading._("Place in the text")), (Value(Shown(reading._("not recorded"))),)))
    told = facts([*about, _corrected(reading, entry.voice.article.iri)], plain=True)
    passages = _passages([entry], length)
    yield section("voice", reading._("Who says so"), Voices((entry.voice,)), told, passages)
    yield section("asserts", reading._("What it asserts"), entry.facts if entry.facts.facts else None)
    others = Others(entry.others) if entry.others else None
    yield section("others", reading._("What other articles say of it"), others)


def _entry(reading: Reading, credit: Credit, own: ClaimDetails) -> ClaimEntry:
    others = list(islice(_others(reading, credit, own), MOST_OTHERS))
    others.sort(key=lambda other: (RELATIONS.index(other.relation), other.voice.claim))
    (voice,) = reading.voices([credit])
    bodies = tuple(map(reading.name, own.bodies))
    return ClaimEntry(voice, own.rank, bodies, _asserted(reading, credit, own), tuple(others))


def _asserted(reading: Reading, credit: Credit, own: ClaimDetails) -> Facts:
    """List what a claim asserts, values of all its bodies together."""
    made = []
    for property_ in sorted(own.asserts, key=reading.terms.place):
        terms = {term for body in own.bodies for term in _given(reading, credit, body, property_)}
        if terms:
            mark = reading._("inferred") if property_ in own.infers else ""
            values = tuple(Value(reading.show(term), (), mark) for term in sorted(terms))
            made.append(Fact(reading.name(property_), values, property_))
    made.sort(key=lambda fact: fact.property not in reading.terms.key_parts)
    return Facts(tuple(made), plain=True)


def _given(reading: Reading, credit: Credit, body: str, property_: str) -> list[Term]:
    """List the values that a claim's own article gives, where the claim asserts the property."""
    asserts = property_ in reading.details(credit).asserts
    return sorted(reading.of(body, credit.graph).get(property_, ())) if asserts else []


def _others(reading: Reading, credit: Credit, own: ClaimDetails) -> Iterator[Other]:
    """Hold a claim against those of other articles on the same things; who only names these says the same."""
    for body in own.bodies:
        for other in reading.claims_on(body):
            details = reading.details(other)
            if details.article == own.article or details.is_deprecated:
                continue
            (voice,), told = reading.voices([other]), False
            for property_ in sorted((own.asserts & details.asserts) - reading.terms.key_parts):
                mine, theirs = (_given(reading, each, body, property_) for each in (credit, other))
                for relation, value in _compared(reading, property_, mine, theirs):
                    told = True
                    yield Other(relation, reading.name(property_), reading.show(value), voice)
            if not told and reading.is_a(body, "Situation"):
                yield Other("same", None, None, voice)


def _compared(reading: Reading, property_: str, mine: list[Term], theirs: list[Term]) -> Iterator[tuple[str, Term]]:
    for value in theirs:
        if value in mine:
            yield "same", value
        elif mine and any(_refines(reading, value, one) for one in mine):
            yield "finer", value
        elif mine and any(_refines(reading, one, value) for one in mine):
            yield "vaguer", value
        elif mine and property_ in reading.terms.single_valued:
            yield "other", value


def _refines(reading: Reading, finer: Term, vaguer: Term) -> bool:
    texts = [reading.edtf(term.value) for term in (finer, vaguer)]
    if all(texts):
        one, other = map(read_date, texts)
        return one is not None and other is not None and refines(one, other)
    return vaguer.value in _above(reading, finer.value)


def _above(reading: Reading, thing: str) -> list[str]:
    """List the broader concepts, or the places around a place, as far as their names were read."""

    def up(thing: str) -> list[str]:
        known = reading.names.get(thing, {})
        found = [t.value for p in (EXTERNAL["skos"] + "broader", icn("within")) for t in sorted(known.get(p, []))]
        return found[:1]

    return reach(up(thing), up)


def _passages(entries: Iterable[ClaimEntry], length: int) -> Passages | None:
    """Place the passages on the bar; None where the length of the text is not known."""
    if not length:
        return None
    scale = BAR / length
    marks = [
        Mark(
            round(min(start, length) * scale, 1),
            max(LEAST_MARK, round((min(end, length) - start) * scale, 1)),
            number,
            each.voice.says.text,
            start,
            end,
        )
        for number, each in enumerate(entries, 1)
        for start, end in each.voice.positions
        if start < end
    ]
    ordered = tuple(sorted(marks, key=lambda mark: (mark.start, -mark.end, mark.number)))
    return Passages(ordered, BAR, length) if ordered else None


def _about(reading: Reading, node: str, length: int) -> Iterator[Fact | None]:
    def first(property_: str) -> tuple[Shown, ...]:
        return tuple(reading.show(term) for term in reading.get(node, property_)[:1])

    def fact(name: str, *shown: Shown) -> Fact | None:
        return Fact(Shown(name), tuple(map(Value, shown))) if shown else None

    yield fact(reading._("Publisher"), *first(PUBLISHER))
    yield fact(reading._("Text of the agency"), *first(icn("agency")))
    yield fact(reading._("Published"), *(first(icn("published")) or (Shown(reading._("no date is printed")),)))
    language = [term.value for term in reading.get(node, EXTERNAL["dcterms"] + "language")[:1]]
    yield fact(reading._("Language of the text"), *(Shown(LANGUAGE_NAMES.get(each, each)) for each in language))
    yield fact(reading._("Address"), *(Shown(t.value, t.value) for t in reading.get(node, URL) if is_web(t.value)))
    size = reading._("%(length)s characters") % {"length": f"{length:,}"}
    yield fact(reading._("Length"), *((Shown(size),) if length else ()))
    yield _corrected(reading, node)


def _corrected(reading: Reading, article: str) -> Fact | None:
    """Say what was put right in the record of an article: on its page, and on those of its claims."""
    notes = tuple(Value(reading.show(term)) for term in sorted(reading.get(article, CHANGE_NOTE)))
    return Fact(Shown(reading._("Corrected")), notes) if notes else None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def graph_of(node: str) -> str:
    """Name the graph of an article.

    >>> graph_of("https://w3id.org/icn/id/article/x")
    'https://w3id.org/icn/graph/article/x'
    """
    return ARTICLE_GRAPH + node.removeprefix(ID + "article/")
