# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Resolution: what holds for any set of voices, tried with Hypothesis.

Cases in small are in test_resolution.py; the golden fixture has one for each step of the order.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import NamedNode

from kgbuild.build.graph import CompiledArticle, CompiledClaim
from kgbuild.build.ontology import Ontology, read_ontology
from kgbuild.build.resolution import Resolved, Resolver, Scales
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core import ids
from kgbuild.core.dates import DateNode, may_be_one, parse_date, refines, window
from kgbuild.core.namespaces import RDF_TYPE, expand
from mini import ROOT

SUBJECT, JOINED, MEMBER = (NamedNode(expand(name)) for name in ("membership:a--b", "icn:joined", "icn:member"))
FACT = (SUBJECT, JOINED)
DATES = [
    *map(
        parse_date, ("2019", "2019?", "2019-05", "2019-05-14", "2019-05-15", "2019-06-01", "2020~", "201X", "2020-02")
    ),
    window(None, "2019-05"),
    window("2019-05-14", "2019-05-20"),
]
PAPERS = ("institution:hub", "institution:times", "institution:wire")


@dataclass(frozen=True)
class Said:
    """One article with one claim: who says which date, published when, of which rank."""

    name: str
    date: DateNode
    voter: str
    published: DateNode | None
    rank: str | None

    def compiled(self) -> CompiledArticle:
        """Give the article as the resolver takes it."""
        article = NamedNode(ids.article_iri(self.name))
        claim = NamedNode(expand(f"claim:{self.name}"))
        facts = (
            (SUBJECT, NamedNode(RDF_TYPE), NamedNode(expand("icn:Membership"))),
            (SUBJECT, MEMBER, NamedNode(expand("institution:hub"))),
            (SUBJECT, JOINED, iri(self.date)),
        )
        node = ((claim, NamedNode(expand("icn:inArticle")), article),)
        return CompiledArticle(
            iri=article,
            graph=NamedNode(ids.article_graph(self.name)),
            description=(),
            claims=(CompiledClaim(claim, (SUBJECT,), node, facts, self.rank),),
            voter=NamedNode(expand(self.voter)),
            published=self.published,
            dates=frozenset({self.date}),
            entities=frozenset(),
            source_map=SourceMap(),
        )


def iri(date: DateNode) -> NamedNode:
    return NamedNode(ids.date_iri(date.slug))


BY_IRI = {iri(date): date for date in DATES}


@cache
def ontology() -> Ontology:
    return read_ontology(ROOT / "ontology", ROOT)


def resolve(voices: Sequence[Said]) -> Resolved:
    return Resolver([voice.compiled() for voice in voices], ontology(), Scales(BY_IRI, {})).resolve()


def kept(resolved: Resolved) -> list[DateNode]:
    return [BY_IRI[o] for s, p, o in resolved.triples if (s, p) == FACT and isinstance(o, NamedNode)]


def disagreement(resolved: Resolved) -> dict[str, set[str]]:
    """Give the properties of the one disagreement, or nothing."""
    found: dict[str, set[str]] = {}
    for quad in resolved.record:
        if "/id/disagreement/" in str(quad.subject):
            found.setdefault(quad.predicate.value.rpartition("#")[2], set()).add(str(quad.object))
    return found


def names(dates: Sequence[DateNode]) -> set[str]:
    return {str(iri(date)) for date in dates}


RANKS = st.sampled_from([None, None, None, "preferred", "deprecated"])
PUBLISHED = st.sampled_from([None, parse_date("2019"), parse_date("2020-01-05"), parse_date("2021-11")])
VOICES = st.lists(st.tuples(st.sampled_from(DATES), st.sampled_from(PAPERS), PUBLISHED, RANKS), min_size=1, max_size=7)
voices_of = VOICES.map(lambda drawn: [Said(f"a{n}", *voice) for n, voice in enumerate(drawn)])


# --- the order by hand ------------------------------------------------------------------------------------------------


def candidates(voices: Sequence[Said]) -> list[DateNode]:
    """List the dates that some valid claim gives and no other refines."""
    given_ = {voice.date for voice in voices if voice.rank != "deprecated"}
    return sorted(date for date in given_ if not any(refines(other, date) for other in given_))


