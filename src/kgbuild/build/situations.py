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
from kgbuild.records.old_forms import OLD_FORM, new_form
from kgbuild.records.registry import Registry
from kgbuild.records.values import MembershipRef, SituationRef

ORGANIZATIONS = frozenset({"institution", "network"})
POLITIES = frozenset({"polity"})
PLACES = POLITIES | {"place"}
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
    (organization,) = need(s.party("in", ORGANIZATIONS))
    standing = s.concept("standing")
    for member in s.parties("of", ACTORS, organization.slug):
        key = (member.slug, organization.slug, f.spell)
        if body := s.situation_unless_denied("membership", *key, deniedStanding=standing):
            s.say(body, member=member, organization=organization)
            s.say(body, standing=standing, feature=s.concepts("features", "feature"))
            s.say(body, joined=s.date("joined"), left=s.date("left"), endReason=s.concept("end_reason", "reason"))
            s.say(body, attestedOn=s.date("on"), replaces=_replaced(s, f.replaces, member, organization))


def _replaced(s: ClaimCompiler, of: MembershipRef | None, member: Given, organization: Given) -> Given | None:
    """Find the membership that another one replaces; what the reference leaves out is as in that other one."""
    if of is None:
        return None
    path = ("membership", "replaces")
    who = s.find_entity(of.of, (*path, "of"), ACTORS) if of.of else member
    where = s.find_entity(of.in_, (*path, "in"), ORGANIZATIONS) if of.in_ else organization
    who, where = need(who, where)
    return Given(NamedNode(ids.situation_iri("membership", who.slug, where.slug, of.spell)), path)


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
            s.say(body, capacity=s.concept("as", "capacity"), presence=s.concept("presence", "attendance-mode"))


@say_kind.register
def _tenure(f: kinds.Tenure, s: ClaimCompiler) -> None:
    accredited = s.entity("to", ORGANIZATIONS | POLITIES)
    given = s.party("in", ORGANIZATIONS | POLITIES), s.concept("as", "office")
    institution, office, *_ = need(*given, *(() if f.to is None else (accredited,)))
    (holder,) = need(s.party("of", ACTORS, institution.slug))
    (broad,) = need(s.find_concept(s.ontology.top_slug(office.iri), office.path, "office"))
    to = accredited.slug if accredited else None
    # A narrower office is the broader one as well: sources that name the one or the other speak of one tenure.
    body = s.situation("tenure", holder.slug, broad.slug, institution.slug, to, f.spell)
    s.say(body, holder=holder, office=office, institution=institution, accreditedTo=accredited)
    s.derive(body, broadOffice=broad)
    s.say(body, manner=s.concept("manner"), endReason=s.concept("end_reason", "reason"))
    s.say(body, began=s.date("from"), ended=s.date("until"), attestedOn=s.date("on"))
    s.say(body, representedBy=s.party("represented_by", PERSONS, institution.slug))


@say_kind.register
def _meeting(f: kinds.Meeting, s: ClaimCompiler) -> None:
    (meeting,) = need(s.entity("is", MEETINGS))
    body = s.body(meeting.iri)
    s.say(body, meetingType=s.concept("type", "meeting-type"), held=s.date("held"), planned=s.date("planned"))
    s.say(body, venue=s.entities("place", PLACES), attendanceMode=s.concept("attendance", "attendance-mode"))
    s.say(body, inSeries=s.entity("series", frozenset({"series"})), host=s.parties("host", ACTORS, meeting.slug))
    if f.edition:
        s.say(body, edition=Given(Literal(f.edition), ("meeting", "edition")))
    s.say(body, partOf=s.entity("part_of", MEETINGS), topic=s.text("topic"))
    s.say(body, concerning=s.entities("concerning", ANYTHING))
    s.observe_status(body)


@say_kind.register
def _agreement(_: kinds.Agreement, s: ClaimCompiler) -> None:
    (agreement,) = need(s.entity("is", AGREEMENTS))
    body = s.body(agreement.iri)
    s.say(body, agreementType=s.concept("type", "agreement-type"), party=s.parties("parties", ACTORS, agreement.slug))
    s.say(body, signedOn=s.date("signed"), inForce=s.date("in_force"), expired=s.date("expired"))
    s.say(body, establishes=s.entities("establishes", ORGANIZATIONS | PROGRAMMES))
    s.say(body, amends=s.entities("amends", AGREEMENTS), implements=s.entities("implements", AGREEMENTS))
    s.say(body, occurredAt=s.entity("at", MEETINGS))
    s.observe_status(body)


@say_kind.register
def _signature(f: kinds.Signature, s: ClaimCompiler) -> None:
    agreement, act = need(s.entity("to", AGREEMENTS), s.concept("act", "signature-act"))
    for signatory in s.parties("of", ACTORS, agreement.slug):
        if body := s.situation_unless_denied("signature", agreement.slug, signatory.slug, act.slug, f.spell):
            s.say(body, signatory=signatory, agreement=agreement, act=act, signedOn=s.date("on"))
            s.say(body, signedBy=s.parties("signed_by", PERSONS, agreement.slug))
            s.say(body, inForceFrom=s.date("in_force_from"))


