"""What each kind of claim says: bodies, and facts about them.

This module is the only one that knows how a kind of claim becomes situations (docs/modelling.md, section 5).
A kind is one function; a further kind needs its record model, its function, and its line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgbuild import ids, records
from kgbuild.dates import DateNode
from kgbuild.documents import Key
from kgbuild.errors import Issue, error
from kgbuild.namespaces import EXTERNAL, ONTOLOGY, RDF_TYPE
from kgbuild.ontology import Concept, Ontology
from kgbuild.records import Article, Claim, Entity, Named, Unidentified, suggestion
from kgbuild.registry import Registry, UnknownEntityError, iri_of

Term = NamedNode | Literal

ORGANIZATIONS = frozenset({"institution", "network"})
ACTORS = ORGANIZATIONS | {"person", "state", "territory"}
PLACES = frozenset({"place", "state", "territory"})
STATES = frozenset({"state", "territory"})
DOCUMENTS = frozenset({"agreement", "publication"})
ANYTHING = frozenset(records.ENTITY_CLASSES)

TYPE = NamedNode(RDF_TYPE)
ALT_LABEL = NamedNode(EXTERNAL["skos"] + "altLabel")


def icn(name: str) -> NamedNode:
    """Name a term of our ontology."""
    return NamedNode(ONTOLOGY + name)


@dataclass(frozen=True)
class Fact:
    """One triple that a claim gives, and the way in the record to what says it."""

    subject: NamedNode
    predicate: NamedNode
    object: Term
    way: Key


@dataclass(frozen=True)
class Party:
    """An actor in a claim: its IRI, its part of a situation's slug, and where it is written."""

    iri: NamedNode
    slug: str
    way: Key


@dataclass
class Said:
    """All that one claim says."""

    bodies: list[NamedNode] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    asserts: set[NamedNode] = field(default_factory=set)
    infers: set[NamedNode] = field(default_factory=set)
    named_as: list[Literal] = field(default_factory=list)
    dates: set[DateNode] = field(default_factory=set)


