"""What each kind of claim says: situations and entities, and facts about them (docs/modelling.md, section 5).

Each kind has one function here, found by the model of its fields.
"""

from __future__ import annotations

from contextlib import suppress
from functools import singledispatch

from pyoxigraph import Literal, NamedNode

from kgbuild.build.claims import ACTORS, ClaimCompiler, ClaimFacts, Given, NotKnownError, need
from kgbuild.build.ontology import Ontology
from kgbuild.core import ids
from kgbuild.core.errors import Findings
from kgbuild.core.namespaces import ENTITY_KINDS
from kgbuild.core.terms import icn
from kgbuild.records import kinds
from kgbuild.records.documents import KeyPath
from kgbuild.records.models import Article, Claim
from kgbuild.records.registry import Registry
from kgbuild.records.values import SituationRef

ORGANIZATIONS = frozenset({"institution", "network"})
STATES = frozenset({"state", "territory"})
PLACES = STATES | {"place"}
DOCUMENTS = frozenset({"agreement", "publication"})
AGREEMENTS = frozenset({"agreement"})
MEETINGS = frozenset({"meeting"})
PERSONS = frozenset({"person"})
PROGRAMMES = frozenset({"programme"})
ANYTHING = frozenset(ENTITY_KINDS)


def compile_claim(
    article: Article, claim: Claim, registry: Registry, ontology: Ontology, findings: Findings
) -> ClaimFacts:
    """Say what a claim says; what cannot be looked up is a finding, and is not said."""
    compiler = ClaimCompiler(article, claim, registry, ontology, findings)
    with suppress(NotKnownError):
        say_kind(claim.fields, compiler)
    if "is" in compiler.inferred:  # an inferred body is an inference about the claim itself
        compiler.facts.infers.add(icn("claims"))
    return compiler.facts


@singledispatch
def say_kind(fields: kinds.Fields, s: ClaimCompiler) -> None:
    """Say what a claim with these fields says."""
    raise NotImplementedError(f"{type(fields).__name__}: no function says what these fields mean ({s.claim.kind})")


@say_kind.register
def _membership(f: kinds.Membership, s: ClaimCompiler) -> None:
    named, role = s.party("in", ORGANIZATIONS), s.concept("role")
    top = s.ontology.top_slug(role.iri) if role else "member"
    organization, standing = need(named, s.find_concept(top, ("membership", "role"), "standing"))
    for member in s.parties("of", ACTORS, organization.slug):
        key = (member.slug, organization.slug, None if top == "member" else top, f.spell)
        if body := s.situation_unless_denied("membership", *key):
            s.say(body, member=member, organization=organization, role=role)
            s.derive(body, standing=standing)
            s.say(body, joined=s.date("joined"), left=s.date("left"), endReason=s.concept("end_reason", "reason"))
            s.say(body, attestedOn=s.date("on"))


@say_kind.register
def _accession(f: kinds.Accession, s: ClaimCompiler) -> None:
    (organization,) = need(s.party("to", ORGANIZATIONS))
    for candidate in s.parties("of", ACTORS, organization.slug):
        body = s.situation("accession", candidate.slug, organization.slug, f.spell)
        s.say(body, candidate=candidate, candidateTo=organization)
        s.say(body, applied=s.date("applied"), invited=s.date("invited"), admitted=s.date("admitted"))
        s.observe_status(body)


@say_kind.register
def _suspension(f: kinds.Suspension, s: ClaimCompiler) -> None:
    (organization,) = need(s.party("in", ORGANIZATIONS))
    for member in s.parties("of", ACTORS, organization.slug):
        body = s.situation("suspension", member.slug, organization.slug, f.spell)
        s.say(body, suspendedMember=member, suspendedFrom=organization)
        s.say(body, began=s.date("from"), ended=s.date("until"), scope=s.text("scope"))


