"""What pages are made of, without a server: names as the data have them, and the claims behind each fact and row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Store, Triple

from kgbuild.core.namespaces import EXTERNAL, ID, ONTOLOGY, RDF_TYPE, sparql_header
from kgbuild.core.terms import select
from kgbuild.server.http.languages import LABELS, Reader
from kgbuild.server.pages import view_of
from kgbuild.server.pages.layout import Facts, Page, Row, SectionTable, Shown, Voices
from kgbuild.server.pages.reading import HIDDEN, read_names
from kgbuild.server.pages.terms import QUERIES, Named, Terms
from kgbuild.server.pages.things import compose, find
from kgbuild.sparql.embedded import EmbeddedEngine, convert_term
from kgbuild.sparql.lookups import run
from kgbuild.support.claims import claims_for, claims_on, details_of, evidence_for, supports_for
from nonempty import nonempty

LABEL: Final = NamedNode(EXTERNAL["rdfs"] + "label")
TYPE: Final = NamedNode(RDF_TYPE)
DEFAULT: Final = DefaultGraph()


class Pages:
    """Pages of one data set."""

    def __init__(self, store: Store) -> None:
        self.store, self.engine = store, EmbeddedEngine(store)
        self.terms = Terms(*(select(self.engine, sparql_header() + text) for text in QUERIES))

    def page(self, thing: str) -> Page:
        """Make the page of a thing."""
        return run(self.engine, view_of(thing)(thing, Reader(), self.terms))

    def in_each_language(self, thing: str) -> Iterator[tuple[str, Page]]:
        """Make the page of a thing for readers of each language, out of one look-up."""
        found = run(self.engine, find(thing, self.terms))
        for language in LABELS:
            reader = Reader(labels=(language, *(each for each in LABELS if each != language)))
            yield language, compose(thing, reader, self.terms, found)

    def of_class(self, name: str) -> list[str]:
        """List the things of a class of ours."""
        quads = self.store.quads_for_pattern(None, TYPE, NamedNode(ONTOLOGY + name), DEFAULT)
        return sorted(quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode))


@pytest.fixture(scope="module")
def mini(mini_store: Store) -> Pages:
    """Give pages of the golden fixture."""
    return Pages(mini_store)


@pytest.fixture(scope="module")
def real(real_store: Store) -> Pages:
    """Give pages of the repository's own records."""
    return Pages(real_store)


def parts(part: Any, kind: type) -> Iterator[Any]:
    """Go through all parts of a page that are of a kind, down to its last value."""
    if isinstance(part, kind):
        yield part
    if isinstance(part, tuple | list):
        for each in part:
            yield from parts(each, kind)
    elif is_dataclass(part):
        for each in fields(part):
            yield from parts(getattr(part, each.name), kind)


# --- names --------------------------------------------------------------------------------------------------------


def test_a_situation_has_one_name(real: Pages) -> None:
    """In each language its heading, the text of each link to it and its label are one text."""
    situations = set(real.of_class("Situation"))
    assert len(situations) > 200
    linked = set[tuple[str, str]]()
    for thing in nonempty(sorted(situations | {by for each in situations for by in _named_by(real, each)})):
        for language, page in nonempty(real.in_each_language(thing)):
            if thing in situations:
                assert _label(real.store, thing, language) == page.heading.text
            for shown in parts(page.sections, Shown):
                if shown.iri in situations:
                    assert _label(real.store, shown.iri, language) == shown.text, thing
                    linked.add((shown.iri, language))
    assert {(thing, language) for thing in situations for language in LABELS} == linked


def test_names_are_kept_as_they_were_read(real: Pages) -> None:
    """What an earlier page has read is named as if it were read now, with what it mentions, and not asked again."""
    classes = ("Situation", "Actor", "Occurrence", "Document")
    things = [thing for name in classes for thing in nonempty(real.of_class(name))]
    kept: dict[str, Named] = {}
    for part in (things[::3], things[::2]):
        assert run(real.engine, read_names(part)) == run(real.engine, read_names(part, None, kept))
    assert set(kept) == {*things[::3], *things[::2]}
    with pytest.raises(StopIteration) as done:
        next(read_names(things[::2], None, kept))
    assert run(real.engine, read_names(things[::2])) == done.value.value