class Speaker:
    """Turns one claim into what it says; findings go to `issues`."""

    def __init__(self, article: Article, claim: Claim, registry: Registry, ontology: Ontology) -> None:
        self.article, self.claim, self.registry, self.ontology = article, claim, registry, ontology
        self.inferred = frozenset(claim.notes.inferred or ())
        self.said = Said()
        self.issues: list[Issue] = []

    # -- looking up ------------------------------------------------------------------------------------------

    def issue(self, way: Key, code: str, finding: str, remedy: str) -> None:
        """Note a finding at a field of this claim."""
        self.issues.append(error(self.article.place(*self.claim.way, *way), code, finding, remedy))

    def entity(self, name: str | None, way: Key, kinds: frozenset[str]) -> Entity | None:
        """Look an entity up; an unknown one, or one of another kind, is a finding and None."""
        if name is None or name in self.registry.unreadable:
            return None
        try:
            entity = self.registry.resolve_entity(name)
        except UnknownEntityError as unknown:
            self.issue(way, unknown.code, unknown.finding, unknown.remedy)
            return None
        if entity.kind not in kinds:
            wanted = " or ".join(sorted(kinds))
            finding = (
                f"'{name}' is a {entity.kind}, and `{way[-1] if isinstance(way[-1], str) else way[-2]}` takes {wanted}"
            )
            self.issue(way, "wrong-kind", finding, "Name another entity, or mend the entity's file.")
            return None
        return entity

    def node(self, name: str | None, way: Key, kinds: frozenset[str]) -> NamedNode | None:
        """Look an entity's IRI up."""
        entity = self.entity(name, way, kinds)
        return NamedNode(iri_of(entity)) if entity else None

    def nodes(self, names: list[str] | str | None, way: Key, kinds: frozenset[str]) -> list[tuple[NamedNode, Key]]:
        """Look several entities up, each with the way to it."""
        listed = [(n, (*way, i)) for i, n in enumerate(names)] if isinstance(names, list) else [(names, way)]
        found = [(self.node(name, at, kinds), at) for name, at in listed]
        return [(node, at) for node, at in found if node is not None]

    def concept(self, scheme: str, slug: str | None, way: Key, *others: str) -> Concept | None:
        """Look a concept up in a scheme, or in one of the others named."""
        if slug is None:
            return None
        for name in (scheme, *others):
            if (name, slug) in self.ontology.concepts:
                return self.ontology.concepts[name, slug]
        known = sorted({s for name in (scheme, *others) for s in self.ontology.slugs(name)})
        remedy = f"Known: {', '.join(known)}.{suggestion(slug, known)}"
        self.issue(way, "unknown-concept", f"the vocabulary '{scheme}' has no '{slug}'", remedy)
        return None

    def date(self, node: DateNode | None) -> NamedNode | None:
        """Use a date: its node is described once for the whole graph."""
        if node is None:
            return None
        self.said.dates.add(node)
        return NamedNode(ids.date_iri(node.slug))

    # -- parties ---------------------------------------------------------------------------------------------

    def parties(self, value: Any, way: Key, kinds: frozenset[str], context: str) -> list[Party]:
        """Look up one party or a list of them; `each` gives one unidentified party for each body named."""
        if value is None:
            return []
        if isinstance(value, list):
            return [p for i, one in enumerate(value) for p in self.parties(one, (*way, i), kinds, context)]
        if isinstance(value, Unidentified) and value.each is not None:
            each = [(name, (*way, "each", i)) for i, name in enumerate(value.each)]
            made = [self._unidentified(value.unidentified, name, at, context) for name, at in each]
            return [party for party in made if party is not None]
        party = self.party(value, way, kinds, context)
        return [party] if party else []

    def party(self, value: Any, way: Key, kinds: frozenset[str], context: str) -> Party | None:
        """Look up one party."""
        if isinstance(value, Unidentified):
            return self._unidentified(value.unidentified, value.of, way, context)
        name, at = (value.is_, (*way, "is")) if isinstance(value, Named) else (value, way)
        entity = self.entity(name, at, kinds)
        if entity is None:
            return None
        iri = NamedNode(iri_of(entity))
        if isinstance(value, Named):
            self._spelled(iri, value.as_, way)
        return Party(iri, entity.id, at)

    def _spelled(self, iri: NamedNode, spelling: str, way: Key) -> None:
        text = Literal(spelling, language=self.article.source.language)
        self.said.named_as.append(text)
        if way[1] not in self.inferred:  # an inferred identity is described in the text, not named
            self.said.facts.append(Fact(iri, ALT_LABEL, text, (*way, "as")))

    def _unidentified(self, word: str, of: str | None, way: Key, context: str) -> Party | None:
        expected = self.ontology.actor_classes().get(word)
        if expected is None:
            known = sorted(self.ontology.actor_classes())
            remedy = f"Known: {', '.join(known)}.{suggestion(word, known)}"
            self.issue((*way, "unidentified"), "unknown-class", f"there is no kind of actor '{word}'", remedy)
            return None
        owner = self.entity(of, way if "each" in way[-2:] else (*way, "of"), ACTORS) if of else None
        if of and owner is None:
            return None
        owner_id = owner.id if owner else None
        iri = NamedNode(ids.entity_iri("unidentified", ids.unidentified_slug(word, owner_id, context)))
        described: list[tuple[NamedNode, Term]] = [
            (TYPE, icn("UnidentifiedParty")),
            (icn("expectedType"), expected),
        ]
        if owner:
            link = icn("ofState") if owner.kind in STATES else icn("affiliation")
            described.append((link, NamedNode(iri_of(owner))))
        self.said.facts.extend(Fact(iri, predicate, object_, way) for predicate, object_ in described)
        return Party(iri, "-".join(part for part in ("unidentified", word, owner_id) if part), way)

    # -- saying ----------------------------------------------------------------------------------------------

    def body(self, iri: NamedNode, class_: str | None = None) -> NamedNode:
        """Take a situation or an entity as a body of this claim."""
        if iri not in self.said.bodies:
            self.said.bodies.append(iri)
        if class_:
            self.said.facts.append(Fact(iri, TYPE, icn(class_), (self.claim.kind,)))
        return iri

    def situation(self, kind: str, class_: str, *parts: str | None) -> NamedNode:
        """Take the situation with this key as a body."""
        return self.body(NamedNode(ids.situation_iri(kind, *parts)), class_)

    def say(self, subject: NamedNode, name: str, value: Term | Concept | Party | None, *way: str | int) -> None:
        """Say something that the record gives; None says nothing."""
        if value is None:
            return
        predicate = icn(name)
        self._fact(subject, predicate, value, way)
        self.said.asserts.add(predicate)
        if way[0] in self.inferred:
            self.said.infers.add(predicate)

    def derive(self, subject: NamedNode, name: str, value: Term | Concept, *way: str | int) -> None:
        """Say something that follows from the record by rule: it is no assertion of the claim."""
        self._fact(subject, icn(name), value, way)

    def _fact(self, subject: NamedNode, predicate: NamedNode, value: Term | Concept | Party, way: Key) -> None:
        object_ = value if isinstance(value, (NamedNode, Literal)) else value.iri
        at = value.way if isinstance(value, Party) else (self.claim.kind, *way)
        self.said.facts.append(Fact(subject, predicate, object_, at))

    def say_all(self, subject: NamedNode, name: str, values: Iterable[tuple[NamedNode, Key]], field_: str) -> None:
        """Say one property several times."""
        for node, way in values:
            self.say(subject, name, node, field_, *way[2:])

    def say_parties(self, subject: NamedNode, name: str, parties: Iterable[Party], field_: str) -> None:
        """Say one property of several parties."""
        for party in parties:
            self.say(subject, name, party, field_)

    def say_text(self, subject: NamedNode, name: str, text: str | None, *way: str) -> None:
        """Say our own English text."""
        self.say(subject, name, Literal(text, language="en") if text else None, *way)

    def deny(self, kind: str, parts: tuple[str | None, ...], on: DateNode | None = None) -> None:
        """Say that a situation is not so; the situation itself gets no triple."""
        denied = ids.situation_iri(kind, *parts)
        when = on.slug if on else self.article.id
        body = self.situation("denial", "Denial", kind, *parts, when)
        self.say(body, "denies", NamedNode(denied), "not")
        self.say(body, "attestedOn", self.date(on), "on")

    def observe(self, about: NamedNode, status: str, on: DateNode | None, *way: str) -> None:
        """Say which status something has."""
        kind, slug = ids.split_iri(about.value)
        concept = self.concept("status", status, (self.claim.kind, *way), "legal-form")
        if concept is None:
            return
        body = self.situation("status", "StatusObservation", kind, slug, on.slug if on else self.article.id)
        self.say(body, "about", about, *(way if way[0] != "is" else ("of",)))
        self.say(body, "status", concept, *way)
        self.say(body, "asOf", self.date(on), "on" if way[0] == "is" else way[0])

    def status_of(self, about: NamedNode, value: Any) -> None:
        """Say the status that stands inside a claim about something else."""
        if isinstance(value, records.StatusValue):
            self.observe(about, value.is_, value.on, "status")
        elif value is not None:
            self.observe(about, value, None, "status")


