"""Pages of networks, institutions, persons, states and territories."""

from __future__ import annotations

from kgbuild.server.views.graph import Described, Fact, Thing, When
from kgbuild.server.views.layout import N_, Page, Section, facts, section, sections
from kgbuild.server.views.schema import MOST, iso, named
from kgbuild.server.views.situations import Sections


def about(described: Described, *more: Fact | None) -> Section | None:
    """Show what is said of a thing in a few words, and where else it is described."""
    here = described.iri
    return section(
        "about",
        N_("In short"),
        facts(
            described.fact(N_("Of state"), here, "icn:ofState", origin="registry"),
            described.fact(N_("Belongs to"), here, "icn:affiliation", origin="registry"),
            described.fact(N_("Purpose"), here, "icn:purpose"),
            described.fact(N_("Description"), here, "icn:description"),
            *more,
            described.fact(N_("Current status"), here, "icn:currentStatus", origin="computed"),
            described.fact(N_("Practice"), here, "icn:practice"),
            described.fact(N_("Rule of entry"), here, "icn:entryRule"),
            described.fact(N_("Legal basis"), here, "icn:legalBasis"),
            described.fact(N_("Funding"), here, "icn:funding"),
            described.fact(N_("Language"), here, "icn:language"),
            described.fact(N_("Website"), here, "icn:website"),
            described.fact(N_("Identifier"), here, "icn:identifier", origin="registry"),
            described.fact(N_("Elsewhere"), here, "rdfs:seeAlso", "skos:exactMatch", "owl:sameAs", origin="registry"),
            described.fact(N_("Possibly the same as"), here, "icn:possiblySameAs", origin="registry"),
            described.fact(N_("Note of the curators"), here, "skos:editorialNote", origin="registry"),
        ),
    )


def network(described: Described) -> Page:
    """Show a network: what it is for, who belongs to it, how it came about, what it does."""
    parts = Sections(described)
    present, former = parts.members()
    found = sections(
        about(described),
        present,
        former,
        parts.accessions(),
        parts.changes(),
        parts.meetings(),
        parts.agreements(),
        parts.said(),
        parts.memberships(),
        parts.people(),
        parts.seats(),
        parts.counts(),
        parts.statuses(),
        parts.names(),
        parts.ties(),
        parts.related("related", N_("Programmes and publications"), "Programme", "Publication"),
        parts.disagreements(),
        parts.articles(),
    )
    member_of = described.subjects("icn:organization")
    return Page(found, {**_organization(described), "member": _others(described, member_of, "icn:member")})


def institution(described: Described) -> Page:
    """Show an institution: its names, memberships, people and doings."""
    parts = Sections(described)
    present, former = parts.members()
    found = sections(
        about(described),
        parts.names(),
        parts.memberships(),
        present,
        former,
        parts.accessions(),
        parts.people(),
        parts.changes(),
        parts.meetings(),
        parts.agreements(),
        parts.said(),
        parts.seats(),
        parts.offices(),
        parts.ties(),
        parts.related("related", N_("Programmes and publications"), "Programme", "Publication"),
        parts.related("persons", N_("Belonging to it"), "Person", "UnidentifiedParty"),
        parts.counts(),
        parts.statuses(),
        parts.disagreements(),
        parts.articles(),
    )
    belongs = described.subjects("icn:member")
    return Page(found, {**_organization(described), "memberOf": _others(described, belongs, "icn:organization")})


def person(described: Described) -> Page:
    """Show a person: offices, meetings, statements, spellings."""
    parts = Sections(described)
    found = sections(
        about(described),
        parts.offices(),
        parts.meetings(N_("Meetings attended")),
        parts.said(),
        parts.memberships(),
        parts.agreements(),
        parts.changes(),
        _spellings(described),
        parts.disagreements(),
        parts.articles(),
    )
    where = [described.thing(each) for each in described.iris(described.iri, "icn:affiliation")]
    return Page(found, {"affiliation": [named(each) for each in where[:MOST]]})


def state(described: Described) -> Page:
    """Show a state or a territory."""
    parts = Sections(described)
    kinds = ("Institution", "Academy", "GovernmentBody", "PoliticalPartyBody", "ResearchInstitute", "Secretariat")
    found = sections(
        about(described),
        parts.memberships(),
        parts.accessions(),
        parts.agreements(),
        parts.meetings(),
        parts.related(
            "institutions",
            N_("Its institutions"),
            *(*kinds, "DiplomaticMission", "InternationalOrganization", "Network", "MultilateralPlatform"),
        ),
        parts.related("unnamed", N_("Parties that no source names"), "UnidentifiedParty"),
        parts.related("places", N_("Places"), "Place"),
        parts.people(),
        parts.offices(),
        parts.missions(),
        parts.said(),
        parts.seats(),
        parts.changes(),
        parts.ties(),
        parts.related("related", N_("Programmes and publications"), "Programme", "Publication"),
        parts.names(),
        parts.counts(),
        parts.statuses(),
        parts.disagreements(),
        parts.articles(),
    )
    return Page(found)


def _spellings(described: Described) -> Section | None:
    return section(
        "spellings",
        N_("Spellings"),
        facts(described.fact(N_("Also written"), described.iri, "skos:altLabel", origin="registry")),
    )


def _organization(described: Described) -> dict[str, object]:
    events = [*described.subjects("icn:founded")]
    dates = [date for each in events if isinstance(date := described.date(each, "icn:happened"), When)]
    sites = described.iris(described.iri, "icn:website")
    return {"foundingDate": iso(dates[0].edtf) if dates else "", "url": sites[0] if sites else ""}


def _others(described: Described, situations: list[str], name: str) -> list[dict[str, object]]:
    things: list[Thing] = [described.thing(each) for s in situations for each in described.iris(s, name)]
    once = {thing.iri: thing for thing in things if thing.unnamed is None}
    return [named(thing) for thing in list(once.values())[:MOST]]
