"""Pages of what happened and of what was written: meetings, agreements, publications, decisions, any situation."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from kgbuild.engines import iri
from kgbuild.engines.lookup import write_term
from kgbuild.namespaces import ID, ONTOLOGY, RDF_TYPE
from kgbuild.server.languages import Reader
from kgbuild.server.rendering import best_label
from kgbuild.server.service import Service, table
from kgbuild.server.views.evidence import (
    Evidence,
    Fact,
    Shown,
    Value,
    Voice,
    add_names,
    gather,
    icn,
    in_parts,
    read_edtf,
    write_block,
)
from kgbuild.server.views.layout import N_

MOST_RELATED: Final = 300
"""Things that point to the one shown; where there are more, the page says so and links to a query."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of situations: which class, by which property they are about the thing, and which of theirs are shown."""

    title: str
    kind: str
    by: str
    columns: tuple[str, ...]


SECTIONS: Final = (
    Section(N_("Participants"), "Participation", "meeting", ("participant", "capacity", "onBehalfOf", "presence")),
    Section(N_("Signatures"), "Signature", "agreement", ("signatory", "act", "signedOn", "signedBy", "inForceFrom")),
    Section(N_("Agreements signed there"), "Agreement", "occurredAt", ("", "agreementType", "signed", "party")),
    Section(N_("What changed there"), "ChangeEvent", "occurredAt", ("", "changed", "happened")),
    Section(N_("Proposals made there"), "Proposal", "occurredAt", ("text", "by", "onBehalfOf", "currentStatus")),
    Section(N_("Decisions taken there"), "Decision", "occurredAt", ("text", "by", "carriedOutBy", "ledTo")),
    Section(N_("Statements made there"), "Statement", "occurredAt", ("text", "by", "onBehalfOf", "addressee")),
    Section(N_("Proposals set out in it"), "Proposal", "setOutIn", ("text", "by", "currentStatus")),
    Section(N_("Decisions set out in it"), "Decision", "setOutIn", ("text", "by", "carriedOutBy")),
    Section(N_("Statements set out in it"), "Statement", "setOutIn", ("text", "by", "addressee")),
    Section(N_("Part of it"), "Meeting", "partOf", ("", "meetingType", "held", "place")),
    Section(N_("Amended by"), "Agreement", "amends", ("", "agreementType", "signed")),
    Section(N_("Implemented by"), "Agreement", "implements", ("", "agreementType", "signed")),
    Section(N_("Issues"), "Publication", "partOf", ("", "published", "issue")),
    Section(N_("Status over time"), "StatusObservation", "about", ("asOf", "status")),
    Section(N_("Counts"), "CountObservation", "about", ("measure", "comparator", "value", "asOf")),
    Section(N_("Denied by"), "Denial", "denies", ("", "asOf", "attestedOn")),
    Section(
        N_("What this party does, as far as it is known"), "Membership", "member", ("organization", "joined", "role")
    ),
    Section(N_("What this party does, as far as it is known"), "Participation", "participant", ("meeting", "capacity")),
    Section(N_("What this party does, as far as it is known"), "Signature", "signatory", ("agreement", "act")),
    Section(N_("What this party does, as far as it is known"), "Tenure", "holder", ("office", "institution")),
)
_LEAST_TOLD: Final = {icn(name) for name in ("kept", "setAside", "dated", "began", "ended", "within", "resolves")}
"""Properties by which a thing is pointed to without anything new being said, or which are told elsewhere."""
_LINK: Final = """SELECT DISTINCT ?s ?p { %s FILTER (STRSTARTS(STR(?p), "%s"))
  FILTER (?p NOT IN (icn:claims, icn:inArticle, icn:statedIn, icn:dated))
  FILTER NOT EXISTS { ?finer rdfs:subPropertyOf ?p . ?s ?finer %s FILTER (?finer != ?p) } } ORDER BY ?p ?s LIMIT %d"""