# --- the kinds ----------------------------------------------------------------------------------------------------


def _membership(s: Speaker, f: records.Membership) -> None:
    organization = s.party(f.in_, ("membership", "in"), ORGANIZATIONS, s.article.id)
    role = s.concept("role", f.role, ("membership", "role"))
    standing = s.concept("standing", s.ontology.top_slug(role) if role else "member", ("membership", "role"))
    if organization is None or standing is None:
        return
    for member in s.parties(f.of, ("membership", "of"), ACTORS, organization.slug):
        parts = (
            member.slug,
            organization.slug,
            standing.slug if standing.slug != "member" else None,
            f.spell,
        )
        if f.not_:
            s.deny("membership", parts, f.on)
            continue
        body = s.situation("membership", "Membership", *parts)
        s.say(body, "member", member, "of")
        s.say(body, "organization", organization, "in")
        s.derive(body, "standing", standing, "role")
        s.say(body, "role", role, "role")
        s.say(body, "joined", s.date(f.joined), "joined")
        s.say(body, "left", s.date(f.left), "left")
        s.say(body, "endReason", s.concept("reason", f.end_reason, ("membership", "end_reason")), "end_reason")
        s.say(body, "attestedOn", s.date(f.on), "on")


def _accession(s: Speaker, f: records.Accession) -> None:
    organization = s.party(f.to, ("accession", "to"), ORGANIZATIONS, s.article.id)
    if organization is None:
        return
    for candidate in s.parties(f.of, ("accession", "of"), ACTORS, organization.slug):
        body = s.situation("accession", "Accession", candidate.slug, organization.slug, f.spell)
        s.say(body, "candidate", candidate, "of")
        s.say(body, "candidateTo", organization, "to")
        s.say(body, "applied", s.date(f.applied), "applied")
        s.say(body, "invited", s.date(f.invited), "invited")
        s.say(body, "admitted", s.date(f.admitted), "admitted")
        s.status_of(body, f.status)


