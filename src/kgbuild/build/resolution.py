"""Many voices into one resolved set; every disagreement is written down (docs/modelling.md, section 6)."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pyoxigraph import NamedNode, Quad
from pyoxigraph import Triple as RdfTriple

from kgbuild.build.graph import CompiledArticle, CompiledClaim, Triple
from kgbuild.build.ontology import Ontology
from kgbuild.build.quads import Term, Values, describe_in
from kgbuild.build.store import make_store
from kgbuild.core import ids
from kgbuild.core.dates import DateNode, may_be_one, refines, width
from kgbuild.core.namespaces import DATE, GRAPH, ONTOLOGY
from kgbuild.core.terms import icn, reach
from kgbuild.support.claims import SUPPORT_GRAPH, credited_by_rule

RESOLUTION_GRAPH = NamedNode(f"{GRAPH}resolution")
_STEPS = ("rank", "support", "precision", "official")
"""The steps of the order; the latest article and the text come after them."""
_UNBOUNDED = 10**9
_LONGEST = {"month": 31, "year": 366, "decade": 3653, "century": 36525}
"""Days of the longest month, year, decade, century."""


Voice = tuple[CompiledArticle, CompiledClaim]
"""One claim's word for a value."""


@dataclass(frozen=True)
class Scales:
    """What makes one value finer than another: dates by their bounds, places and concepts by what is above them."""

    dates: Mapping[NamedNode, DateNode]
    above: Mapping[NamedNode, NamedNode]
    """Place -> what it lies within; concept -> its broader one."""

    def refines(self, finer: Term, vaguer: Term) -> bool:
        """Tell whether `finer` says strictly more than `vaguer`, and nothing against it."""
        if isinstance(finer, NamedNode) and isinstance(vaguer, NamedNode):
            if finer in self.dates and vaguer in self.dates:
                return refines(self.dates[finer], self.dates[vaguer])
            return vaguer in self.ancestors(finer)
        return False

    def agree(self, one: Term, other: Term) -> bool:
        """Tell whether two values may both be true, though neither refines the other."""
        dates = [self.dates[v] for v in (one, other) if isinstance(v, NamedNode) and v in self.dates]
        return len(dates) == 2 and may_be_one(*dates)

    def ancestors(self, node: NamedNode) -> list[NamedNode]:
        """List what lies above a place or concept, nearest first; a circle ends the list."""

        def up(each: NamedNode) -> list[NamedNode]:
            return [above] if (above := self.above.get(each)) else []

        return reach(up(node), up)

    def coarseness(self, value: Term) -> int:
        """Measure how vague a value is: days of a date; a place or concept is finer the deeper it lies."""
        if isinstance(value, NamedNode) and value in self.dates:
            return _vagueness(self.dates[value])
        return -len(self.ancestors(value)) if isinstance(value, NamedNode) else 0


@dataclass(frozen=True)
class Resolved:
    """What holds: triples of the default graph, and the graph that says how they were chosen."""

    triples: frozenset[Triple]
    record: tuple[Quad, ...]
    """Quads of the graph `resolution`: `icn:statedIn` and the disagreements."""


