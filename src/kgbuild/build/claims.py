"""One claim as facts: looks up what its fields give, and says it of a situation or an entity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pyoxigraph import Literal, NamedNode

from kgbuild.build.identifiers import describe_identifier
from kgbuild.build.ontology import Ontology
from kgbuild.build.quads import Row, Term
from kgbuild.core import ids
from kgbuild.core.dates import DateNode
from kgbuild.core.errors import Findings, suggestion
from kgbuild.core.namespaces import SITUATION_KINDS, VOCABULARY
from kgbuild.core.terms import TYPE, icn, term
from kgbuild.records.documents import KeyPath
from kgbuild.records.models import Article, Claim
from kgbuild.records.old_forms import OLD_FORM, new_form
from kgbuild.records.registry import Registry, iri_of
from kgbuild.records.values import IdentifierValue, Named, RecordError, StatusValue, Unidentified

ACTORS = frozenset({"institution", "network", "person", "polity"})


OBSERVED: Final = {
    "status": ("status", "status"),
    "legal-form": ("legal-form-observation", "legalForm"),
    "polity-status": ("polity-status-observation", "polityStatus"),
}
"""Vocabulary of what is observed -> kind of the observation, and its property."""


@dataclass(frozen=True)
class Given:
    """What a field of a claim gives: a term, its part of a situation's slug, and where it is written."""

    term: Term
    path: KeyPath
    slug: str = ""

    @property
    def iri(self) -> NamedNode:
        """Give the term of what is no text or number."""
        assert isinstance(self.term, NamedNode)  # noqa: S101 - only texts and numbers are literals
        return self.term


Givens = Given | Iterable[Given] | None
"""What one field gives: something, several things, or nothing."""


class NotKnownError(Exception):
    """What a claim cannot be without is not known: a finding says so, and the claim says nothing."""


def need(*found: Given | None) -> tuple[Given, ...]:
    """Take what a claim cannot be without, once all of it was looked up: no finding hides another."""
    known = tuple(given for given in found if given is not None)
    if len(known) < len(found):
        raise NotKnownError
    return known


@dataclass
class ClaimFacts:
    """All that one claim says."""

    bodies: list[NamedNode] = field(default_factory=list)
    facts: list[Row] = field(default_factory=list)
    """Triples, and the path in the claim's item to what says each."""
    asserts: set[NamedNode] = field(default_factory=set)
    infers: set[NamedNode] = field(default_factory=set)
    named_as: list[Literal] = field(default_factory=list)
    dates: set[DateNode] = field(default_factory=set)