def _suspension(s: Speaker, f: records.Suspension) -> None:
    organization = s.party(f.in_, ("suspension", "in"), ORGANIZATIONS, s.article.id)
    if organization is None:
        return
    for member in s.parties(f.of, ("suspension", "of"), ACTORS, organization.slug):
        body = s.situation("suspension", "Suspension", member.slug, organization.slug, f.spell)
        s.say(body, "suspendedMember", member, "of")
        s.say(body, "suspendedFrom", organization, "in")
        s.say(body, "began", s.date(f.from_), "from")
        s.say(body, "ended", s.date(f.until), "until")
        s.say_text(body, "scope", f.scope, "scope")


def _participation(s: Speaker, f: records.Participation) -> None:
    meeting = s.entity(f.in_, ("participation", "in"), frozenset({"meeting"}))
    if meeting is None:
        return
    for participant in s.parties(f.of, ("participation", "of"), ACTORS, meeting.id):
        if f.not_:
            s.deny("participation", (meeting.id, participant.slug))
            continue
        body = s.situation("participation", "Participation", meeting.id, participant.slug)
        s.say(body, "meeting", NamedNode(iri_of(meeting)), "in")
        s.say(body, "participant", participant, "of")
        s.say_parties(body, "onBehalfOf", s.parties(f.for_, ("participation", "for"), ACTORS, meeting.id), "for")
        s.say(body, "capacity", s.concept("capacity", f.as_, ("participation", "as")), "as")
        s.say(body, "presence", s.concept("presence", f.presence, ("participation", "presence")), "presence")


def _tenure(s: Speaker, f: records.Tenure) -> None:
    institution = s.party(f.in_, ("tenure", "in"), ORGANIZATIONS | STATES, s.article.id)
    office = s.concept("office", f.as_, ("tenure", "as"))
    accredited = s.entity(f.to, ("tenure", "to"), ORGANIZATIONS | STATES)
    if institution is None or office is None or (f.to is not None and accredited is None):
        return
    holder = s.party(f.of, ("tenure", "of"), ACTORS, institution.slug)
    if holder is None:
        return
    to = accredited.id if accredited else None
    body = s.situation("tenure", "Tenure", holder.slug, office.slug, institution.slug, to, f.spell)
    s.say(body, "holder", holder, "of")
    s.say(body, "office", office, "as")
    s.say(body, "institution", institution, "in")
    s.say(body, "accreditedTo", NamedNode(iri_of(accredited)) if accredited else None, "to")
    s.say(body, "began", s.date(f.from_), "from")
    s.say(body, "ended", s.date(f.until), "until")
    s.say(body, "attestedOn", s.date(f.on), "on")
    if f.represented_by is not None:
        person = s.party(f.represented_by, ("tenure", "represented_by"), frozenset({"person"}), institution.slug)
        s.say(body, "representedBy", person, "represented_by")