@say_kind.register
def _programme(_: kinds.Programme, s: ClaimCompiler) -> None:
    (programme,) = need(s.entity("is", PROGRAMMES))
    body = s.body(programme.iri)
    s.say(body, programmeType=s.concept("type", "programme-type"))
    s.say(body, runBy=s.parties("run_by", ACTORS, programme.slug))
    s.say(body, cooperator=s.parties("with", ACTORS, programme.slug))
    s.say(body, began=s.date("from"), ended=s.date("until"), concerning=s.entities("concerning", ANYTHING))
    s.observe_status(body)


@say_kind.register
def _publication(_: kinds.Publication, s: ClaimCompiler) -> None:
    (publication,) = need(s.entity("is", frozenset({"publication"})))
    body = s.body(publication.iri)
    s.say(body, publicationType=s.concept("type", "publication-type"), published=s.date("published"))
    s.say(body, publishedBy=s.parties("publisher", ACTORS, publication.slug))
    s.say(body, issue=s.text("issue", None), issn=s.text("issn", None))
    s.identify(body)
    s.say(body, concerning=s.entities("concerning", ANYTHING))


SUCCESSIONS = frozenset({"merger", "absorption", "split", "secession", "continuation", "replacement"})


@say_kind.register
def _change(f: kinds.Change, s: ClaimCompiler) -> None:
    (type_,) = need(s.concept("type", "change-type"))
    body = _succession(f, s, type_) if type_.slug in SUCCESSIONS else _change_of_one(f, s, type_)
    s.say(body, changeType=type_, happened=s.date("date"))
    s.say(body, occurredAt=s.entities("at", MEETINGS), place=s.entity("place", PLACES))
    s.say(body, initiatedBy=s.parties("initiated_by", ACTORS, f.of or s.article.id))


def _change_of_one(f: kinds.Change, s: ClaimCompiler, type_: Given) -> NamedNode:
    for name in ("original", "resulting"):
        if f.get(name) is not None:
            finding = f"a {type_.slug} has no `{name}`: it makes no new identity"
            remedy = f"Name the one that changes in `of`; or take one of {', '.join(sorted(SUCCESSIONS))}."
            s.error(("change", name), "no-succession", finding, remedy)
    if f.of is None:
        remedy = f"Add `of:`, the one that the {type_.slug} is of."
        s.error(("change",), "missing-key", "`of` is missing", remedy)
    (changed,) = need(s.entity("of", ACTORS | PROGRAMMES))
    founding = type_.slug == "founding"
    body = s.situation("change", changed.slug, type_.slug, f.spell, class_="Founding" if founding else "")
    s.say(body, **{"founded" if founding else "changed": changed})
    return body


def _succession(f: kinds.Change, s: ClaimCompiler, type_: Given) -> NamedNode:
    """Say who went into a succession and who came out of it: together they are its key, from whichever side told."""
    if f.of is not None:
        finding = f"a {type_.slug} is not `of` one: it leads from some to others"
        s.error(("change", "of"), OLD_FORM, finding, new_form("change", "of"))
    original, resulting = s.entities("original", ACTORS), s.entities("resulting", ACTORS)
    if f.original is None and f.resulting is None:
        remedy = "Name who went into it in `original`, who came out in `resulting`; one of them at least."
        s.error(("change",), "succession", f"nobody takes part in the {type_.slug}", remedy)
    if not original and not resulting:
        raise NotKnownError
    slug = ids.succession_slug((g.slug for g in original), (g.slug for g in resulting), type_.slug)
    body = s.situation("change", slug, f.spell, class_="Succession")
    s.say(body, original=original, resulting=resulting)
    return body


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
    s.say(body, occurredAt=meeting, setOutIn=document, madeBy=s.parties("by", ACTORS, slug))
    s.say(body, wording=s.text("what"), madeOn=s.date("date"), concerning=s.entities("concerning", ANYTHING))
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
    s.say(body, language=s.text("language", None))
    s.identify(body)
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
    context = s.entity("in", ORGANIZATIONS | AGREEMENTS)
    if f.in_ is not None:
        need(context)
    for language, text in sorted(f.text.items()):
        slug = ids.naming_slug(entity.slug, context.slug if context else None, language, text)
        body = s.situation("naming", slug)
        s.say(
            body,
            nameOf=entity,
            nameIn=context,
            nameText=Given(Literal(text, language=language), ("name", "text", language)),
        )
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
    s.say(body, observed=counted, measure=measure, asOf=as_of)
    s.say(body, number=Given(Literal(f.number.value), path), comparator=comparator)


@say_kind.register
def _tie(f: kinds.Tie, s: ClaimCompiler) -> None:
    type_, start = need(s.concept("type", "tie-type"), s.party("from", ACTORS))
    for end in s.parties("to", ACTORS, start.slug):
        # A symmetric tie is one situation, whoever is named first.
        turned = type_.iri in s.ontology.symmetric_ties and end.slug < start.slug
        first, second = (end, start) if turned else (start, end)
        if body := s.situation_unless_denied("tie", first.slug, second.slug, type_.slug, f.spell):
            s.say(body, tiedFrom=first, tiedTo=second, tieType=type_)
            s.say(body, began=s.date("from_date"), ended=s.date("until"), attestedOn=s.date("on"))