@say_kind.register
def _participation(_: kinds.Participation, s: ClaimCompiler) -> None:
    (meeting,) = need(s.entity("in", MEETINGS))
    for participant in s.parties("of", ACTORS, meeting.slug):
        if body := s.situation_unless_denied("participation", meeting.slug, participant.slug):
            s.say(body, meeting=meeting, participant=participant, onBehalfOf=s.parties("for", ACTORS, meeting.slug))
            s.say(body, capacity=s.concept("as", "capacity"), presence=s.concept("presence"))


@say_kind.register
def _tenure(f: kinds.Tenure, s: ClaimCompiler) -> None:
    accredited = s.entity("to", ORGANIZATIONS | STATES)
    given = s.party("in", ORGANIZATIONS | STATES), s.concept("as", "office")
    institution, office, *_ = need(*given, *(() if f.to is None else (accredited,)))
    (holder,) = need(s.party("of", ACTORS, institution.slug))
    to = accredited.slug if accredited else None
    body = s.situation("tenure", holder.slug, office.slug, institution.slug, to, f.spell)
    s.say(body, holder=holder, office=office, institution=institution, accreditedTo=accredited)
    s.say(body, began=s.date("from"), ended=s.date("until"), attestedOn=s.date("on"))
    s.say(body, representedBy=s.party("represented_by", PERSONS, institution.slug))


@say_kind.register
def _meeting(_: kinds.Meeting, s: ClaimCompiler) -> None:
    (meeting,) = need(s.entity("is", MEETINGS))
    body = s.body(meeting.iri)
    s.say(body, meetingType=s.concept("type", "meeting-type"), held=s.date("held"), planned=s.date("planned"))
    s.say(body, place=s.entity("place", PLACES), host=s.parties("host", ACTORS, meeting.slug))
    s.say(body, partOf=s.entity("part_of", MEETINGS), topic=s.text("topic"))
    s.say(body, concerning=s.entities("concerning", ANYTHING))
    s.observe_status(body)


@say_kind.register
def _agreement(_: kinds.Agreement, s: ClaimCompiler) -> None:
    (agreement,) = need(s.entity("is", AGREEMENTS))
    body = s.body(agreement.iri)
    s.say(body, agreementType=s.concept("type", "agreement-type"), party=s.parties("parties", ACTORS, agreement.slug))
    s.say(body, signed=s.date("signed"), inForce=s.date("in_force"), expired=s.date("expired"))
    s.say(body, establishes=s.entities("establishes", ORGANIZATIONS | PROGRAMMES))
    s.say(body, amends=s.entities("amends", AGREEMENTS), implements=s.entities("implements", AGREEMENTS))
    s.say(body, occurredAt=s.entity("at", MEETINGS))
    s.observe_status(body)


@say_kind.register
def _signature(_: kinds.Signature, s: ClaimCompiler) -> None:
    agreement, act = need(s.entity("to", AGREEMENTS), s.concept("act", "signature-act"))
    for signatory in s.parties("of", ACTORS, agreement.slug):
        if body := s.situation_unless_denied("signature", agreement.slug, signatory.slug, act.slug):
            s.say(body, signatory=signatory, agreement=agreement, act=act, signedOn=s.date("on"))
            s.say(body, signedBy=s.parties("signed_by", PERSONS, agreement.slug))
            s.say(body, inForceFrom=s.date("in_force_from"))


@say_kind.register
def _programme(_: kinds.Programme, s: ClaimCompiler) -> None:
    (programme,) = need(s.entity("is", PROGRAMMES))
    body = s.body(programme.iri)
    s.say(body, programmeType=s.concept("type", "programme-type"))
    s.say(body, runBy=s.parties("run_by", ACTORS, programme.slug))
    s.say(body, partner=s.parties("partners", ACTORS, programme.slug))
    s.say(body, began=s.date("from"), ended=s.date("until"), concerning=s.entities("concerning", ANYTHING))
    s.observe_status(body)


@say_kind.register
def _publication(_: kinds.Publication, s: ClaimCompiler) -> None:
    (publication,) = need(s.entity("is", frozenset({"publication"})))
    body = s.body(publication.iri)
    s.say(body, publicationType=s.concept("type", "publication-type"), published=s.date("published"))
    s.say(body, publishedBy=s.parties("publisher", ACTORS, publication.slug))
    s.say(body, issue=s.text("issue", None), issn=s.text("issn", None), identifier=s.text("identifier", None))
    s.say(body, concerning=s.entities("concerning", ANYTHING))