@dataclass
class Resolver:
    """Resolves the values of all subjects, each property as its `icn:resolution` says."""

    articles: Sequence[CompiledArticle]
    ontology: Ontology
    scales: Scales
    voices: dict[Triple, list[Voice]] = field(default_factory=lambda: defaultdict(list))

    def resolve(self) -> Resolved:
        """Resolve everything; the order of the articles changes nothing."""
        kept: set[Triple] = set()
        stated: set[tuple[NamedNode, NamedNode]] = set()
        for article in self.articles:
            kept.update(article.description)
            for claim in article.claims:
                if claim.rank == "deprecated":
                    continue
                kept.update(claim.node)
                stated.update((body, article.iri) for body in claim.bodies)
                for fact in claim.facts:
                    self.voices[fact].append((article, claim))
        record = [Quad(body, icn("statedIn"), iri, RESOLUTION_GRAPH) for body, iri in sorted(stated, key=str)]
        rivals: dict[tuple[NamedNode, NamedNode], set[Term]] = defaultdict(set)
        for subject, predicate, object_ in self.voices:
            if predicate in self.ontology.resolutions:
                rivals[subject, predicate].add(object_)
            else:
                kept.add((subject, predicate, object_))
        qualifiers = self.ontology.qualifiers
        winners: dict[tuple[NamedNode, NamedNode], Term] = {}
        # What qualifies a value comes after it, and from the voices that gave it: "more than" goes with its number.
        for (subject, predicate), values in sorted(rivals.items(), key=lambda r: (r[0][1] in qualifiers, str(r))):
            qualified = winners.get((subject, qualifiers.get(predicate, predicate)))
            if qualified is not None:
                values = self._given_with(subject, predicate, values, (subject, qualifiers[predicate], qualified))
            held, quads = self._choose(subject, predicate, values)
            winners[subject, predicate] = held[0]
            kept.update((subject, predicate, value) for value in held)
            record.extend(quads)
        return Resolved(frozenset(kept), tuple(record))

    def _given_with(self, subject: NamedNode, predicate: NamedNode, values: set[Term], fact: Triple) -> set[Term]:
        """Keep the values that some claim gives together with a fact."""
        return {
            v for v in values if any(fact in claim.facts for _, claim in self.voices[subject, predicate, v])
        } or values

    def _choose(self, subject: NamedNode, predicate: NamedNode, values: set[Term]) -> tuple[list[Term], list[Quad]]:
        """Choose the values that hold, the strongest first, and write down those that were set aside as rivals."""
        mode = self.ontology.resolutions[predicate]
        candidates = [v for v in values if not any(self.scales.refines(other, v) for other in values)]
        weighed = [(self._weigh(subject, predicate, v, values), v) for v in sorted(candidates, key=str)]
        weighed.sort(key=lambda each: each[0], reverse=True)
        (first, winner), *others = weighed
        if mode == "finest":
            return [value for _, value in weighed], []
        beside = (
            [v for _, v in others if self._told_together(subject, predicate, v, winner)] if mode == "together" else []
        )
        rivals = [each for each in others if each[1] not in beside and not self.scales.agree(each[1], winner)]
        if not rivals or mode == "wording":
            return [winner, *beside], []
        step = next((n for n, a, b in zip(_STEPS, first, rivals[0][0], strict=False) if a != b), "tie")
        return [winner, *beside], list(_disagreement(subject, predicate, winner, [loser for _, loser in rivals], step))

    def _told_together(self, subject: NamedNode, predicate: NamedNode, one: Term, other: Term) -> bool:
        """Tell whether some claim gives both values, or two that they refine: then they are no rivals."""

        def tellers(value: Term, apart_from: Term) -> set[NamedNode]:
            vaguer = [v for s, p, v in self._by_subject[subject] if p == predicate and self.scales.refines(value, v)]
            told = [value, *(v for v in vaguer if not self.scales.refines(apart_from, v))]
            return {claim.iri for v in told for _, claim in self.voices[subject, predicate, v]}

        return bool(tellers(one, other) & tellers(other, one))

    def _weigh(
        self, subject: NamedNode, predicate: NamedNode, value: Term, values: set[Term]
    ) -> tuple[bool, int, int, bool, datetime.date]:
        """Weigh a value in each step of the order, and by the latest article; greater comes first."""
        own = self.voices[subject, predicate, value]
        backing = [v for v in values if v == value or self.scales.refines(value, v)]
        return (
            any(claim.rank == "preferred" for _, claim in own),
            len({article.voter for v in backing for article, _ in self.voices[subject, predicate, v]}),
            -self.scales.coarseness(value),
            any(article.voter in self._own_parties(subject) for article, _ in own),
            max((article.published and article.published.latest) or datetime.date.min for article, _ in own),
        )

    def _own_parties(self, subject: NamedNode) -> set[Term]:
        parts = {o for s, p, o in self._by_subject[subject] if p in self.ontology.key_parts}
        return {subject, *parts}

    @cached_property
    def _by_subject(self) -> dict[NamedNode, list[Triple]]:
        grouped: dict[NamedNode, list[Triple]] = defaultdict(list)
        for triple in self.voices:
            grouped[triple[0]].append(triple)
        return grouped


def _vagueness(date: DateNode) -> int:
    """Measure how vague a date is, in days; a leap year is no vaguer than another, nor March than February."""
    days, unit = width(date), _LONGEST.get(date.precision)
    if days is None:
        return _UNBOUNDED
    return round(days / unit) * unit if unit else days


def _disagreement(
    subject: NamedNode, predicate: NamedNode, kept: Term, losers: Iterable[Term], step: str
) -> Iterator[Quad]:
    kind, slug = ids.split_iri(subject.value)
    name = predicate.value.removeprefix(ONTOLOGY)
    iri = NamedNode(ids.situation_iri("disagreement", kind, slug, name))
    said: dict[str, Values] = {
        "rdf:type": icn("Disagreement"),
        "icn:onSubject": subject,
        "icn:onProperty": predicate,
        "icn:kept": kept,
        "icn:setAside": losers,
        "icn:decidedBy": NamedNode(ids.concept_iri("order", step)),
    }
    return describe_in(RESOLUTION_GRAPH, iri, said)


def make_scales(dates: Iterable[DateNode], entities: Iterable[Quad], ontology: Ontology) -> Scales:
    """Collect what makes values comparable."""
    within = {
        q.subject: q.object
        for q in entities
        if q.predicate == icn("within") and isinstance(q.subject, NamedNode) and isinstance(q.object, NamedNode)
    }
    return Scales({NamedNode(DATE + d.slug): d for d in dates}, {**ontology.broader, **within})


def describe_givers(articles: Iterable[CompiledArticle]) -> Iterator[Quad]:
    """Write down which claims give a triple, where the article's graph alone would credit others: `icn:gives`."""
    for article in articles:
        store = make_store(Quad(*triple, article.graph) for triple in article.triples())
        givers: dict[Triple, set[NamedNode]] = defaultdict(set)
        for claim in article.claims:
            for fact in claim.facts:
                givers[fact].add(claim.iri)
        numbers: dict[NamedNode, int] = defaultdict(int)
        for fact, claims in sorted(givers.items(), key=str):
            if claims != set(credited_by_rule(store, RdfTriple(*fact), article.graph)):
                for claim_iri in sorted(claims, key=str):
                    node = NamedNode(f"{claim_iri.value}#gives{numbers[claim_iri]}")
                    numbers[claim_iri] += 1
                    yield Quad(claim_iri, icn("gives"), node, SUPPORT_GRAPH)
                    said = zip(("rdf:subject", "rdf:predicate", "rdf:object"), fact, strict=True)
                    yield from describe_in(SUPPORT_GRAPH, node, dict(said))