def _meeting(s: Speaker, f: records.Meeting) -> None:
    meeting = s.entity(f.is_, ("meeting", "is"), frozenset({"meeting"}))
    if meeting is None:
        return
    body = s.body(NamedNode(iri_of(meeting)))
    s.say(body, "meetingType", s.concept("meeting-type", f.type, ("meeting", "type")), "type")
    s.say(body, "held", s.date(f.held), "held")
    s.say(body, "planned", s.date(f.planned), "planned")
    s.say(body, "place", s.node(f.place, ("meeting", "place"), PLACES), "place")
    s.say_parties(body, "host", s.parties(f.host, ("meeting", "host"), ACTORS, meeting.id), "host")
    s.say(body, "partOf", s.node(f.part_of, ("meeting", "part_of"), frozenset({"meeting"})), "part_of")
    s.say_text(body, "topic", f.topic, "topic")
    s.say_all(body, "concerning", s.nodes(f.concerning, ("meeting", "concerning"), ANYTHING), "concerning")
    s.status_of(body, f.status)


def _agreement(s: Speaker, f: records.Agreement) -> None:
    agreement = s.entity(f.is_, ("agreement", "is"), frozenset({"agreement"}))
    if agreement is None:
        return
    body = s.body(NamedNode(iri_of(agreement)))
    established = ORGANIZATIONS | {"programme"}
    s.say(body, "agreementType", s.concept("agreement-type", f.type, ("agreement", "type")), "type")
    s.say_parties(body, "party", s.parties(f.parties, ("agreement", "parties"), ACTORS, agreement.id), "parties")
    s.say(body, "signed", s.date(f.signed), "signed")
    s.say(body, "inForce", s.date(f.in_force), "in_force")
    s.say(body, "expired", s.date(f.expired), "expired")
    s.say_all(body, "establishes", s.nodes(f.establishes, ("agreement", "establishes"), established), "establishes")
    s.say_all(body, "amends", s.nodes(f.amends, ("agreement", "amends"), frozenset({"agreement"})), "amends")
    s.say_all(
        body,
        "implements",
        s.nodes(f.implements, ("agreement", "implements"), frozenset({"agreement"})),
        "implements",
    )
    s.say(body, "occurredAt", s.node(f.at, ("agreement", "at"), frozenset({"meeting"})), "at")
    s.status_of(body, f.status)


def _signature(s: Speaker, f: records.Signature) -> None:
    agreement = s.entity(f.to, ("signature", "to"), frozenset({"agreement"}))
    act = s.concept("signature-act", f.act, ("signature", "act"))
    if agreement is None or act is None:
        return
    for signatory in s.parties(f.of, ("signature", "of"), ACTORS, agreement.id):
        parts = (agreement.id, signatory.slug, act.slug)
        if f.not_:
            s.deny("signature", parts, f.on)
            continue
        body = s.situation("signature", "Signature", *parts)
        s.say(body, "signatory", signatory, "of")
        s.say(body, "agreement", NamedNode(iri_of(agreement)), "to")
        s.say(body, "act", act, "act")
        s.say(body, "signedOn", s.date(f.on), "on")
        signers = s.parties(f.signed_by, ("signature", "signed_by"), frozenset({"person"}), agreement.id)
        s.say_parties(body, "signedBy", signers, "signed_by")
        s.say(body, "inForceFrom", s.date(f.in_force_from), "in_force_from")


def _programme(s: Speaker, f: records.Programme) -> None:
    programme = s.entity(f.is_, ("programme", "is"), frozenset({"programme"}))
    if programme is None:
        return
    body = s.body(NamedNode(iri_of(programme)))
    s.say(body, "programmeType", s.concept("programme-type", f.type, ("programme", "type")), "type")
    s.say_parties(body, "runBy", s.parties(f.run_by, ("programme", "run_by"), ACTORS, programme.id), "run_by")
    partners = s.parties(f.partners, ("programme", "partners"), ACTORS, programme.id)
    s.say_parties(body, "partner", partners, "partners")
    s.say(body, "began", s.date(f.from_), "from")
    s.say(body, "ended", s.date(f.until), "until")
    s.say_all(body, "concerning", s.nodes(f.concerning, ("programme", "concerning"), ANYTHING), "concerning")
    s.status_of(body, f.status)