def standing(date: DateNode, voices: Sequence[Said]) -> tuple[bool, int, float, bool]:
    """Weigh a date as docs/modelling.md, section 6, says: rank, support, precision, official publisher."""
    own = [voice for voice in voices if voice.date == date and voice.rank != "deprecated"]
    backing = [voice for voice in voices if voice.rank != "deprecated" and refines(date, voice.date)]
    return (
        any(voice.rank == "preferred" for voice in own),
        len({voice.voter for voice in (*own, *backing)}),
        -vagueness(date),
        any(voice.voter == "institution:hub" for voice in own),
    )


def vagueness(date: DateNode) -> float:
    """Measure in days; years are one length, months another: a leap year is no vaguer than another."""
    units = {"day": 1, "month": 31, "year": 366, "decade": 3653, "century": 36525}
    if date.earliest is None or date.latest is None:
        return float("inf")
    days = (date.latest - date.earliest).days + 1
    unit = units.get(date.precision, 1)
    return round(days / unit) * unit


def recency(date: DateNode, voices: Sequence[Said]) -> datetime.date:
    published = [v.published for v in voices if v.date == date and v.rank != "deprecated"]
    return max(
        (node.latest for node in published if node is not None and node.latest is not None), default=datetime.date.min
    )


# --- what always holds ------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(data=st.data(), voices=voices_of)
def test_order_of_articles_changes_nothing(data: st.DataObject, voices: list[Said]) -> None:
    """The same articles in another order give the same triples and the same record, ties included."""
    again = resolve(data.draw(st.permutations(voices)))
    first = resolve(voices)
    assert first.triples == again.triples
    assert set(first.record) == set(again.record)


@settings(max_examples=300, deadline=None)
@given(voices=voices_of)
def test_the_kept_value_is_the_best_that_nothing_refines(voices: list[Said]) -> None:
    """One value is kept: not deprecated, refined by no other, first by rank, support, precision, official, recency."""
    resolved, rivals = resolve(voices), candidates(voices)
    if not rivals:
        assert [] == kept(resolved)
        return
    (chosen,) = kept(resolved)
    best = max((standing(date, voices), recency(date, voices)) for date in rivals)
    ties = [date for date in rivals if (standing(date, voices), recency(date, voices)) == best]
    assert min(ties, key=lambda date: str(iri(date))) == chosen


@settings(max_examples=300, deadline=None)
@given(voices=voices_of)
def test_a_disagreement_tells_what_was_set_aside_and_by_which_step(voices: list[Said]) -> None:
    """A disagreement is there for values that neither refine nor allow what was kept: these, and what decided."""
    resolved, told = resolve(voices), disagreement(resolve(voices))
    chosen = next(iter(kept(resolved)), None)
    others = [date for date in candidates(voices) if chosen and date != chosen and not may_be_one(date, chosen)]
    if not chosen or not others:
        assert {} == told
        return
    strongest = max(others, key=lambda date: (standing(date, voices), recency(date, voices)))
    pairs = zip(("rank", "support", "precision", "official"), standing(chosen, voices), standing(strongest, voices))  # noqa: B905
    step = next((name for name, a, b in pairs if a != b), "tie")
    expected = {"kept": names([chosen]), "setAside": names(others), "decidedBy": {f"<{expand(f'order:{step}')}>"}}
    assert expected == {name: told[name] for name in expected}


@settings(max_examples=150, deadline=None)
@given(voices=voices_of, voter=st.sampled_from(PAPERS), rank=st.sampled_from([None, "preferred"]))
def test_one_more_voice_for_the_kept_value_keeps_it(voices: list[Said], voter: str, rank: str | None) -> None:
    """Who agrees with what holds changes nothing about what holds."""
    before = kept(resolve(voices))
    if before:
        more = Said("more", before[0], voter, parse_date("2024-01-01"), rank)
        assert before == kept(resolve([*voices, more]))


@settings(max_examples=100, deadline=None)
@given(voices=voices_of)
def test_deprecated_claims_count_for_nothing(voices: list[Said]) -> None:
    """Without the deprecated claims everything is as with them; they are not among what an article is stated to say."""
    valid = [voice for voice in voices if voice.rank != "deprecated"]
    assert resolve(valid).triples == resolve(voices).triples
    assert set(resolve(valid).record) == set(resolve(voices).record)
    stated = {str(q.object) for q in resolve(voices).record if q.predicate.value.endswith("#statedIn")}
    assert {f"<{ids.article_iri(voice.name)}>" for voice in valid} == stated