_CHANGE_CLASSES = {"founding": "Founding"} | dict.fromkeys(("merger", "absorption", "split"), "Succession")


@say_kind.register
def _change(f: kinds.Change, s: ClaimCompiler) -> None:
    changed, type_ = need(s.entity("of", ACTORS | PROGRAMMES), s.concept("type", "change-type"))
    class_ = _CHANGE_CLASSES.get(type_.slug, "")
    for name in ("original", "resulting"):
        if f.get(name) is not None and class_ != "Succession":
            finding = f"a {type_.slug} has no `{name}`: it makes no new identity"
            remedy = "Use merger, absorption or split, or remove the field."
            s.error(("change", name), "no-succession", finding, remedy)
    body = s.situation("change", changed.slug, type_.slug, f.spell, class_=class_)
    s.say(body, **{"founded" if class_ == "Founding" else "changed": changed})
    s.say(body, changeType=type_, happened=s.date("date"))
    s.say(body, original=s.entities("original", ACTORS), resulting=s.entities("resulting", ACTORS))
    s.say(body, occurredAt=s.entities("at", MEETINGS), place=s.entity("place", PLACES))
    s.say(body, initiatedBy=s.parties("initiated_by", ACTORS, changed.slug))


Occasion = tuple[str, Given | None, Given | None]
"""Where something was said or decided: its slug, and the meeting or the document, or the article alone."""


def _occasion(s: ClaimCompiler, at: str | None, in_: str | None, path: KeyPath) -> Occasion:
    meeting = s.find_entity(at, (*path, "at"), MEETINGS)
    document = s.find_entity(in_, (*path, "in"), DOCUMENTS)
    need(*(found for name, found in ((at, meeting), (in_, document)) if name))
    where = meeting or document
    return where.slug if where else s.article.id, meeting, document


def _utterance(f: kinds.Utterance, s: ClaimCompiler) -> tuple[NamedNode, str]:
    """Say what decisions, proposals and statements share; gives the body and its occasion's slug."""
    slug, meeting, document = _occasion(s, f.at, f.in_, (s.claim.kind,))
    body = s.situation(s.claim.kind, slug, f.ref)
    s.say(body, occurredAt=meeting, setOutIn=document, by=s.parties("by", ACTORS, slug))
    s.say(body, text=s.text("what"), madeOn=s.date("date"), concerning=s.entities("concerning", ANYTHING))
    return body, slug


@say_kind.register
def _decision(f: kinds.Decision, s: ClaimCompiler) -> None:
    body, _ = _utterance(f, s)
    s.say(body, carriedOutBy=s.entities("carried_out_by", ANYTHING), ledTo=s.entities("led_to", ANYTHING))


@say_kind.register
def _proposal(f: kinds.Proposal, s: ClaimCompiler) -> None:
    body, slug = _utterance(f, s)
    s.say(body, onBehalfOf=s.parties("for", ACTORS, slug), concerning=s.entities("within", ANYTHING))
    s.observe_status(body)


@say_kind.register
def _statement(f: kinds.Statement, s: ClaimCompiler) -> None:
    body, slug = _utterance(f, s)
    s.say(body, speechAct=s.concept("act"), onBehalfOf=s.parties("for", ACTORS, slug))
    s.say(body, addressee=s.parties("to", ACTORS, slug))


@say_kind.register
def _attribute(f: kinds.Attribute, s: ClaimCompiler) -> None:
    (entity,) = need(s.entity("of", ANYTHING))
    body = s.body(entity.iri)
    s.say(body, purpose=s.text("purpose"), description=s.text("description"), practice=s.text("practice"))
    s.say(body, entryRule=s.text("entry_rule"), legalBasis=s.text("legal_basis"), funding=s.text("funding"))
    s.say(body, identifier=s.text("identifier", None), language=s.text("language", None))
    if f.website:
        s.say(body, website=Given(NamedNode(f.website), ("attribute", "website")))
    if not s.facts.asserts:
        known = sorted(type(f).model_fields.keys() - {"of"})
        s.error(("attribute",), "no-attribute", "the claim gives no attribute", f"Give one of {', '.join(known)}.")