def _publication(s: Speaker, f: records.Publication) -> None:
    publication = s.entity(f.is_, ("publication", "is"), frozenset({"publication"}))
    if publication is None:
        return
    body = s.body(NamedNode(iri_of(publication)))
    s.say(body, "publicationType", s.concept("publication-type", f.type, ("publication", "type")), "type")
    publishers = s.parties(f.publisher, ("publication", "publisher"), ACTORS, publication.id)
    s.say_parties(body, "publishedBy", publishers, "publisher")
    s.say(body, "published", s.date(f.published), "published")
    s.say(body, "issue", Literal(f.issue) if f.issue else None, "issue")
    s.say(body, "issn", Literal(f.issn) if f.issn else None, "issn")
    s.say(body, "identifier", Literal(f.identifier) if f.identifier else None, "identifier")
    s.say_all(body, "concerning", s.nodes(f.concerning, ("publication", "concerning"), ANYTHING), "concerning")


_CHANGE_CLASSES = {"founding": "Founding"} | dict.fromkeys(("merger", "absorption", "split"), "Succession")


def _change(s: Speaker, f: records.Change) -> None:
    changed = s.entity(f.of, ("change", "of"), ACTORS | {"programme"})
    type_ = s.concept("change-type", f.type, ("change", "type"))
    if changed is None or type_ is None:
        return
    class_ = _CHANGE_CLASSES.get(type_.slug, "ChangeEvent")
    if class_ != "Succession":
        for name, given in (("original", f.original), ("resulting", f.resulting)):
            if given is not None:
                finding = f"a {type_.slug} has no `{name}`: it makes no new identity"
                s.issue(
                    ("change", name),
                    "no-succession",
                    finding,
                    "Use merger, absorption or split, or remove the field.",
                )
    body = s.situation("change", class_, changed.id, type_.slug, f.spell)
    s.say(body, "founded" if class_ == "Founding" else "changed", NamedNode(iri_of(changed)), "of")
    s.say(body, "changeType", type_, "type")
    s.say(body, "happened", s.date(f.date), "date")
    s.say_all(body, "original", s.nodes(f.original, ("change", "original"), ACTORS), "original")
    s.say_all(body, "resulting", s.nodes(f.resulting, ("change", "resulting"), ACTORS), "resulting")
    s.say_all(body, "occurredAt", s.nodes(f.at, ("change", "at"), frozenset({"meeting"})), "at")
    s.say(body, "place", s.node(f.place, ("change", "place"), PLACES), "place")
    s.say_parties(
        body,
        "initiatedBy",
        s.parties(f.initiated_by, ("change", "initiated_by"), ACTORS, changed.id),
        "initiated_by",
    )


@dataclass(frozen=True)
class Occasion:
    """Where something was said or decided: a meeting, a document, or the article alone."""

    slug: str
    meeting: NamedNode | None = None
    document: NamedNode | None = None


def _occasion(s: Speaker, at: str | None, in_: str | None, way: Key) -> Occasion | None:
    """Find the occasion; None after a finding."""
    meeting = s.entity(at, (*way, "at"), frozenset({"meeting"}))
    document = s.entity(in_, (*way, "in"), DOCUMENTS)
    if (at and not meeting) or (in_ and not document):
        return None
    nodes = [NamedNode(iri_of(entity)) if entity else None for entity in (meeting, document)]
    return Occasion((meeting or document or s.article).id, *nodes)


def _utterance(
    s: Speaker, f: records.Decision | records.Proposal | records.Statement, class_: str
) -> tuple[NamedNode, str] | None:
    """Say what decisions, proposals and statements share; gives the body and its occasion's slug."""
    kind = s.claim.kind
    occasion = _occasion(s, f.at, f.in_, (kind,))
    if occasion is None:
        return None
    body = s.situation(kind, class_, occasion.slug, f.ref)
    s.say(body, "occurredAt", occasion.meeting, "at")
    s.say(body, "setOutIn", occasion.document, "in")
    s.say_parties(body, "by", s.parties(f.by, (kind, "by"), ACTORS, occasion.slug), "by")
    s.say_text(body, "text", f.what, "what")
    s.say(body, "madeOn", s.date(f.date), "date")
    s.say_all(body, "concerning", s.nodes(f.concerning, (kind, "concerning"), ANYTHING), "concerning")
    return body, occasion.slug