def _label(store: Store, thing: str, language: str) -> str:
    labels = store.quads_for_pattern(NamedNode(thing), LABEL, None, DEFAULT)
    return next(q.object.value for q in labels if q.object.language == language)  # type: ignore[union-attr]


def _named_by(pages: Pages, situation: str) -> list[str]:
    """Give a thing whose page lists a situation: the value of the first part of its key."""
    quads = pages.store.quads_for_pattern(NamedNode(situation), None, None, DEFAULT)
    found = {q.predicate.value: q.object.value for q in quads if isinstance(q.object, NamedNode)}
    keys = sorted(p for p in found if p in pages.terms.key_parts and found[p].startswith(ID))
    others = sorted(p for p in found if p.startswith(ONTOLOGY) and found[p].startswith(ID) and p not in HIDDEN)
    return [found[p] for p in (*keys, *others)[:1]]


# --- who says so --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mini", "real"])
def test_a_page_names_the_claims_behind_each_fact(name: str, request: pytest.FixtureRequest) -> None:
    """For each triple that a page tells, the claims under it are those that give it; what claims give is told."""
    pages: Pages = request.getfixturevalue(name)
    store, told = pages.store, set[Triple]()
    things = [thing for name in ("Situation", "Actor", "Occurrence", "Document") for thing in pages.of_class(name)]
    for thing in nonempty([each for each in things if not each.startswith(f"{ID}article/")]):
        page = pages.page(thing)
        node = NamedNode(thing)
        for fact in (fact for block in parts(page.sections[:1], Facts) for fact in block.facts if fact.property):
            p = NamedNode(fact.property)
            terms = {convert_term(q.object): q.object for q in store.quads_for_pattern(node, p, None, DEFAULT)}
            triples = [Triple(node, p, terms[term]) for term in sorted(terms)]
            for triple, value in zip(triples, fact.values[: len(triples)], strict=True):
                expected = sorted(credit.claim for credit in evidence_for(store, triple).credits())
                assert expected == sorted(voice.claim for voice in value.voices), triple
                told.add(triple)
        if any(isinstance(block, Voices) for section in page.sections for block in section.blocks):
            told |= {quad.triple for quad in store.quads_for_pattern(node, TYPE, None, DEFAULT)}
        given = {q.triple for q in store.quads_for_pattern(node, None, None, DEFAULT) if claims_for(store, q.triple)}
        assert {t for t in given if t.predicate != TYPE} <= told, thing
    assert len(told) > 200


@pytest.mark.parametrize("name", ["mini", "real"])
def test_a_row_names_the_claims_on_its_situation(name: str, request: pytest.FixtureRequest) -> None:
    """Under a row stand the claims about its situation, and those about the parties that it stands for."""
    pages: Pages = request.getfixturevalue(name)
    store, situations, seen = pages.store, set(pages.of_class("Situation")), set[str]()
    things = [*pages.of_class("Network"), *pages.of_class("Person")]
    tables = [table for thing in things for table in parts(pages.page(thing), SectionTable)]
    for row in nonempty([row for table in tables for row in table.rows]):
        node = _situation(row, situations)
        if node is None:
            continue
        own = [c for c in claims_on(store, node) if not details_of(store, c).is_deprecated]
        type_ = next(iter(store.quads_for_pattern(node, TYPE, None, DEFAULT))).triple
        others = {c for _, _, credits_ in supports_for(store, type_) for c in credits_}
        assert sorted({c.claim for c in own}) == sorted(v.claim for v in row.voices if not v.supports), node
        assert {c.claim for c in others} == {v.claim for v in row.voices if v.supports}, node
        seen.add(node.value)
    assert len(seen) > 10


def _situation(row: Row, situations: set[str]) -> NamedNode | None:
    thing = row.itself.iri if row.itself else ""
    return NamedNode(thing) if thing in situations else None