@say_kind.register
def _status(f: kinds.StatusClaim, s: ClaimCompiler) -> None:
    (about,) = need(s.entity("of", ANYTHING) if isinstance(f.of, str) else _referred(s, f.of))
    s.observe(about, f.is_, ("status", "is"), s.date("on"))


def _referred(s: ClaimCompiler, of: SituationRef) -> Given | None:
    """Find the situation that a reference names."""
    path = ("status", "of")
    if of.accession is not None and of.to is not None:
        found = s.find_entity(of.accession, (*path, "accession"), ACTORS)
        candidate, organization = need(found, s.find_entity(of.to, (*path, "to"), ORGANIZATIONS))
        return Given(NamedNode(ids.situation_iri("accession", candidate.slug, organization.slug, of.spell)), path)
    refs = [(kind, ref) for kind in ("decision", "proposal", "statement") if (ref := getattr(of, kind))]
    if len(refs) != 1:
        remedy = "Write {proposal: ref, at: meeting} or {accession: egypt, to: ndb}."
        s.error(path, "reference", "this names no proposal, decision, statement or accession", remedy)
        return None
    ((kind, ref),) = refs
    return Given(NamedNode(ids.situation_iri(kind, _occasion(s, of.at, of.in_, path)[0], ref)), path)


@say_kind.register
def _name(f: kinds.NameClaim, s: ClaimCompiler) -> None:
    (entity,) = need(s.entity("of", ANYTHING))
    for language, text in sorted(f.text.items()):
        body = s.situation("naming", ids.naming_slug(entity.slug, language, text))
        s.say(body, nameOf=entity, text=Given(Literal(text, language=language), ("name", "text", language)))
        s.say(body, nameKind=s.concept("kind", "name-kind"), began=s.date("from"), ended=s.date("until"))


@say_kind.register
def _seat(f: kinds.Seat, s: ClaimCompiler) -> None:
    place, host = s.entity("place", PLACES), s.party("host", ACTORS, f.of)
    if f.place is None and f.host is None:
        s.error(("seat",), "no-place", "the seat has neither a place nor a host", "Give `place:` or `host:`.")
    organization, kind, where = need(s.entity("of", ORGANIZATIONS), s.concept("as", "seat-kind"), place or host)
    body = s.situation("seat", organization.slug, kind.slug, where.slug)
    s.say(body, seatOf=organization, seatKind=kind, place=place, host=host)
    s.say(body, began=s.date("from"), ended=s.date("until"), attestedOn=s.date("on"))


@say_kind.register
def _count(f: kinds.CountClaim, s: ClaimCompiler) -> None:
    path = ("count", "number")
    comparator = s.find_concept(f.number.comparator, path, "comparator")
    counted, measure = need(s.entity("of", ANYTHING), s.concept("what", "measure"))
    as_of = s.date("on")
    body = s.situation("count", counted.slug, measure.slug, as_of.slug if as_of else s.article.id)
    s.say(body, about=counted, measure=measure, asOf=as_of)
    s.say(body, value=Given(Literal(f.number.value), path), comparator=comparator)


@say_kind.register
def _tie(f: kinds.Tie, s: ClaimCompiler) -> None:
    type_, start = need(s.concept("type", "tie-type"), s.party("from", ACTORS))
    for end in s.parties("to", ACTORS, start.slug):
        # A symmetric tie is one situation, whoever is named first.
        turned = type_.iri in s.ontology.symmetric_ties and end.slug < start.slug
        first, second = (end, start) if turned else (start, end)
        if body := s.situation_unless_denied("tie", first.slug, second.slug, type_.slug, f.spell):
            s.say(body, **{"from": first, "to": second}, tieType=type_)
            s.say(body, began=s.date("from_date"), ended=s.date("until"), attestedOn=s.date("on"))