def _decision(s: Speaker, f: records.Decision) -> None:
    if made := _utterance(s, f, "Decision"):
        body, _ = made
        s.say_all(
            body,
            "carriedOutBy",
            s.nodes(f.carried_out_by, ("decision", "carried_out_by"), ANYTHING),
            "carried_out_by",
        )
        s.say_all(body, "ledTo", s.nodes(f.led_to, ("decision", "led_to"), ANYTHING), "led_to")


def _proposal(s: Speaker, f: records.Proposal) -> None:
    if made := _utterance(s, f, "Proposal"):
        body, slug = made
        s.say_parties(body, "onBehalfOf", s.parties(f.for_, ("proposal", "for"), ACTORS, slug), "for")
        s.say_all(body, "concerning", s.nodes(f.within, ("proposal", "within"), ANYTHING), "within")
        s.status_of(body, f.status)


def _statement(s: Speaker, f: records.Statement) -> None:
    if made := _utterance(s, f, "Statement"):
        body, slug = made
        s.say(body, "speechAct", s.concept("act", f.act, ("statement", "act")), "act")
        s.say_parties(body, "onBehalfOf", s.parties(f.for_, ("statement", "for"), ACTORS, slug), "for")
        s.say_parties(body, "addressee", s.parties(f.to, ("statement", "to"), ACTORS, slug), "to")


_ATTRIBUTE_TEXTS = {
    "purpose": "purpose",
    "description": "description",
    "practice": "practice",
    "entry_rule": "entryRule",
    "legal_basis": "legalBasis",
    "funding": "funding",
}


def _attribute(s: Speaker, f: records.Attribute) -> None:
    body = s.node(f.of, ("attribute", "of"), ANYTHING)
    if body is None:
        return
    s.body(body)
    for name, property_ in _ATTRIBUTE_TEXTS.items():
        s.say_text(body, property_, getattr(f, name), name)
    s.say(body, "website", NamedNode(f.website) if f.website else None, "website")
    s.say(body, "identifier", Literal(f.identifier) if f.identifier else None, "identifier")
    s.say(body, "language", Literal(f.language) if f.language else None, "language")
    if not s.said.asserts:
        s.issue(
            ("attribute",),
            "no-attribute",
            "the claim gives no attribute",
            f"Give one of {', '.join(sorted(_ATTRIBUTE_TEXTS))}, …",
        )


def _status(s: Speaker, f: records.StatusClaim) -> None:
    about = _about(s, f.of)
    if about is not None:
        s.observe(about, f.is_, f.on, "is")


def _about(s: Speaker, of: str | records.SituationRef) -> NamedNode | None:
    way: Key = ("status", "of")
    if isinstance(of, str):
        return s.node(of, way, ANYTHING)
    if of.accession is not None and of.to is not None:
        candidate = s.entity(of.accession, (*way, "accession"), ACTORS)
        organization = s.entity(of.to, (*way, "to"), ORGANIZATIONS)
        parts = [entity.id for entity in (candidate, organization) if entity]
        return NamedNode(ids.situation_iri("accession", *parts, of.spell)) if len(parts) == 2 else None
    refs = [(kind, ref) for kind in ("decision", "proposal", "statement") if (ref := getattr(of, kind))]
    if len(refs) != 1:
        s.issue(
            way,
            "reference",
            "this names no proposal, decision, statement or accession",
            "Write {proposal: ref, at: meeting} or {accession: egypt, to: ndb}.",
        )
        return None
    occasion = _occasion(s, of.at, of.in_, way)
    return NamedNode(ids.situation_iri(refs[0][0], occasion.slug, refs[0][1])) if occasion else None


def _name(s: Speaker, f: records.NameClaim) -> None:
    entity = s.entity(f.of, ("name", "of"), ANYTHING)
    if entity is None:
        return
    for language, text in sorted(f.text.items()):
        kind, slug = "naming", ids.naming_slug(entity.id, language, text)
        body = s.situation(kind, "Naming", slug)
        s.say(body, "nameOf", NamedNode(iri_of(entity)), "of")
        s.say(body, "text", Literal(text, language=language), "text", language)
        s.say(body, "nameKind", s.concept("name-kind", f.kind, ("name", "kind")), "kind")
        s.say(body, "began", s.date(f.from_), "from")
        s.say(body, "ended", s.date(f.until), "until")