class ClaimCompiler:
    """Turns one claim into facts: looks up what its fields give, and says it of a situation or an entity."""

    def __init__(
        self, article: Article, claim: Claim, registry: Registry, ontology: Ontology, findings: Findings
    ) -> None:
        self.article, self.claim, self.registry, self.ontology = article, claim, registry, ontology
        self.inferred = frozenset(claim.notes.inferred or ())
        self.facts = ClaimFacts()
        self._findings = findings

    def error(self, path: KeyPath, code: str, finding: str, remedy: str) -> None:
        """Note a finding at a path in this claim's item."""
        self._findings.error(self.article.place(*self.claim.path, *path), code, finding, remedy)

    def _field(self, name: str) -> tuple[Any, KeyPath]:
        return self.claim.fields.get(name), (self.claim.kind, name)

    def _items(self, name: str) -> list[tuple[Any, KeyPath]]:
        value, path = self._field(name)
        return [(one, (*path, i)) for i, one in enumerate(value)] if isinstance(value, list) else [(value, path)]

    def entity(self, name: str, kinds: frozenset[str]) -> Given | None:
        """Look up the entity that a field names; an unknown one, or one of another kind, is a finding and None."""
        return self.find_entity(*self._field(name), kinds)

    def entities(self, name: str, kinds: frozenset[str]) -> list[Given]:
        """Look up the entity or entities that a field names."""
        return [found for one, at in self._items(name) if (found := self.find_entity(one, at, kinds))]

    def find_entity(self, name: str | None, path: KeyPath, kinds: frozenset[str]) -> Given | None:
        """Look up an entity by its name."""
        place = self.article.place(*self.claim.path, *path)
        entity = self.registry.look_up(name, kinds, path, place, self._findings)
        return Given(NamedNode(iri_of(entity)), path, entity.id) if entity else None

    def concept(self, name: str, *schemes: str) -> Given | None:
        """Look up the concept that a field names, in the vocabularies given, else in that of the field's name."""
        return self.find_concept(*self._field(name), *(schemes or (name,)))

    def concepts(self, name: str, *schemes: str) -> list[Given]:
        """Look up the concept or concepts that a field names."""
        found = (self.find_concept(one, at, *(schemes or (name,))) for one, at in self._items(name))
        return [concept for concept in found if concept]

    def find_concept(self, slug: str | None, path: KeyPath, *schemes: str) -> Given | None:
        """Look up a concept by its slug, in the first vocabulary that has it."""
        if slug is None:
            return None
        for scheme in schemes:
            if (scheme, slug) in self.ontology.concepts:
                return Given(self.ontology.concepts[scheme, slug], path, slug)
        known = {s for scheme in schemes for s in self.ontology.slugs(scheme)}
        old = next(filter(None, (new_form(scheme, slug) for scheme in schemes)), "")
        self._unknown(path, "unknown-concept", f"the vocabulary '{schemes[0]}' has no '{slug}'", old, slug, known)
        return None

    def _unknown(self, path: KeyPath, code: str, finding: str, old: str, word: str, known: Iterable[str]) -> None:
        """Note that a word is unknown; `old` is what is to be done about it if it was known once."""
        remedy = old or f"Known: {', '.join(sorted(known))}.{suggestion(word, known)}"
        self.error(path, OLD_FORM if old else code, finding, remedy)

    def date(self, name: str) -> Given | None:
        """Take the date that a field gives."""
        return self.use_date(*self._field(name))

    def use_date(self, node: DateNode | None, path: KeyPath) -> Given | None:
        """Use a date: its node is described once for the whole graph."""
        if node is None:
            return None
        self.facts.dates.add(node)
        return Given(NamedNode(ids.date_iri(node.slug)), path, node.slug)

    def text(self, name: str, language: str | None = "en") -> Given | None:
        """Take the text that a field gives, in our own English; None for the language of a code or number."""
        value, path = self._field(name)
        return Given(Literal(value, language=language), path) if value else None

    def identify(self, body: NamedNode) -> None:
        """Say the identifier of a body: a code as printed, or one of a scheme, which has a node of its own."""
        value, path = self._field("identifier")
        if not isinstance(value, IdentifierValue):
            self.say(body, identifier=self.text("identifier", None))
            return
        try:
            node, said = describe_identifier(body, value.scheme, value.value, self.ontology)
        except RecordError as wrong:
            at = (*path, "scheme" if wrong.code == "unknown-concept" else "value")
            self.error(at, wrong.code, wrong.finding, wrong.remedy)
            return
        self.say(body, identifiedBy=Given(node, path))
        self.facts.facts.extend(((node, predicate, object_), path) for predicate, object_ in said)

    def party(self, name: str, kinds: frozenset[str], context: str = "") -> Given | None:
        """Look up the one party of a field; `context` tells unidentified ones apart, else the article does."""
        return self._party(*self._field(name), kinds, context or self.article.id)

    def parties(self, name: str, kinds: frozenset[str], context: str) -> list[Given]:
        """Look up the party or parties of a field; `each` gives one unidentified party for each body named."""
        found = [party for one, at in self._items(name) for party in self._each_party(one, at, kinds, context)]
        return [party for party in found if party is not None]

    def _each_party(self, value: Any, path: KeyPath, kinds: frozenset[str], context: str) -> list[Given | None]:
        if isinstance(value, Unidentified) and value.each is not None:
            each = [(name, (*path, "each", i)) for i, name in enumerate(value.each)]
            return [self._unidentified(value.unidentified, name, at, at, context) for name, at in each]
        return [self._party(value, path, kinds, context)]

    def _party(self, value: Any, path: KeyPath, kinds: frozenset[str], context: str) -> Given | None:
        if isinstance(value, Unidentified):
            return self._unidentified(value.unidentified, value.of, path, (*path, "of"), context)
        if not isinstance(value, Named):
            return self.find_entity(value, path, kinds)
        party = self.find_entity(value.is_, (*path, "is"), kinds)
        if party:
            spelling = Literal(value.as_, language=self.article.source.language)
            self.facts.named_as.append(spelling)
            if path[1] not in self.inferred:  # an inferred identity is described in the text, not named
                self.facts.facts.append(((party.iri, term("skos:altLabel"), spelling), (*path, "as")))
        return party

    def _unidentified(self, word: str, of: str | None, path: KeyPath, of_path: KeyPath, context: str) -> Given | None:
        classes = self.ontology.actor_classes()
        if word not in classes:
            finding, old = f"there is no kind of actor '{word}'", new_form("unidentified", word)
            self._unknown((*path, "unidentified"), "unknown-class", finding, old, word, classes)
            return None
        owner = self.find_entity(of, of_path, ACTORS)
        if of and owner is None:
            return None
        owner_id = owner.slug if owner else None
        iri = NamedNode(ids.entity_iri("unidentified", ids.unidentified_slug(word, owner_id, context)))
        described = [(TYPE, icn("UnidentifiedParty")), (icn("expectedType"), classes[word])]
        if owner:
            kind, _ = ids.split_iri(owner.iri.value)
            described.append((icn("ofState" if kind == "polity" else "affiliation"), owner.iri))
        self.facts.facts.extend(((iri, predicate, object_), path) for predicate, object_ in described)
        return Given(iri, path, "-".join(part for part in ("unidentified", word, owner_id) if part))

    def body(self, iri: NamedNode) -> NamedNode:
        """Take a situation or an entity as a body of this claim."""
        if iri not in self.facts.bodies:
            self.facts.bodies.append(iri)
        return iri

    def situation(self, kind: str, *key: str | None, class_: str = "") -> NamedNode:
        """Take the situation with this key as a body, of the class of its kind or the narrower one given."""
        body = self.body(NamedNode(ids.situation_iri(kind, *key)))
        self.facts.facts.append(((body, TYPE, icn(class_ or SITUATION_KINDS[kind])), (self.claim.kind,)))
        return body

    def situation_unless_denied(self, kind: str, *key: str | None, **denied_with: Givens) -> NamedNode | None:
        """Take a situation as a body; where the claim says `not`, its denial, and None: it gets no triple itself."""
        denied, path = self._field("not")
        if not denied:
            return self.situation(kind, *key)
        on = self.date("on") if "on" in type(self.claim.fields).model_fields else None
        body = self.situation("denial", kind, *key, on.slug if on else self.article.id)
        self.say(body, denies=Given(NamedNode(ids.situation_iri(kind, *key)), path), attestedOn=on, **denied_with)
        return None

    def say(self, subject: NamedNode, **values: Givens) -> None:
        """Say properties of a body, each with what a field gives; None says nothing."""
        for name, value in values.items():
            for given in (value,) if isinstance(value, Given) else value or ():
                self.derive(subject, **{name: given})
                self.facts.asserts.add(icn(name))
                if given.path[1] in self.inferred:
                    self.facts.infers.add(icn(name))

    def derive(self, subject: NamedNode, **values: Given) -> None:
        """Say what follows from the record by rule: it is no assertion of the claim."""
        self.facts.facts.extend(((subject, icn(name), value.term), value.path) for name, value in values.items())

    def observe(self, observed: Given, is_: str, path: KeyPath, as_of: Given | None) -> None:
        """Say which status, legal form or status of a polity something has: the vocabulary of the concept tells."""
        concept = self.find_concept(is_, path, *OBSERVED)
        if concept is not None:
            node_kind, property_ = OBSERVED[concept.iri.value.removeprefix(VOCABULARY).partition("/")[0]]
            kind, slug = ids.split_iri(observed.iri.value)
            body = self.situation(node_kind, kind, slug, as_of.slug if as_of else self.article.id)
            self.say(body, observed=observed, **{property_: concept}, asOf=as_of)

    def observe_status(self, body: NamedNode) -> None:
        """Say the status of a body that stands inside a claim about it."""
        value, path = self._field("status")
        if isinstance(value, StatusValue):
            self.observe(Given(body, path), value.is_, path, self.use_date(value.on, path))
        elif value is not None:
            self.observe(Given(body, path), value, path, None)