@dataclass(frozen=True, slots=True)
class Row:
    """A situation in a table; cells may hold several values."""

    link: Shown
    cells: tuple[tuple[Value, ...], ...]
    voices: tuple[Voice, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A section with its rows; `columns` are the names of those that have a value in some row."""

    title: str
    columns: tuple[Shown, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """A disagreement about a property of the thing."""

    link: Shown
    property: Shown
    kept: tuple[Shown, ...]
    set_aside: tuple[Shown, ...]


async def situation(service: Service, thing: str, reader: Reader) -> tuple[str, dict[str, Any]]:
    """Tell of a situation, a meeting, a document or an unidentified party: facts, what belongs to it, who says so."""
    links = await related(service, thing)
    named = await _named_elsewhere(service, {thing, *(subject for _, subject in links)})
    found = await gather(service, reader, {thing, *(subject for _, subject in links)})
    await add_names(service, found, named)
    return "situation.html", await asyncio.to_thread(_tell_situation, found, thing, links, named)


def _tell_situation(found: Evidence, thing: str, links: list[tuple[str, str]], named: list[str]) -> dict[str, Any]:
    groups = _grouped(links)
    tables, told = _tables(found, groups)
    mentions = tuple(
        (found.name(property_), tuple(found.name(subject) for subject in subjects))
        for property_, subjects in sorted(_untold(groups, told, found).items())
    )
    facts = found.facts(thing)
    contested = contests(found, groups.get(icn("about"), []))
    return {
        "thing": thing,
        "name": found.name(thing),
        "kind": _kind_name(found, thing),
        "other_names": _other_names(found, thing),
        "facts": facts,
        "tables": tables,
        "contests": contested,
        "contested": {each.property.iri: each.link.iri for each in contested},
        "mentions": mentions,
        "voices": found.voices_on(thing),
        "is_placeholder": icn("UnidentifiedParty") in types_of(found, thing),
        "named_elsewhere": tuple(found.name(each) for each in named),
        "is_left_out": found.is_left_out(thing),
        "is_denial": icn("Denial") in types_of(found, thing),
        "is_disputed": any(term.value == "true" for term in found.get(thing, "disputed")),
        "more": len(links) >= MOST_RELATED,
        "query": f"SELECT ?thing ?property WHERE {{ ?thing ?property <{thing}> }} ORDER BY ?property ?thing",
        "data": json_ld(found, thing, facts),
    }


async def related(service: Service, thing: str) -> list[tuple[str, str]]:
    """List what points to a thing: property and subject."""
    node = write_term(iri(thing))
    pattern = f"?s ?p {node}"
    if f"{ID}unidentified/" in thing:  # once somebody is named, only the articles still speak of the unnamed one
        pattern = f"{{ {pattern} }} UNION {{ GRAPH ?g {{ {pattern} }} }}"
    rows = await table(service, _LINK % (pattern, ONTOLOGY, node, MOST_RELATED))
    return [(row["p"]["value"], row["s"]["value"]) for row in rows if row["s"]["type"] == "uri"]


async def _named_elsewhere(service: Service, situations: Iterable[str]) -> list[str]:
    """List the situations that say by name who takes part in one that leaves it open."""
    query = "SELECT DISTINCT ?n { VALUES ?s { %s } ?n icn:resolves ?s } ORDER BY ?n"
    answers = [await table(service, query % write_block(part)) for part in in_parts(sorted(situations))]
    return [row["n"]["value"] for rows in answers for row in rows if row["n"]["type"] == "uri"]


def _grouped(links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for property_, subject in links:
        grouped[property_].append(subject)
    return grouped


def types_of(found: Evidence, thing: str) -> set[str]:
    """List the classes of a thing."""
    return {term.value for term in (found.of(thing).get(RDF_TYPE) or found.names.get(thing, {}).get(RDF_TYPE, []))}


def _tables(found: Evidence, groups: dict[str, list[str]]) -> tuple[tuple[Table, ...], set[tuple[str, str]]]:
    made, told = [], set()
    for section in SECTIONS:
        subjects = [s for s in groups.get(icn(section.by), []) if icn(section.kind) in types_of(found, s)]
        if subjects:
            made.append(_table(found, section, subjects))
            told |= {(icn(section.by), subject) for subject in subjects}
    return tuple(made), told


def _table(found: Evidence, section: Section, subjects: list[str]) -> Table:
    used = [name for name in section.columns if not name or any(found.get(s, name) for s in subjects)]
    rows = [_row(found, subject, used) for subject in sorted(subjects, key=lambda s: _sorting(found, s))]
    columns = tuple(found.name(icn(name)) if name else Shown("") for name in used)
    return Table(section.title, columns, tuple(rows))


def _row(found: Evidence, subject: str, columns: list[str]) -> Row:
    cells = [_cell(found, subject, name) if name else (Value(found.name(subject), ()),) for name in columns]
    return Row(found.name(subject), tuple(cells), found.voices_on(subject))


def _cell(found: Evidence, subject: str, name: str) -> tuple[Value, ...]:
    terms = found.get(subject, name)
    if terms and all(term.language for term in terms):  # one text in several languages
        text, language = best_label({term.language: term.value for term in reversed(terms)}, found.reader)
        return (Value(Shown(text, "", language), ()),)
    return tuple(Value(found.show(term), ()) for term in terms)


def _sorting(found: Evidence, subject: str) -> tuple[str, str]:
    """Sort by the first date of a thing, then by name; what has no date comes last."""
    days = [day for terms in found.of(subject).values() for term in terms if (day := first_day(found, term.value))]
    return min(days, default="9999"), found.name(subject).text.casefold()


def first_day(found: Evidence, date: str) -> str:
    """Give the earliest day of a date node, or its latest where it has no earliest; "" for what is none."""
    for term in found.names.get(date, {}).get(icn("edtf"), []):
        node = read_edtf(term.value)
        day = (node.earliest or node.latest) if node else None
        return day.isoformat() if day else ""
    return ""


def _untold(groups: dict[str, list[str]], told: set[tuple[str, str]], found: Evidence) -> dict[str, list[str]]:
    left: dict[str, list[str]] = {}
    for property_, subjects in groups.items():
        rest = [s for s in subjects if (property_, s) not in told and icn("Disagreement") not in types_of(found, s)]
        if property_ not in _LEAST_TOLD and rest:
            left[property_] = rest
    return left


def contests(found: Evidence, subjects: Iterable[str]) -> tuple[Contest, ...]:
    """List the disagreements among some things."""
    return tuple(
        Contest(
            found.name(each),
            found.name(found.one(each, "onProperty")),
            tuple(found.show(term) for term in found.get(each, "kept")),
            tuple(found.show(term) for term in found.get(each, "setAside")),
        )
        for each in sorted(subjects)
        if icn("Disagreement") in types_of(found, each) and found.one(each, "onProperty")
    )


def _kind_name(found: Evidence, thing: str) -> Shown:
    return Shown(found.class_name(found.of(thing) or found.names.get(thing, {})))


def _other_names(found: Evidence, thing: str) -> tuple[Shown, ...]:
    shown = found.name(thing).text
    known = found.names.get(thing, {})
    labels = [term for p, terms in known.items() if p.endswith(("#label", "#altLabel")) for term in sorted(terms)]
    return tuple(Shown(term.value, "", term.language) for term in labels if term.value != shown)


def json_ld(found: Evidence, thing: str, facts: Iterable[Fact]) -> dict[str, object]:
    """Say when and where in terms of schema.org, of a meeting or a document; nothing of anything else."""
    types = types_of(found, thing)
    made: dict[str, object] = {}
    if icn("Meeting") in types:
        made.update(_days(found, found.one(thing, "held") or found.one(thing, "planned")))
        place = next((fact.values[0].term for fact in facts if fact.property == icn("place")), None)
        if place:
            made["location"] = {"@type": "Place", "@id": place.iri, "name": place.text}
    elif icn("Document") in types:
        for key, name in (("datePublished", "published"), ("dateCreated", "signed")):
            if day := _as_printed(found, found.one(thing, name)):
                made[key] = day
    return made


def _days(found: Evidence, date: str) -> dict[str, str]:
    """Give start and end of an event where both are days; a window is neither."""
    for term in found.names.get(date, {}).get(icn("edtf"), []):
        first, _, last = term.value.partition("/")
        if _is_plain(first) and (not last or _is_plain(last)):
            return {"startDate": first, "endDate": last or first}
    return {}


def _as_printed(found: Evidence, date: str) -> str:
    return next((t.value for t in found.names.get(date, {}).get(icn("edtf"), []) if _is_plain(t.value)), "")


def _is_plain(text: str) -> bool:
    return text.replace("-", "").isdecimal()