def _seat(s: Speaker, f: records.Seat) -> None:
    organization = s.entity(f.of, ("seat", "of"), ORGANIZATIONS)
    kind = s.concept("seat-kind", f.as_, ("seat", "as"))
    place = s.entity(f.place, ("seat", "place"), PLACES)
    host = s.party(f.host, ("seat", "host"), ACTORS, f.of) if f.host is not None else None
    if f.place is None and f.host is None:
        s.issue(("seat",), "no-place", "the seat has neither a place nor a host", "Give `place:` or `host:`.")
    if organization is None or kind is None or (place is None and host is None):
        return
    where = place.id if place else host.slug if host else None
    body = s.situation("seat", "Seat", organization.id, kind.slug, where)
    s.say(body, "seatOf", NamedNode(iri_of(organization)), "of")
    s.say(body, "seatKind", kind, "as")
    s.say(body, "place", NamedNode(iri_of(place)) if place else None, "place")
    s.say(body, "host", host, "host")
    s.say(body, "began", s.date(f.from_), "from")
    s.say(body, "ended", s.date(f.until), "until")
    s.say(body, "attestedOn", s.date(f.on), "on")


def _count(s: Speaker, f: records.CountClaim) -> None:
    counted = s.entity(f.of, ("count", "of"), ANYTHING)
    measure = s.concept("measure", f.what, ("count", "what"))
    comparator = s.concept("comparator", f.number.comparator, ("count", "number"))
    if counted is None or measure is None:
        return
    body = s.situation("count", "CountObservation", counted.id, measure.slug, f.on.slug if f.on else s.article.id)
    s.say(body, "about", NamedNode(iri_of(counted)), "of")
    s.say(body, "measure", measure, "what")
    s.say(body, "value", Literal(f.number.value), "number")
    s.say(body, "comparator", comparator, "number")
    s.say(body, "asOf", s.date(f.on), "on")


def _tie(s: Speaker, f: records.Tie) -> None:
    type_ = s.concept("tie-type", f.type, ("tie", "type"))
    start = s.party(f.from_, ("tie", "from"), ACTORS, s.article.id)
    if type_ is None or start is None:
        return
    for end in s.parties(f.to, ("tie", "to"), ACTORS, start.slug):
        # A symmetric tie is one situation, whoever is named first.
        turned = type_.iri in s.ontology.symmetric_ties and end.slug < start.slug
        (first, one), (second, other) = ((end, "to"), (start, "from")) if turned else ((start, "from"), (end, "to"))
        parts = (first.slug, second.slug, type_.slug, f.spell)
        if f.not_:
            s.deny("tie", parts, f.on)
            continue
        body = s.situation("tie", "Tie", *parts)
        s.say(body, "from", first, one)
        s.say(body, "to", second, other)
        s.say(body, "tieType", type_, "type")
        s.say(body, "began", s.date(f.from_date), "from_date")
        s.say(body, "ended", s.date(f.until), "until")
        s.say(body, "attestedOn", s.date(f.on), "on")


KINDS: dict[str, Callable[[Speaker, Any], None]] = {
    "membership": _membership,
    "accession": _accession,
    "suspension": _suspension,
    "participation": _participation,
    "tenure": _tenure,
    "meeting": _meeting,
    "agreement": _agreement,
    "signature": _signature,
    "programme": _programme,
    "publication": _publication,
    "change": _change,
    "decision": _decision,
    "proposal": _proposal,
    "statement": _statement,
    "attribute": _attribute,
    "status": _status,
    "name": _name,
    "seat": _seat,
    "count": _count,
    "tie": _tie,
}


def speak(article: Article, claim: Claim, registry: Registry, ontology: Ontology) -> tuple[Said, list[Issue]]:
    """Say what a claim says; what cannot be looked up is a finding, and is not said."""
    speaker = Speaker(article, claim, registry, ontology)
    KINDS[claim.kind](speaker, claim.fields)
    for name in speaker.inferred & {"is"}:  # an inferred body is an inference about the claim itself
        speaker.said.infers.add(icn("claims" if name == "is" else name))
    return speaker.said, sorted(speaker.issues)
