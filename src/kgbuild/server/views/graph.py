"""A description of a thing, read with names, dates and sources: what the pages are made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgbuild.namespaces import ID, ONTOLOGY, RDF_TYPE, expand

Labels = Mapping[str, str]
"""Language ("" for none) -> text."""
Terms = Mapping[str, Labels]
"""IRI of a term of the ontology or the vocabularies -> its labels."""

_NAMES: Final = tuple(map(expand, ("rdfs:label", "skos:prefLabel", "dcterms:title", "icn:text")))
"""Properties that name a thing, best first."""
_PARTS: Final = (
    *("icn:member", "icn:candidate", "icn:suspendedMember", "icn:holder", "icn:participant", "icn:signatory"),
    *("icn:from", "icn:about", "icn:changed", "icn:seatOf", "icn:nameOf", "icn:office", "icn:measure", "icn:tieType"),
    *("icn:organization", "icn:candidateTo", "icn:suspendedFrom", "icn:institution", "icn:meeting", "icn:agreement"),
    *("icn:to", "icn:place"),
)
"""Properties whose values tell one situation from another, in the order in which they are named."""
MOST_PARTS: Final = 4
_CLAIMS: Final = expand("icn:claims")
_DEPRECATED: Final = expand("rank:deprecated")
# Classes that are told in words, the narrower first; the message ids of their names are in `KINDS`.
KINDS: Final = (
    *("MultilateralPlatform", "Network", "Academy", "Secretariat", "DiplomaticMission", "PoliticalPartyBody"),
    *("ResearchInstitute", "GovernmentBody", "InternationalOrganization", "Institution", "State", "Territory"),
    *("Person", "UnidentifiedParty", "Place", "Meeting", "Programme", "Agreement", "Publication", "Article"),
    *("Membership", "Accession", "Suspension", "Tenure", "Participation", "Signature", "Founding", "Succession"),
    *("ChangeEvent", "Seat", "Naming", "CountObservation", "StatusObservation", "Tie", "Decision", "Statement"),
    *("Proposal", "Denial", "Claim", "Disagreement", "Date"),
)


@dataclass(frozen=True, slots=True)
class Unnamed:
    """What is known of a party that no source names: what it may be, and of which state or body."""

    expected: Labels
    of: Labels


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing to link to; `kind` is the local name of its class, or empty.

    `parts` are the names of what a situation without a name of its own is between: a member and an organisation.
    """

    iri: str
    labels: Labels
    kind: str = ""
    unnamed: Unnamed | None = None
    parts: tuple[Labels, ...] = ()
    form: ClassVar[str] = "thing"

    @property
    def slug(self) -> str:
        """The last part of its IRI: what is shown where there is no name."""
        return self.iri.rstrip("/").rpartition("/")[2].rpartition("#")[2] or self.iri


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the data, in its language ("" if none is known)."""

    text: str
    language: str = ""
    form: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class When:
    """A date of the data."""

    iri: str
    edtf: str
    form: ClassVar[str] = "date"


@dataclass(frozen=True, slots=True)
class Outside:
    """An address outside."""

    iri: str
    form: ClassVar[str] = "outside"


@dataclass(frozen=True, slots=True)
class Words:
    """A text of the interface: its message id, put between others as it is."""

    text: str
    form: ClassVar[str] = "words"


Value = Thing | Text | When | Outside | Words


@dataclass(frozen=True, slots=True)
class Voice:
    """One claim: which article says what, where, and what the curator inferred.

    `asserts` and `infers` are IRIs of properties, `positions` code points [start, end) of the article's text.
    `supports` marks a claim about an unnamed party that this one stands for.
    """

    claim: str
    article: Thing
    publisher: Thing | None
    published: When | None
    url: str
    says: Text
    positions: tuple[tuple[int, int], ...]
    asserts: frozenset[str]
    infers: frozenset[str]
    because: Text | None
    named_as: Text | None
    supports: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Values under one heading (a message id), and who says so.

    `origin` tells where values without voices are from: "registry" or "computed".
    """

    title: str
    values: tuple[Value, ...]
    voices: tuple[Voice, ...] = ()
    contested: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The four bounds of what lasts, as ISO days; "" where nothing is known."""

    began_after: str = ""
    began_by: str = ""
    ended_after: str = ""
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class _Index:
    out: dict[str, dict[str, list[NamedNode | Literal]]] = field(default_factory=lambda: defaultdict(dict))
    into: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))


class Described:
    """The description of one thing.

    Properties are given as prefixed names (`icn:member`), things as IRIs; what is given back is sorted, so that equal
    descriptions make equal pages.
    """

    def __init__(self, iri: str, quads: Iterable[Quad], terms: Terms | None = None) -> None:
        self.iri = iri
        self.terms: Terms = terms or {}
        self._index = _Index()
        for quad in sorted(set(quads), key=str):
            self._add(quad)

    def _add(self, quad: Quad) -> None:
        if not isinstance(quad.graph_name, DefaultGraph):
            return
        subject, value = quad.subject, quad.object
        if not isinstance(subject, NamedNode) or not isinstance(value, NamedNode | Literal):
            return  # our data have neither blank nodes nor quoted triples
        self._index.out[subject.value].setdefault(quad.predicate.value, []).append(value)
        if isinstance(value, NamedNode):
            self._index.into[quad.predicate.value, value.value].append(subject.value)

    # -- plain values ----------------------------------------------------------------------------------------------

    def objects(self, subject: str, *properties: str) -> list[NamedNode | Literal]:
        """List the terms that some properties of a thing have, in the order of the properties."""
        known = self._index.out.get(subject, {})
        return list(dict.fromkeys(term for name in properties for term in known.get(expand(name), ())))

    def iris(self, subject: str, *properties: str) -> list[str]:
        """List the IRIs that some properties of a thing have."""
        return [term.value for term in self.objects(subject, *properties) if isinstance(term, NamedNode)]

    def literal(self, subject: str, name: str) -> str:
        """Give the text of the first literal of a property, or nothing."""
        return next((term.value for term in self.objects(subject, name) if isinstance(term, Literal)), "")

    def subjects(self, name: str, value: str | None = None) -> list[str]:
        """List what has a thing (else: the one described) as value of a property."""
        return list(dict.fromkeys(self._index.into.get((expand(name), value or self.iri), ())))

    def properties(self, subject: str) -> list[str]:
        """List the IRIs of the properties that a thing has."""
        return sorted(self._index.out.get(subject, {}))

    def terms_of(self, subject: str, iri: str) -> list[NamedNode | Literal]:
        """List the terms that a property has, by its IRI."""
        return list(dict.fromkeys(self._index.out.get(subject, {}).get(iri, ())))

    def leading_here(self) -> list[str]:
        """List what has the thing described as a value of any property."""
        return sorted({each for (_, value), found in self._index.into.items() if value == self.iri for each in found})

    def of_kind(self, kind: str) -> list[str]:
        """List the things of a class of ours, by its local name."""
        return list(dict.fromkeys(self._index.into.get((RDF_TYPE, ONTOLOGY + kind), ())))

    # -- names -----------------------------------------------------------------------------------------------------

    def classes(self, subject: str) -> set[str]:
        """List the local names of the classes of ours that a thing is of."""
        found = self.iris(subject, "rdf:type")
        return {each.removeprefix(ONTOLOGY) for each in found if each.startswith(ONTOLOGY)}

    def kind(self, subject: str) -> str:
        """Name the narrowest class of a thing that has words of its own; "" for none."""
        classes = self.classes(subject)
        return next((kind for kind in KINDS if kind in classes), "")

    def labels(self, subject: str) -> Labels:
        """Give the names of a thing; one in each language."""
        for name in _NAMES:
            found = self._index.out.get(subject, {}).get(name, ())
            labels = {term.language or "": term.value for term in reversed(found) if isinstance(term, Literal)}
            if labels:
                return labels
        return self.terms.get(subject, {})

    def thing(self, iri: str) -> Thing:
        """Give a thing with its names."""
        kind, labels = self.kind(iri), self.labels(iri)
        return Thing(
            iri,
            labels,
            kind,
            self._unnamed(iri) if kind == "UnidentifiedParty" else None,
            () if labels else tuple(filter(None, (self.labels(part) for part in self.iris(iri, *_PARTS)[:MOST_PARTS]))),
        )

    def _unnamed(self, iri: str) -> Unnamed:
        expected, of = self.iris(iri, "icn:expectedType"), self.iris(iri, "icn:ofState", "icn:affiliation")
        return Unnamed(self.labels(expected[0]) if expected else {}, self.labels(of[0]) if of else {})

    def texts(self, subject: str, *properties: str) -> list[Text]:
        """List the literals of some properties of a thing."""
        found = self.objects(subject, *properties)
        return [Text(term.value, term.language or "") for term in found if isinstance(term, Literal)]

    # -- values to show --------------------------------------------------------------------------------------------

    def values(self, subject: str, *properties: str) -> tuple[Value, ...]:
        """Give all values of some properties of a thing as they are shown."""
        return tuple(self.shown(term) for term in self.objects(subject, *properties))

    def value(self, subject: str, *properties: str) -> Value | None:
        """Give the first value of some properties of a thing."""
        return next(iter(self.values(subject, *properties)), None)

    def shown(self, term: NamedNode | Literal) -> Value:
        """Give a term as it is shown."""
        if isinstance(term, Literal):
            return Text(term.value, term.language or "")
        if edtf := self.literal(term.value, "icn:edtf"):
            return When(term.value, edtf)
        known = term.value.startswith(ID) or term.value in self.terms or self.labels(term.value)
        return self.thing(term.value) if known else Outside(term.value)

    def date(self, subject: str, *properties: str) -> When | None:
        """Give the first date that some properties of a thing have."""
        return next((each for each in self.values(subject, *properties) if isinstance(each, When)), None)

    def span(self, subject: str) -> Span:
        """Give the bounds of what lasts."""
        names = ("icn:beganNotBefore", "icn:beganBy", "icn:endedNotBefore", "icn:endedBy")
        return Span(*(self.literal(subject, name) for name in names))

    # -- sources ---------------------------------------------------------------------------------------------------

    def voices(self, body: str, *properties: str) -> tuple[Voice, ...]:
        """List the claims behind a thing, or behind some of its properties alone, oldest first.

        With them come those about the unnamed parties that it stands for, where no properties are given.  What a
        curator has set aside is left out.
        """
        wanted = {expand(name) for name in properties}
        found = [self.voice(claim) for claim in self._claims(body)]
        supporting = [] if wanted else self.iris(body, "icn:resolves")
        found += [self.voice(claim, supports=True) for other in supporting for claim in self._claims(other)]
        chosen = [voice for voice in found if not wanted or wanted & voice.asserts]
        return tuple(sorted(chosen, key=lambda v: (v.supports, v.published.edtf if v.published else "", v.claim)))

    def _claims(self, body: str) -> list[str]:
        claims = self._index.into.get((_CLAIMS, body), ())
        return [claim for claim in claims if _DEPRECATED not in self.iris(claim, "icn:rank")]

    def voice(self, claim: str, *, supports: bool = False) -> Voice:
        """Read one claim."""
        articles = self.iris(claim, "icn:inArticle")
        article = articles[0] if articles else ""
        publishers = self.iris(article, "dcterms:publisher")
        says = self.texts(claim, "icn:says")
        because, named_as = self.texts(claim, "icn:because"), self.texts(claim, "icn:namedAs")
        return Voice(
            claim,
            self.thing(article),
            self.thing(publishers[0]) if publishers else None,
            self.date(article, "icn:published"),
            next(iter(self.iris(article, "schema:url")), ""),
            says[0] if says else Text(""),
            self._positions(claim),
            frozenset(self.iris(claim, "icn:asserts")),
            frozenset(self.iris(claim, "icn:infers")),
            because[0] if because else None,
            named_as[0] if named_as else None,
            supports,
        )

    def _positions(self, claim: str) -> tuple[tuple[int, int], ...]:
        selectors = [
            selector for target in self.iris(claim, "oa:hasTarget") for selector in self.iris(target, "oa:hasSelector")
        ]
        pairs = [(self.literal(each, "oa:start"), self.literal(each, "oa:end")) for each in selectors]
        return tuple(sorted((int(a), int(b)) for a, b in pairs if a.isdecimal() and b.isdecimal()))

    def contested(self, body: str, *properties: str) -> tuple[str, ...]:
        """List the disagreements about a thing, or about some of its properties, and what denies it."""
        wanted = {expand(name) for name in properties}
        found = [
            each
            for each in self.of_kind("Disagreement")
            if body in self.iris(each, "icn:about") and (not wanted or wanted & set(self.iris(each, "icn:onProperty")))
        ]
        return (*found, *(self.subjects("icn:denies", body) if not wanted else ()))

    def fact(self, title: str, body: str, *properties: str, origin: str = "") -> Fact | None:
        """Give what some properties of a thing say, with sources; None where it has none of them."""
        values = self.values(body, *properties)
        if not values:
            return None
        voices = self.voices(body, *properties)
        return Fact(title, values, voices, self.contested(body, *properties), "" if voices else origin)
